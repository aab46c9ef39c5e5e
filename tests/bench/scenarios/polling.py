# SPDX-License-Identifier: MIT
"""Polls: goal 9."""
import re

from lib import requests
from lib.figures import Pairs
from lib.goals import Goal

TITLE = "Polls: nothing new, and long polls"
ORDER = 90
SECONDS = 14
HOW = """A conditional GET at the end of the log (304) on kept connections, beside the floor's plain
answer of 2 bytes, in pairs: requests for each second of CPU time of the server, with 64 requests
under way on one connection, and with one on each of 256. Then 500 long polls that all wait for the
same topic, and ask again as soon as they are answered, beside nginx with Nchan: CPU per delivery,
the next request included."""
PIPELINED, KEPT = "64 pipelined", "256 connections"
DELIVERY = "CPU per long-poll delivery"
GOALS = [Goal("9", f"304, {figure}", "rt-serve 304", figure, at_least=0.9)
         for figure in (PIPELINED, KEPT)]
GOALS += [Goal("9", "a long-poll delivery", "rt-serve long poll", DELIVERY, at_most=0.7)]
WAITING, ROUNDS = 500, 15


def not_modified(bench):
    """304 beside GET /plain."""
    with bench.server("floor") as floor, bench.server("rt-serve") as server:
        requests.post(server, "/topics/t", requests.payload(1))
        tag = requests.get(server, "/topics/t?last=1")[1]["ETag"]
        target = f"/topics/t?since={tag.strip(chr(34))}"
        for figure, args in ((PIPELINED, ("-c", "100000")),
                             (KEPT, ("-c", "60000", "-w", "1", "-n", "256"))):
            pairs = Pairs()
            for _ in range(3):
                plain = requests.pipeline(bench, floor, *args, "GET", "/plain")
                ours = requests.pipeline(bench, server, *args, "-e", "304", "-H",
                                         f"If-None-Match: {tag}", "GET", target)
                pairs.add(1 / plain[1], 1 / ours[1])
            bench.row("rt-serve 304", figure, "1/s", pairs=pairs)


def rt_polls(server):
    """Long polls of rt-serve."""
    def ask(position):
        return (f"GET /topics/t?wait=60&since={position} HTTP/1.1\r\n"
                f"Host: 127.0.0.1:{server.port}\r\n\r\n").encode()
    return requests.LongPolls(server, WAITING, ask("now"), lambda head: ask(
        re.search(rb'ETag: "(\d+)"', head).group(1).decode()))


def nchan_polls(server):
    """Long polls of Nchan."""
    def ask(fields=b""):
        return (f"GET /sub/t HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n".encode() + fields +
                b"\r\n")

    def following(head):
        modified = re.search(rb"(?i)Last-Modified: ([^\r]*)", head).group(1)
        tag = re.search(rb"(?i)ETag: ([^\r]*)", head).group(1)
        return ask(b"If-Modified-Since: " + modified + b"\r\nIf-None-Match: " + tag + b"\r\n")
    return requests.LongPolls(server, WAITING, ask(), following)


def cost(bench, begin, server, path):
    """CPU seconds per delivery."""
    def once():
        polls = begin(server)
        try:
            return polls.cpu_per_delivery(path, ROUNDS)
        finally:
            polls.close()
    return bench.quiet(once)


def run(bench):
    """See HOW."""
    with bench.subject("rt-serve 304"):
        not_modified(bench)
    with bench.subject("rt-serve long poll"), bench.server("nchan") as nchan, \
            bench.server("rt-serve") as server:
        pairs = Pairs()
        for _ in range(3):
            theirs = cost(bench, nchan_polls, nchan, "/pub/t")
            pairs.add(theirs, cost(bench, rt_polls, server, "/topics/t"))
        bench.row("rt-serve long poll", DELIVERY, "us", pairs=pairs, to="nginx with Nchan")
