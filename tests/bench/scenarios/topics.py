# SPDX-License-Identifier: MIT
"""Many topics with one subscriber each: goal 3."""
from lib import fanout
from lib.goals import Goal
from lib.peers import FLOORS, OURS, PEERS

TITLE = "5,000 topics, one subscriber each"
ORDER = 30
SECONDS = 17
HOW = """One connection publishes to the topics in turn, as fast as it goes with at most 256 events
under way; in turn with the floor. The servers of others in two repeats."""
TOPICS = 5000
GOALS = [Goal("3", f"5,000 topics, {subject.name}", subject.name, fanout.SPEED, at_least=0.9)
         for subject in OURS]
OVERVIEW = [(fanout.SPEED, "value", "5,000 topics")]


def run(bench):
    """See HOW."""
    full = fanout.FullSpeed(bench, rounds=2, seconds=0.25, window=256)
    subjects = FLOORS[:1] + OURS + (PEERS if bench.first(2) else [])
    fanout.beside_floor(bench, subjects,
                        {"subscribers": TOPICS, "topics": TOPICS},
                        {"window": 256, "seconds": 0.15}, [full])
