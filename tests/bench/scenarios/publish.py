# SPDX-License-Identifier: MIT
"""Publishing alone, on one connection: a part of goal 4."""
from lib.fanout import beside_floor
from lib.figures import Pairs
from lib.goals import Goal
from lib.peers import FLOORS, PEERS, REFERENCE, Subject

TITLE = "Publishes on one connection, pipelined"
ORDER = 40
SECONDS = 17
HOW = """Single publishes of 100 bytes without a subscriber, at most 512 of them not answered yet;
those of HTTP and Redis are answered one by one, the others by a ping behind every 64. In pairs
with the floor."""
RATE = "publishes"
SUBJECTS = [*FLOORS[:1], Subject("rt-serve", "rt-serve", dialect="sse"),
            *(p for p in PEERS if p.name != "Nchan WebSocket")]
GOALS = [Goal("4", "single JSON posts on one pipelined connection", "rt-serve", RATE, at_least=0.9)]
OVERVIEW = [(RATE, "value", "publishes, pipelined")]


def rate(load):
    """Acknowledged publishes a second."""
    said = load.run(seconds=0.3, window=512)
    if not said["acked"] or said["refused"]:
        raise ValueError(f"{said['acked']} acknowledged, {said['refused']} refused")
    return said["acked"] / said["seconds"]


def run(bench):
    """See HOW."""
    floor = []

    def measure(name, load, floor_load):
        rate(load)
        pairs = Pairs()
        for _ in range(2):
            pairs.add(rate(floor_load), rate(load))
        floor.extend(pairs.references)
        bench.row(name, RATE, "1/s", pairs=pairs)

    def finish(_):
        for value in floor:
            bench.row(REFERENCE.name, RATE, "1/s", value)

    beside_floor(bench, SUBJECTS, {"subscribers": 0}, measure, finish)
