# SPDX-License-Identifier: MIT
"""Polls: goal 9."""
import contextlib
import re

from lib import requests
from lib.figures import in_pairs
from lib.goals import Goal

TITLE = "Polls: nothing new, and long polls"
ORDER = 90
SECONDS = 6
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
WAITING, EVENTS = 500, 8


def per_second(bench, server, *args):
    """Answers for each second of its CPU."""
    return 1 / requests.pipeline(bench, server, *args)[1]


def not_modified(bench):
    """304 beside GET /plain."""
    with bench.server("floor") as floor, bench.server("rt-serve") as server:
        requests.post(server, "/topics/t", requests.payload(1))
        tag = requests.get(server, "/topics/t?last=1")[1]["ETag"]
        target = f"/topics/t?since={tag.strip(chr(34))}"
        for figure, args in ((PIPELINED, ["-c", "60000"]),
                             (KEPT, ["-c", "40000", "-w", "1", "-n", "256"])):
            ask = [*args, "-e", "304", "-H", f"If-None-Match: {tag}", "GET", target]
            pairs = in_pairs(lambda a=args: per_second(bench, floor, *a, "GET", "/plain"),
                             lambda a=ask: per_second(bench, server, *a), bench.rounds(3))
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


def delivery(bench):
    """A long-poll delivery beside one of Nchan."""
    with bench.server("nchan") as nchan, bench.server("rt-serve") as server, \
            contextlib.closing(nchan_polls(nchan)) as theirs, \
            contextlib.closing(rt_polls(server)) as ours:
        pairs = in_pairs(
            lambda: bench.quiet(lambda: theirs.cpu_per_delivery("/pub/t", EVENTS)),
            lambda: bench.quiet(lambda: ours.cpu_per_delivery("/topics/t", EVENTS)),
            bench.rounds(4))
    bench.row("rt-serve long poll", DELIVERY, "us", pairs=pairs, to="nginx with Nchan")


def run(bench):
    """See HOW."""
    with bench.subject("rt-serve 304"):
        not_modified(bench)
    with bench.subject("rt-serve long poll"):
        delivery(bench)
