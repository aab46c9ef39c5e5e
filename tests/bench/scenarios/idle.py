# SPDX-License-Identifier: MIT
"""How fast 15,000 subscribers are connected, and what an idle one costs in memory: goal 5."""
from lib.goals import Goal
from lib.peers import PEERS, REFERENCE, Subject

TITLE = "15,000 idle subscribers: memory, and how fast they connect"
ORDER = 50
SECONDS = 8
HOW = """A fresh process, its proportional share of memory (PSS, smaps_rollup, children included)
before and after 15,000 subscribers of one topic connect, from one process and eight source
addresses, at most 100 at a time; the time is that from the first connect() until the last of them
has its stream. The kernel's part of the memory, about 8 to 10 kB for both ends of a connection,
comes on top for everybody. The servers of others once: their figures hardly differ from one repeat
to the next."""
SUBSCRIBERS = 15000
MEMORY, CONNECTED = "user memory per subscriber", "15,000 connected"
OURS = [Subject("rt-serve SSE", "rt-serve", dialect="sse"),
        Subject("rt-serve WebSocket", "rt-serve", dialect="ws")]
GOALS = [Goal("5", f"memory of an idle subscriber, {s.name}", s.name, MEMORY, of="value",
              at_most=512) for s in OURS] + \
        [Goal("5", f"15,000 connect, {s.name}", s.name, CONNECTED, of="value", at_most=2.0)
         for s in OURS]
OVERVIEW = [(MEMORY, "value", "bytes per idle connection")]


def run(bench):
    """See HOW."""
    for subject in [REFERENCE] + OURS + (PEERS if bench.first(1) else []):
        if not bench.wants(subject.name):
            continue
        with bench.subject(subject.name), subject.start(bench) as server:
            before = server.pss_bytes()
            with subject.load(bench, server, subscribers=SUBSCRIBERS) as load:
                bench.row(subject.name, MEMORY, "B", (server.pss_bytes() - before) / SUBSCRIBERS)
                bench.row(subject.name, CONNECTED, "s", load.connected["seconds"])
