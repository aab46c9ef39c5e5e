# SPDX-License-Identifier: MIT
"""One topic, 10,000 subscribers: goal 2, and latency."""
from lib import fanout
from lib.goals import Goal
from lib.peers import FLOORS, OURS, PEERS

TITLE = "One topic, 10,000 subscribers"
ORDER = 20
SECONDS = 40
HOW = """As with 1,000 subscribers, but 2 events a second, which makes 20,000 deliveries a second
again, and no pairs for their CPU. The servers of others in two repeats, with half as many pairs."""
SUBSCRIBERS = 10000
GOALS = [Goal("2", f"full speed, 10,000 subscribers, {s.name}", s.name, fanout.SPEED,
              at_least=5.4) for s in OURS]
OVERVIEW = [(fanout.P99, "value", "p99 at 10,000"),
            (fanout.SPEED, "value", "most deliveries to 10,000")]


def beside_floor(bench, subjects, rounds):
    """Some of them; who is slow takes long, and is not what a goal is about."""
    fixed = fanout.FixedRate(bench, rate=2, rounds=0, seconds=0, sleep_ms=0, latency_seconds=1)
    full = fanout.FullSpeed(bench, rounds=rounds, seconds=0.25)
    fanout.beside_floor(bench, subjects, {"subscribers": SUBSCRIBERS},
                        {"rate": 10, "seconds": 0.1}, [fixed, full])


def run(bench):
    """See HOW."""
    beside_floor(bench, FLOORS[:1] + OURS, 2)
    if bench.first(2):
        beside_floor(bench, PEERS, 1)
