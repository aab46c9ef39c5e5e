# SPDX-License-Identifier: MIT
"""Many topics with one subscriber each: goal 3."""
from lib import fanout
from lib.goals import Goal
from lib.peers import FLOORS, OURS, PEERS

TITLE = "5,000 topics, one subscriber each"
ORDER = 30
SECONDS = 45
HOW = """One connection publishes to the topics in turn, as fast as it goes with at most 256 events
under way; in pairs with the floor."""
TOPICS = 5000
GOALS = [Goal("3", f"5,000 topics, {subject.name}", subject.name, fanout.SPEED, at_least=0.9)
         for subject in OURS]
OVERVIEW = [(fanout.SPEED, "value", "5,000 topics")]


def run(bench):
    """See HOW."""
    full = fanout.FullSpeed(bench, seconds=0.3, pairs=2, window=256)

    def measure(name, load, floor_load):
        load.run(seconds=0.2, window=256)
        full.measure(name, load, floor_load)

    fanout.beside_floor(bench, FLOORS + OURS + PEERS, {"subscribers": TOPICS, "topics": TOPICS},
                        measure, lambda _: full.reference())
