# SPDX-License-Identifier: MIT
"""How fast many subscribers are connected: goal 5."""
from lib.goals import Goal
from lib.peers import PEERS, REFERENCE
from idle import OURS

TITLE = "15,000 subscribers connect"
ORDER = 60
SECONDS = 6
HOW = """From the first connect() until the last of 15,000 has its stream, at most 100
connecting at a time, from one process and eight source addresses."""
SUBSCRIBERS = 15000
CONNECTED = "15,000 connected"
GOALS = [Goal("5", f"15,000 connect, {s.name}", s.name, CONNECTED, of="value",
              at_most=2.0) for s in OURS]


def run(bench):
    """See HOW."""
    for subject in [REFERENCE] + OURS + PEERS[:3]:
        if not bench.wants(subject.name):
            continue
        with bench.subject(subject.name), subject.start(bench) as server, \
                subject.load(bench, server, subscribers=SUBSCRIBERS) as load:
            bench.row(subject.name, CONNECTED, "s", load.connected["seconds"])
