#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The seam between catching up and live, through HTTP.

    seam.py http://HOST:PORT ROUNDS

One connection publishes numbers all the time. Each round subscribes behind one of the newest
events, on the next transport, and reads on until an event comes that was published after its
subscription was asked for. It must have got every number in between, once and in order. Prints
how many rounds there were, and how many events came before and after each round's beginning.
"""
import json
import random
import socket
import sys
import threading
import time

from raw_http import CHUNKED, fail, head_bytes
from swarm import TRANSPORTS, Reader, Swarm

RECENT = 64
PACE = 0.0005


class Publisher(threading.Thread):
    """Publishes 1, 2, 3 ... in one endless request; (sent) is the newest number."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.sent, self.over = 0, False
        self.socket = socket.create_connection(server)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(head_bytes("POST", "/topics/seam", CHUNKED))

    def run(self):
        rng = random.Random(1)
        while not self.over:
            n = rng.randint(1, 4)
            data = b"".join(b"%d\n" % i for i in range(self.sent + 1, self.sent + n + 1))
            self.sent += n
            self.socket.sendall(b"%x\r\n%s\r\n" % (len(data), data))
            time.sleep(PACE)
        self.socket.sendall(b"0\r\n\r\n")
        answer = self.socket.recv(4096)
        self.accepted = json.loads(answer.split(b"\r\n\r\n")[1])["accepted"]


def events_of(lines):
    events = []
    for line in lines:
        e = json.loads(line)
        if "gap" in e:
            fail(f"a gap: {line}")
        events.append((e["data"], e["id"]))
    return events


def one_round(server, publisher, transport, number, cursor):
    """Subscribe behind (number); the events that came, and how many of them were there before."""
    before = publisher.sent
    r = Reader(server, transport, f"/topics/seam?since={cursor}")
    r.socket.setblocking(True)
    got, parsed = [], 0
    while not got or got[-1][0] <= before:
        if not r.read():
            fail(f"{transport}: ended: {r.ended}")
        got += events_of(r.lines[parsed:])
        parsed = len(r.lines)
    r.close()
    numbers = [n for n, _ in got]
    if numbers != list(range(number + 1, number + 1 + len(got))):
        fail(f"{transport} behind {number}: {numbers}")
    return got, sum(n <= before for n in numbers)


def main():
    swarm, rounds = Swarm(sys.argv[1]), int(sys.argv[2])
    publisher, rng, old, new = Publisher(swarm.server), random.Random(2), 0, 0
    first = Reader(swarm.server, "ndjson", "/topics/seam")
    while first.head is None:
        first.read()
    publisher.start()
    while len(first.lines) < RECENT:
        first.read()
    first.close()
    recent = events_of(first.lines)[-RECENT:]
    for i in range(rounds):
        got, before = one_round(swarm.server, publisher, TRANSPORTS[i % len(TRANSPORTS)],
                                *recent[rng.randrange(len(recent))])
        old, new = old + before, new + len(got) - before
        recent = (recent + [e for e in got if e[0] > recent[-1][0]])[-RECENT:]
    publisher.over = True
    publisher.join()
    if publisher.accepted != publisher.sent:
        fail(f"accepted {publisher.accepted} of {publisher.sent}")
    print(json.dumps({"rounds": rounds, "before": old, "after": new}))


main()
