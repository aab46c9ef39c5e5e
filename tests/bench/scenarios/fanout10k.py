# SPDX-License-Identifier: MIT
"""One topic, 10,000 subscribers: goal 2, and latency."""
from lib import fanout
from lib.goals import Goal
from lib.peers import FLOORS, OURS, PEERS

TITLE = "One topic, 10,000 subscribers"
ORDER = 20
SECONDS = 75
HOW = """As with 1,000 subscribers, but 2 events a second, which makes 20,000 deliveries a second
again, and no pairs for their CPU."""
SUBSCRIBERS = 10000
GOALS = [Goal("2", f"full speed, 10,000 subscribers, {s.name}", s.name, fanout.SPEED,
              at_least=5.4) for s in OURS]
OVERVIEW = [(fanout.P99, "value", "p99 at 10,000"),
            (fanout.SPEED, "value", "most deliveries to 10,000")]


def run(bench):
    """See HOW."""
    fixed = fanout.FixedRate(bench, rate=2, pairs=0, seconds=0, sleep_ms=0, latency_seconds=1.5)
    full = fanout.FullSpeed(bench, seconds=0.7)

    def measure(name, load, floor_load):
        load.run(rate=10, seconds=0.1)
        fixed.measure(name, load, floor_load)
        full.measure(name, load, floor_load)

    def finish(floor_load):
        fixed.reference(floor_load)
        full.reference()

    fanout.beside_floor(bench, FLOORS + OURS + PEERS, {"subscribers": SUBSCRIBERS}, measure, finish)
