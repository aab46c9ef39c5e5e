# SPDX-License-Identifier: MIT
"""Is the cost of a delivery flat over subscribers and retained events? Goal 10."""
import contextlib
import http.client

from lib.fanout import cpu
from lib.figures import Pairs
from lib.goals import Goal
from lib.peers import OURS, REFERENCE

TITLE = "The cost of a delivery over subscribers and retained events"
ORDER = 80
HOW = """CPU per delivery with one event at a time, as above. Each point is paired with one that is
measured in turn with it: of subscribers 1,000, of retained events 10 (1,000 subscribers; 100-byte
events of the same topic in `memory:`, --memory 1G). The floor's curve is the kernel's part."""
SUBSCRIBERS = (100, 5000, 15000)
RETAINED = (1000, 100000, 1000000)
BASE_SUBSCRIBERS, BASE_RETAINED = 1000, 10
CPU = "CPU per delivery"
SUBJECT = OURS[0]
GOALS = [Goal("10", f"CPU per delivery, {n:,} subscribers beside 1,000",
              f"rt-serve SSE, {n:,} subscribers", CPU, at_most=1.25) for n in SUBSCRIBERS] + \
        [Goal("10", f"CPU per delivery, {n:,} retained events beside 10",
              f"rt-serve SSE, {n:,} retained", CPU, at_most=1.1) for n in RETAINED]
MEMORY = ("--memory", "1G")


def once(load, subscribers):
    """Some 10,000 deliveries: a few events, the reader asleep until all are sent."""
    events = max(2, min(50, 10000 // subscribers))
    sleep_ms = 5 + subscribers // 50
    rate = 1000 / (sleep_ms + 5 + subscribers // 100)
    return cpu(load, rate=rate, seconds=events / rate, sleep_ms=sleep_ms)


def retain(port, n):
    """Publish n events to t0."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    line = b'{"pad":"' + b"x" * 90 + b'"}\n'
    while n > 0:
        step = min(n, 20000)
        connection.request("POST", "/topics/t0", line * step,
                           {"Content-Type": "application/x-ndjson"})
        connection.getresponse().read()
        n -= step
    connection.close()


def compare(bench, name, load, n, base_name, base):
    """Pairs of a point and the one that it is compared with."""
    once(load, n)
    pairs = Pairs()
    for _ in range(2):
        pairs.add(once(base, BASE_SUBSCRIBERS), once(load, n))
    for value in pairs.references:
        bench.row(base_name, CPU, "us", value)
    bench.row(name, CPU, "us", pairs=pairs, to="base")


def over_subscribers(bench, name, subject):
    """A curve: one server per point."""
    base_name = f"{name}, {BASE_SUBSCRIBERS:,} subscribers"
    with bench.subject(base_name), subject.start(bench) as one, \
            subject.load(bench, one, subscribers=BASE_SUBSCRIBERS) as base:
        once(base, BASE_SUBSCRIBERS)
        for n in SUBSCRIBERS:
            point = f"{name}, {n:,} subscribers"
            with bench.subject(point), subject.start(bench) as other, \
                    subject.load(bench, other, subscribers=n) as load:
                compare(bench, point, load, n, base_name, base)


def start_retaining(bench, stack, n):
    """A server with n events of t0, and 1,000 subscribers."""
    server = stack.enter_context(bench.server("rt-serve", *MEMORY, *SUBJECT.args))
    retain(server.port, n)
    return stack.enter_context(SUBJECT.load(bench, server, subscribers=BASE_SUBSCRIBERS))


def over_retained(bench):
    """The other curve."""
    base_name = f"rt-serve SSE, {BASE_RETAINED:,} retained"
    with bench.subject(base_name), contextlib.ExitStack() as outer:
        base = start_retaining(bench, outer, BASE_RETAINED)
        once(base, BASE_SUBSCRIBERS)
        for n in RETAINED:
            point = f"rt-serve SSE, {n:,} retained"
            with bench.subject(point), contextlib.ExitStack() as stack:
                load = start_retaining(bench, stack, n)
                compare(bench, point, load, BASE_SUBSCRIBERS, base_name, base)


def run(bench):
    """See HOW."""
    if bench.wants("floor"):
        over_subscribers(bench, "floor", REFERENCE)
    if bench.wants("rt-serve"):
        over_subscribers(bench, "rt-serve SSE", SUBJECT)
        over_retained(bench)
