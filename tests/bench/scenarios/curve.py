# SPDX-License-Identifier: MIT
"""Is the cost of a delivery flat over subscribers and retained events? Goal 10."""
from lib import requests
from lib.fanout import cpu
from lib.goals import Goal
from lib.group import Group
from lib.peers import OURS, REFERENCE

TITLE = "The cost of a delivery over subscribers and retained events"
ORDER = 80
SECONDS = 21
HOW = """CPU per delivery with one event at a time, as above. The points of a curve are measured in
turn, and their ratio is to one of them: of subscribers 1,000, of retained events 10 (1,000
subscribers; 100-byte events of the same topic, in `memory:` with --memory 1G, or in SQLite with
--memory 4M, which leaves nearly all of them on disk alone; there the commit of each event is in
it). The floor's curve, of the first repeat, is the kernel's part."""
SUBSCRIBERS = (100, 5000, 15000)
RETAINED = (1000, 100000, 1000000)
STORED = (100000, 1000000)
BASE_SUBSCRIBERS, BASE_RETAINED = 1000, 10
# The costs of one stretch of events vary by a quarter, whatever is retained: many short ones.
ROUNDS_SUBSCRIBERS, ROUNDS_RETAINED = 2, 4
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
    """Some 3,000 to 30,000 deliveries: a few events, the reader asleep until all are sent."""
    events = max(2, min(30, 10000 // subscribers))
    sleep_ms = 5 + subscribers // 75
    rate = 1000 / (sleep_ms + 5 + subscribers // 150)
    return cpu(load, rate=rate, seconds=events / rate, sleep_ms=sleep_ms)


def compare(group, subscribers, base, rounds):
    """Rows of all points of a group, in turn with the (base) one; subscribers: of each, by name."""
    def measure(name, load):
        return once(load, subscribers[name])
    group.beside(base, measure, rounds, CPU, "us", "base")


def over_subscribers(bench, name, subject, rounds):
    """A curve: one server per point."""
    points = {f"{name}, {n:,} subscribers": n for n in (BASE_SUBSCRIBERS, *SUBSCRIBERS)}
    with Group(bench) as group:
        for point, n in points.items():
            group.add(point, lambda stack, n=n: subject.load(
                bench, stack.enter_context(subject.start(bench)), subscribers=n))
        compare(group, points, next(iter(points)), rounds)


def start_retaining(bench, stack, n, on_disk):
    """A server with n events of t0, and 1,000 subscribers."""
    args = ("--memory", "1G")
    if on_disk:
        args = ("--store", requests.stored(bench, "t0", n), "--memory", "4M")
    server = stack.enter_context(bench.server("rt-serve", *args, *SUBJECT.args))
    if not on_disk:
        requests.put(bench, server, "/topics/t0", requests.events_file(bench, n), n)
    return SUBJECT.load(bench, server, subscribers=BASE_SUBSCRIBERS)


def over_retained(bench, name, retained, on_disk):
    """The other curve."""
    points = {name.format(n): n for n in (BASE_RETAINED, *retained)}
    with Group(bench) as group:
        for point, n in points.items():
            group.add(point, lambda stack, n=n: start_retaining(bench, stack, n, on_disk))
        compare(group, dict.fromkeys(points, BASE_SUBSCRIBERS), next(iter(points)), ROUNDS_RETAINED)


def run(bench):
    """See HOW."""
    if bench.wants("floor") and bench.first(1):
        over_subscribers(bench, "floor", REFERENCE, ROUNDS_SUBSCRIBERS)
    if bench.wants("rt-serve subscribers"):
        over_subscribers(bench, "rt-serve SSE", SUBJECT, ROUNDS_SUBSCRIBERS)
    if bench.wants("rt-serve retained"):
        over_retained(bench, IN_MEMORY, RETAINED, False)
    if bench.wants("rt-serve on disk"):
        over_retained(bench, ON_DISK, STORED, True)
