#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""One order for everybody: two publishers, a hundred subscribers on four transports.

    order.py http://HOST:PORT COUNT

Two rt-pub publish COUNT events each, to two topics, in bursts that meet each other. Sixty
subscribers are there from the start, forty come while it goes on and want everything from the
beginning. All must have the same bytes in the same order. Prints how many events, subscribers and
changes from one publisher to the other that order has.
"""
import json
import random
import subprocess
import sys
import threading
import time

from raw_http import fail
from swarm import TRANSPORTS, Swarm

PATH = "/events?topic=order/a&topic=order/b&since=all"
EARLY, LATE = 60, 40
AHEAD = 100
PAD = "x" * 500     # so that all of them are more than the smallest --memory


class Publisher(threading.Thread):
    """An rt-pub that is fed in bursts, never far ahead of what (reader) has seen of both."""

    def __init__(self, url, name, count, reader):
        super().__init__(daemon=True)
        self.name, self.count, self.reader = name, count, reader
        self.process = subprocess.Popen(["rt-pub", "-s", url], stdin=subprocess.PIPE)
        self.status = None

    def run(self):
        rng, n = random.Random(self.name), 0
        while n < self.count:
            if n > len(self.reader.lines) // 2 + AHEAD:
                time.sleep(0.001)
                continue
            burst = min(rng.randint(1, 20), self.count - n)
            text = "".join('{"topic":"order/%s","data":{"p":"%s","n":%d,"x":"%s"}}\n'
                           % ("ab"[i % 2], self.name, i, PAD) for i in range(n + 1, n + burst + 1))
            self.process.stdin.write(text.encode())
            self.process.stdin.flush()
            n += burst
        self.process.stdin.close()
        self.status = self.process.wait()


def check_truth(lines, count):
    """The order itself: ids grow, each topic counts, each publisher is in his own order."""
    events, seq, number, changes, before = [json.loads(line) for line in lines], {}, {}, 0, None
    ids = [int(e["id"]) for e in events]
    if any(a >= b for a, b in zip(ids, ids[1:])):
        fail("ids do not grow")
    for e in events:
        topic, who = e["topic"], e["data"]["p"]
        seq[topic] = seq.get(topic, 0) + 1
        number[who] = number.get(who, 0) + 1
        if e["seq"] != seq[topic] or e["data"]["n"] != number[who]:
            fail(f"out of order: {e}")
        changes += before not in (None, who)
        before = who
    if number != {"one": count, "two": count}:
        fail(f"published: {number}")
    return changes


def main():
    url, count = sys.argv[1], int(sys.argv[2])
    swarm = Swarm(url)
    for i in range(EARLY):
        swarm.join(TRANSPORTS[i % 4], PATH)
    if not swarm.run(lambda: all(r.ready for r in swarm.readers)):
        fail("not all of them were answered")
    publishers = [Publisher(url, name, count, swarm.readers[0]) for name in ("one", "two")]
    for p in publishers:
        p.start()
    for i in range(LATE):
        at = 2 * count * i // LATE * 3 // 4
        swarm.run(lambda: len(swarm.readers[0].lines) >= at, 60)
        swarm.join(TRANSPORTS[i % 4], PATH)
    if not swarm.run(lambda: all(len(r.lines) >= 2 * count for r in swarm.readers), 60):
        fail("incomplete: %s" % [(r.transport, len(r.lines), r.ended) for r in swarm.readers])
    for p in publishers:
        p.join()
        if p.status != 0:
            fail(f"rt-pub ended with {p.status}")
    truth = swarm.readers[0].lines
    changes = check_truth(truth, count)
    for i, r in enumerate(swarm.readers):
        if r.lines != truth:
            at = next((k for k, (a, b) in enumerate(zip(r.lines, truth)) if a != b), len(truth))
            fail(f"{r.transport} {i}: from event {at} on: {r.lines[at:at + 2]}, not {truth[at:at + 2]}")
    print(json.dumps({"events": len(truth), "subscribers": len(swarm.readers), "changes": changes}))


main()
