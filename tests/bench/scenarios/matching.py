# SPDX-License-Identifier: MIT
"""Who wants this event, among many topics and patterns? The second half of goal 3."""
import json

from lib import requests
from lib.figures import in_pairs
from lib.goals import Goal
from lib.mux import Subscribers
from lib.process import Unavailable

TITLE = "Matching: 100,000 topics, 10,000 wildcard subscriptions"
ORDER = 35
SECONDS = 6
HOW = """First the index of rt-serve alone (tests/bench/matching.c): 10,000 patterns of two to five
levels, most of them for one thing (`site/17/**`, `order/*/17/**`), some for much (`**`, `*/*`), and
so many plain names; CPU of one thread per search. "Same events" are of the same 1,000 topics
whatever the number of names, so that only what does not match grows; the others are of all names
by chance, whose part of the index has left the cache, and of topics that only the widest patterns
match. What is found is compared with a search one by one. Then a server: 100,000 topics with an
event each in `memory:`, 10,000 wildcard subscriptions on 200 connections to /ws, and 100,000 events
in one NDJSON request; its CPU per event, in pairs with a server without a subscription."""
NAMES, BASE = (10000, 100000), 1000
PATTERNS, CONNECTIONS, TOPICS, EVENTS = 10000, 200, 100000, 100000
SAME, ALL, NONE = "same events", "events to all names", "events that few want"
CPU, MORE = "CPU per published event", "more than without subscriptions"
INDEX, NOBODY, ONE = "index, {:,} names", "server, nobody wants it", "server, one wants it"
GOALS = [Goal("3", f"matching, 10,000 patterns, {n:,} topics", INDEX.format(n), SAME, of="value",
              at_most=1e-6) for n in (BASE,) + NAMES] + \
        [Goal("3", f"matching, {n:,} topics beside {BASE:,}", INDEX.format(n), SAME, at_most=1.25)
         for n in NAMES] + \
        [Goal("3", "matching, 100,000 topics, events to all of them", INDEX.format(NAMES[-1]), ALL,
              of="value", at_most=1e-6),
         Goal("3", "matching in a server, an event that nobody wants", NOBODY, MORE, of="value",
              at_most=1e-6)]


def index(bench):
    """The index alone, in one process, sizes in turn."""
    argv = [bench.program("tests/bench/matching"), "-r", 5, "-p", PATTERNS, BASE, *NAMES]

    def once():
        with bench.start(argv) as p:
            return [json.loads(p.line(60)) for _ in range(5 * (1 + len(NAMES)))]
    said = bench.quiet(once)
    base = [row["same"] for row in said if row["names"] == BASE]
    for n in (BASE,) + NAMES:
        mine = [row for row in said if row["names"] == n]
        for i, row in enumerate(mine):
            bench.row(INDEX.format(n), SAME, "us", row["same"], to=f"{BASE:,} names",
                      ratio=row["same"] / base[i] if n != BASE else None)
            bench.row(INDEX.format(n), ALL, "us", row["all"])
            bench.row(INDEX.format(n), NONE, "us", row["none"])


def pattern(i):
    """Distinct; no two match one topic of ours."""
    return (f"site/{i}/**", f"site/{i}/floor/*/temperature", f"*/{i}/inbox",
            f"order/*/{i}/**")[i % 4]


def start(bench):
    """A server that knows the topics."""
    return bench.server("rt-serve", "--memory", "1G")


def cost(bench, server, file, subscribers=None, wanted=0):
    """CPU seconds per event; the subscribers read when all is sent."""
    before = server.cpu_ns()
    requests.put(bench, server, "/events", file, EVENTS)
    took = server.cpu_ns() - before
    got = subscribers.count(b'"seq":', wanted) if wanted else 0
    if got != wanted:
        raise Unavailable(f"{got} of {wanted} events arrived")
    return took / 1e9 / EVENTS


def compare(bench, name, file, servers, subscribers, wanted):
    """A row of pairs, and what the subscriptions add."""
    def once(server, *args):
        return bench.quiet(lambda: cost(bench, server, file, *args))
    once(servers[0])
    once(servers[1], subscribers, wanted)
    pairs = in_pairs(lambda: once(servers[0]), lambda: once(servers[1], subscribers, wanted),
                     bench.rounds(3))
    bench.row(name, CPU, "us", pairs=pairs, to="no subscriptions")
    for value, reference in zip(pairs.values, pairs.references):
        bench.row(name, MORE, "us", value - reference)


def run(bench):
    """See HOW."""
    if bench.wants("index"):
        with bench.subject("index"):
            index(bench)
    if not bench.wants("server"):
        return
    with bench.subject("server"), start(bench) as plain, start(bench) as server:
        known = requests.events_file(bench, TOPICS, TOPICS,
                                     lambda i: f"quiet/{i}/floor/1/temperature")
        for s in (plain, server):
            requests.put(bench, s, "/events", known, TOPICS)
        with Subscribers(server, CONNECTIONS, [pattern(i) for i in range(PATTERNS)]) as subs:
            compare(bench, NOBODY, known, (plain, server), subs, 0)
            one = requests.events_file(bench, EVENTS, EVENTS,
                                       lambda i: f"site/{i * 4 % PATTERNS}/door")
            compare(bench, ONE, one, (plain, server), subs, EVENTS)
            stats = json.loads(requests.get(server, "/stats")[2])
            if stats["store"]["topics"] < TOPICS:
                raise Unavailable(f"only {stats['store']['topics']} topics are known")
