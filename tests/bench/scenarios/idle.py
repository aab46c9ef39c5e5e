# SPDX-License-Identifier: MIT
"""What an idle subscriber costs in memory: goal 5."""
from lib.goals import Goal
from lib.peers import PEERS, REFERENCE, Subject

TITLE = "Memory of an idle subscriber"
ORDER = 50
SECONDS = 34
HOW = """A fresh process, its proportional share of memory (PSS, smaps_rollup, children included)
before and after 15,000 subscribers of one topic connect. The kernel's part, about 8 to 10 kB for
both ends of a connection, comes on top for everybody. The servers of others once: their figures
hardly differ from one repeat to the next."""
SUBSCRIBERS = 15000
MEMORY = "user memory per subscriber"
OURS = [Subject("rt-serve SSE", "rt-serve", dialect="sse"),
        Subject("rt-serve WebSocket", "rt-serve", dialect="ws")]
GOALS = [Goal("5", f"memory of an idle subscriber, {s.name}", s.name, MEMORY, of="value",
              at_most=512) for s in OURS]
OVERVIEW = [(MEMORY, "value", "bytes per idle connection")]


def run(bench):
    """See HOW."""
    for subject in [REFERENCE] + OURS + PEERS:
        if not bench.wants(subject.name) or (subject in PEERS and bench.repeat > 1):
            continue
        with bench.subject(subject.name), subject.start(bench) as server:
            before = server.pss_bytes()
            with subject.load(bench, server, subscribers=SUBSCRIBERS):
                bench.row(subject.name, MEMORY, "B", (server.pss_bytes() - before) / SUBSCRIBERS)
