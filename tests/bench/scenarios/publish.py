# SPDX-License-Identifier: MIT
"""Publishing alone, on one connection: a part of goal 4."""
from lib.fanout import beside_floor
from lib.goals import Goal
from lib.peers import FLOORS, PEERS, REFERENCE, Subject

TITLE = "Publishes on one connection, pipelined"
ORDER = 40
SECONDS = 8
HOW = """Single publishes of 100 bytes without a subscriber, at most 512 of them not answered yet;
those of HTTP and Redis are answered one by one, the others by a ping behind every 64. In turn
with the floor."""
RATE, WINDOW = "publishes", 512
SUBJECTS = [*FLOORS[:1], Subject("rt-serve", "rt-serve", dialect="sse"),
            *(p for p in PEERS if p.name != "Nchan WebSocket")]
GOALS = [Goal("4", "single JSON posts on one pipelined connection", "rt-serve", RATE, at_least=0.9)]
OVERVIEW = [(RATE, "value", "publishes, pipelined")]


def rate(_, load):
    """Acknowledged publishes a second."""
    said = load.run(seconds=0.2, window=WINDOW)
    if not said["acked"] or said["refused"]:
        raise ValueError(f"{said['acked']} acknowledged, {said['refused']} refused")
    return said["acked"] / said["seconds"]


class Publishes:
    """Rows of groups beside the floor: see fanout.beside_floor."""

    def __init__(self, bench):
        self.bench, self.floor = bench, []

    def measure(self, group, floor_load):
        """Rows of a group."""
        floor, found = group.in_turn(lambda: rate(REFERENCE.name, floor_load), rate, 2)
        self.floor += floor
        for name, pairs in found.items():
            self.bench.row(name, RATE, "1/s", pairs=pairs)

    def reference(self, _):
        """Rows of the floor itself."""
        for value in self.floor:
            self.bench.row(REFERENCE.name, RATE, "1/s", value)


def run(bench):
    """See HOW."""
    beside_floor(bench, SUBJECTS, {"subscribers": 0}, {"seconds": 0.3, "window": WINDOW},
                 [Publishes(bench)])
