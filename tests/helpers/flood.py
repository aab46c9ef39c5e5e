#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Subscribers who stop reading while a flood passes, and what becomes of them.

    flood.py URL many PID READERS EVENTS [TRANSPORT]   by a third on sse, ws and ndjson, or all on
                                                       TRANSPORT; silent for three heartbeats of
                                                       RT_SLOW seconds; then they read everything
    flood.py URL skipped TRANSPORT REASON              one of them; it must find a gap record with
                                                       REASON in place of what it missed
    flood.py URL closed TRANSPORT                      one of them; its connection must end

Prints a line of JSON, or what is wrong.
"""
import json
import re
import socket
import sys
import time
import urllib.request

from raw_http import SLOW, fail
from swarm import Swarm

SIZE = 1000
HEARTBEATS = 3.2
BUFFERED = 1700     # events that fill the system's buffers


def resident_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:")) / 1024


def publish(url, first, last, size=SIZE):
    pad = "x" * size
    for at in range(first, last + 1, 1000):
        body = "".join(f'{{"n":{n},"pad":"{pad}"}}\n' for n in range(at, min(at + 1000, last + 1)))
        request = urllib.request.Request(url + "/topics/flood", body.encode(),
                                         {"Content-Type": "application/x-ndjson"})
        if json.load(urllib.request.urlopen(request))["refused"]:
            fail("an event was refused")


def subscribers(url):
    """Those of the server's connections that are subscribed, one by one or through /ws."""
    there = json.load(urllib.request.urlopen(url + "/connections"))["connections"]
    return [c for c in there if c.get("topics") == ["flood"]
            or any(s["topics"] == ["flood"] for s in c.get("subscriptions", []))]


def lives(url):
    return any(c.get("state") == "live" for c in subscribers(url))


def stay_silent(heartbeat=1):
    """Time passes: the silence is the test."""
    time.sleep(HEARTBEATS * heartbeat)


class Counted:
    """Takes numbers out of what a stream brings, keeps nothing else."""

    def __init__(self, reader, count):
        self.reader, self.count, self.due = reader, count, 1

    def complete(self):
        r = self.reader
        for line in r.lines:
            seq = int(re.search(rb'"seq":(\d+)', line).group(1)) if line[2:5] != b"gap" else None
            if seq != self.due:
                fail(f"{r.transport}: {line[:200]!r} where {self.due} was due")
            self.due += 1
        r.lines = []
        if r.ended:
            fail(f"{r.transport}: ended: {r.ended}")
        return self.due > self.count


def many(url, pid, readers, events, *transports):
    swarm = Swarm(url)
    kinds = transports or ("sse", "ws", "ndjson")
    slow = [swarm.join(kinds[i % len(kinds)], "/topics/flood", rcvbuf=4096) for i in range(readers)]
    if not swarm.run(lambda: all(r.ready for r in slow)):
        fail("not all were answered")
    publish(url, 1, BUFFERED)       # from here on they all lag
    before = resident_mib(pid)
    publish(url, BUFFERED + 1, events)
    # Pings count while the windows are open, and until then a server that is slow takes its time.
    stay_silent(SLOW)
    grown = resident_mib(pid) - before
    there = len(subscribers(url))
    # One after the other, as they would: then not all of it is in memory here, either.
    start = time.monotonic()
    for r in slow:
        one = Counted(r, events)
        r.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        r.socket.setblocking(True)
        while not one.complete():
            r.read(1 << 20)
    print(json.dumps({"there": there, "grown": round(grown, 1), "complete": True,
                      "seconds": round(time.monotonic() - start, 1)}))


def stalled(url, transport):
    """A subscriber behind twelve megabytes that it does not read."""
    swarm = Swarm(url)
    r = swarm.join(transport, "/topics/flood", rcvbuf=4096)
    if not swarm.run(lambda: r.ready):
        fail("not answered")
    return swarm, r


def skipped(url, transport, reason):
    swarm, r = stalled(url, transport)
    publish(url, 1, 4000, 3000)
    stay_silent()
    if not swarm.run(lambda: r.ended or any(b'{"gap"' in line for line in r.lines)):
        fail(f"no gap; the last is {r.lines[-1][:200]}")
    swarm.run(lambda: r.ended or lives(url), 20)
    publish(url, 4001, 4010)            # now it keeps up
    if not swarm.run(lambda: r.ended or b'"n":4010' in r.lines[-1]):
        fail(f"the newest did not come; the last is {r.lines[-1][:200]}")
    if r.ended:
        fail(f"ended: {r.ended}")
    records = [json.loads(line) for line in r.lines]
    gaps = [i for i, e in enumerate(records) if "gap" in e]
    got = [e["seq"] for e in records if "gap" not in e]
    if not gaps or len(got) == 4010:
        fail(f"{len(gaps)} gaps, {len(got)} events")
    for i in range(1, len(records)):
        check_step(records, i, reason)
    print(json.dumps({"gaps": len(gaps), "events": len(got), "last": got[-1]}))


def check_step(records, i, reason):
    """Each record follows the one before without a hole, or a gap names what is between them."""
    before, e = records[i - 1], records[i]
    if "gap" in e:
        gap = e["gap"]
        if gap["reason"] != reason or gap["topic"] != "flood" or int(gap["after"]) < int(before["id"]):
            fail(f"after {before['id']}: {e}")
    elif "gap" in before:
        until = before["gap"]["until"]
        if until is not None and int(e["id"]) < int(until):
            fail(f"{before}, but then came {e['id']}")
    elif e["seq"] != before["seq"] + 1:
        fail(f"after {before['seq']} came {e['seq']} without a word")


def closed(url, transport):
    swarm, r = stalled(url, transport)
    publish(url, 1, 4000, 3000)
    end = time.monotonic() + 15 * SLOW
    while subscribers(url):
        if time.monotonic() > end:
            fail("still connected")
        time.sleep(0.05)
    swarm.run(lambda: r.ended)
    seqs = [int(m.group(1)) for line in r.lines if (m := re.search(rb'"seq":(\d+)', line))]
    if seqs != list(range(1, len(seqs) + 1)):
        fail("what came before the end has holes")
    print(json.dumps({"events": len(seqs), "ended": r.ended}))


def main():
    url, what = sys.argv[1:3]
    if what == "many":
        many(url, *map(int, sys.argv[3:6]), *sys.argv[6:])
    elif what == "skipped":
        skipped(url, *sys.argv[3:5])
    else:
        closed(url, sys.argv[3])


main()
