# SPDX-License-Identifier: MIT
"""One topic, 1,000 subscribers: goals 1 and 2."""
from lib import fanout
from lib.goals import Goal
from lib.peers import FLOORS, OURS, PEERS

TITLE = "One topic, 1,000 subscribers"
ORDER = 10
SECONDS = 36
HOW = """Events of 100 bytes on a schedule of 20 a second, 20,000 deliveries a second in all; CPU in
turn with the floor, while the reader sleeps for 35 ms after each event, so that its work is not
charged to the server; p99 from the time on the schedule, while the reader reads. Then as fast as it
goes, with at most 8 events that have not reached everybody; latency there would only show the
window. Up to five servers are connected at a time: the floor, each of them, the floor, each of them
in reverse order, and so on; a ratio is to the mean of the floor before and behind a round."""
SUBSCRIBERS = 1000
GOALS = [Goal("1", f"CPU per delivery at a fixed rate, {s.name}", s.name, fanout.CPU,
              at_most=0.65 if "uring" in s.name else 1.10) for s in OURS] + \
        [Goal("2", f"full speed, 1,000 subscribers, {s.name}", s.name, fanout.SPEED, at_least=5.5)
         for s in OURS]
OVERVIEW = [(fanout.CPU, "ratio", "CPU per delivery, × floor"),
            (fanout.P99, "value", "p99 at 1,000 subscribers"),
            (fanout.SPEED, "value", "most deliveries to 1,000")]


def run(bench):
    """See HOW."""
    fixed = fanout.FixedRate(bench, rate=20, rounds=3, seconds=0.25, sleep_ms=35,
                             latency_seconds=0.5)
    full = fanout.FullSpeed(bench, rounds=2, seconds=0.2)
    fanout.beside_floor(bench, FLOORS + OURS + PEERS, {"subscribers": SUBSCRIBERS},
                        {"rate": 20, "seconds": 0.1}, [fixed, full])
