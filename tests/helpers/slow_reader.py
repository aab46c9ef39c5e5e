#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Subscribers who stop reading.

    slow_reader.py http://HOST:PORT TRANSPORT PID MEGABYTES SECONDS

Four of them subscribe by TRANSPORT (sse, ndjson, ws or mux) with a small receive buffer. MEGABYTES
are published to their topic; they read nothing for SECONDS after that, then everything. Prints one
line of JSON: events published, whether all of them came to each in order, once, and by how many MiB
the process PID grew meanwhile.
"""
import json
import sys
import time
import urllib.request
from urllib.parse import urlsplit

from wire import UPGRADE, Connection, fail, masked

SIZE = 8000
READERS = 4


def resident_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        for line in f:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) // 1024
    return 0


def publish(url, count):
    pad = "x" * SIZE
    for first in range(0, count, 50):
        body = "".join(f'{{"n":{n},"pad":"{pad}"}}\n' for n in range(first, min(first + 50, count)))
        request = urllib.request.Request(url + "/topics/slow", body.encode(),
                                         {"Content-Type": "application/x-ndjson"})
        if json.load(urllib.request.urlopen(request))["refused"]:
            fail("an event was refused")


def connect(server, transport):
    if transport == "sse":
        return Connection(server, "/topics/slow", [("Accept", "text/event-stream")], "1.0", 4096)
    if transport == "ndjson":
        return Connection(server, "/topics/slow?as=ndjson", (), "1.0", 4096)
    if transport == "ws":
        return Connection(server, "/topics/slow", UPGRADE, rcvbuf=4096)
    c = Connection(server, "/ws", UPGRADE, rcvbuf=4096)
    c.socket.sendall(masked('{"op":"subscribe","topics":["slow"]}'))
    while c.frame()[0] != 1:
        pass
    return c


def lines(c):
    while True:
        while b"\n" not in c.rest:
            c.more()
        line, c.rest = c.rest.split(b"\n", 1)
        yield line


def envelopes(c, transport):
    if transport in ("ws", "mux"):
        while True:
            opcode, payload = c.frame()
            if opcode == 1:
                yield json.loads(payload)
    for line in lines(c):
        if transport == "sse" and line.startswith(b"data: "):
            yield json.loads(line[6:])
        elif transport == "ndjson" and line:
            yield json.loads(line)


def read_all(c, transport, count):
    seqs = []
    for envelope in envelopes(c, transport):
        if "gap" in envelope:
            fail(f"a gap: {envelope}")
        seqs.append(envelope["seq"])
        if len(seqs) >= count:
            return seqs


def main():
    url, transport, pid = sys.argv[1:4]
    count, seconds = int(sys.argv[4]) * 1000000 // SIZE, float(sys.argv[5])
    parts = urlsplit(url)
    readers = [connect((parts.hostname, parts.port), transport) for _ in range(READERS)]
    publish(url, count // 10)       # what fits into buffers of the system, and the first stall
    before = resident_mib(pid)
    publish(url, count - count // 10)
    time.sleep(seconds)             # the silence is the test
    grown = resident_mib(pid) - before
    complete = all(read_all(c, transport, count) == list(range(1, count + 1)) for c in readers)
    print(json.dumps({"count": count, "complete": complete, "grown": grown}))


main()
