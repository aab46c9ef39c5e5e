# SPDX-License-Identifier: MIT
"""Is the cost of a delivery flat over subscribers and retained events? Goal 10."""
import contextlib
import http.client

from lib.fanout import cpu
from lib.figures import in_pairs
from lib.goals import Goal
from lib.peers import OURS, REFERENCE

TITLE = "The cost of a delivery over subscribers and retained events"
ORDER = 80
SECONDS = 45
HOW = """CPU per delivery with one event at a time, as above. Each point is paired with one that is
measured in turn with it: of subscribers 1,000, of retained events 10 (1,000 subscribers; 100-byte
events of the same topic, in `memory:` with --memory 1G, or in SQLite with --memory 4M, which leaves
nearly all of them on disk alone; there the commit of each event is in it). The floor's curve is the
kernel's part."""
SUBSCRIBERS = (100, 5000, 15000)
RETAINED = (1000, 100000, 1000000)
STORED = (100000, 1000000)
BASE_SUBSCRIBERS, BASE_RETAINED = 1000, 10
# The costs of one stretch of events vary by a quarter, whatever is retained: many short ones.
PAIRS_SUBSCRIBERS, PAIRS_RETAINED = 3, 6
CPU = "CPU per delivery"
SUBJECT = OURS[0]
IN_MEMORY, ON_DISK = "rt-serve SSE, {:,} retained", "rt-serve SSE, {:,} on disk"
GOALS = [Goal("10", f"CPU per delivery, {n:,} subscribers beside 1,000",
              f"rt-serve SSE, {n:,} subscribers", CPU, at_most=1.25) for n in SUBSCRIBERS] + \
        [Goal("10", f"CPU per delivery, {n:,} events in memory beside 10",
              IN_MEMORY.format(n), CPU, at_most=1.1) for n in RETAINED] + \
        [Goal("10", f"CPU per delivery, {n:,} events in SQLite beside 10",
              ON_DISK.format(n), CPU, at_most=1.1) for n in STORED]


def once(load, subscribers):
    """Some 10,000 deliveries: a few events, the reader asleep until all are sent."""
    events = max(2, min(50, 10000 // subscribers))
    sleep_ms = 5 + subscribers // 75
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


def compare(bench, name, load, n, base_name, base, n_pairs):
    """Pairs of a point and the one that it is compared with."""
    once(load, n)
    pairs = in_pairs(lambda: once(base, BASE_SUBSCRIBERS), lambda: once(load, n), n_pairs)
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
                compare(bench, point, load, n, base_name, base, PAIRS_SUBSCRIBERS)


def start_retaining(bench, stack, n, on_disk):
    """A server with n events of t0, and 1,000 subscribers."""
    args = ("--store", bench.folder() + "/rt.db", "--memory", "4M") if on_disk else \
        ("--memory", "1G")
    server = stack.enter_context(bench.server("rt-serve", *args, *SUBJECT.args))
    retain(server.port, n)
    return stack.enter_context(SUBJECT.load(bench, server, subscribers=BASE_SUBSCRIBERS))


def over_retained(bench, name, points, on_disk):
    """The other curve."""
    base_name = name.format(BASE_RETAINED)
    with bench.subject(base_name), contextlib.ExitStack() as outer:
        base = start_retaining(bench, outer, BASE_RETAINED, on_disk)
        once(base, BASE_SUBSCRIBERS)
        for n in points:
            point = name.format(n)
            with bench.subject(point), contextlib.ExitStack() as stack:
                load = start_retaining(bench, stack, n, on_disk)
                compare(bench, point, load, BASE_SUBSCRIBERS, base_name, base, PAIRS_RETAINED)


def run(bench):
    """See HOW."""
    if bench.wants("floor"):
        over_subscribers(bench, "floor", REFERENCE)
    if bench.wants("rt-serve subscribers"):
        over_subscribers(bench, "rt-serve SSE", SUBJECT)
    if bench.wants("rt-serve retained"):
        over_retained(bench, IN_MEMORY, RETAINED, False)
    if bench.wants("rt-serve on disk"):
        over_retained(bench, ON_DISK, STORED, True)
