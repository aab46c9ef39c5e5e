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

from raw_http import UPGRADE, Stream, fail

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


def connect(url, transport):
    if transport == "sse":
        return Stream(url, "/topics/slow", {"Accept": "text/event-stream"}, "1.0", 4096)
    if transport == "ndjson":
        return Stream(url, "/topics/slow?as=ndjson", None, "1.0", 4096)
    if transport == "ws":
        return Stream(url, "/topics/slow", UPGRADE, rcvbuf=4096)
    c = Stream(url, "/ws", UPGRADE, rcvbuf=4096)
    c.ws_send('{"op":"subscribe","topics":["slow"]}')
    c.ws_text()
    return c


def envelopes(c, transport):
    while transport in ("ws", "mux"):
        yield json.loads(c.ws_text())
    while True:
        line = c.until(b"\n")
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
    readers = [connect(url, transport) for _ in range(READERS)]
    publish(url, count // 10)       # what fits into buffers of the system, and the first stall
    before = resident_mib(pid)
    publish(url, count - count // 10)
    time.sleep(seconds)             # the silence is the test
    grown = resident_mib(pid) - before
    complete = all(read_all(c, transport, count) == list(range(1, count + 1)) for c in readers)
    print(json.dumps({"count": count, "complete": complete, "grown": grown}))


main()
