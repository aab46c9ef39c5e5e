# SPDX-License-Identifier: MIT
"""Two threads beside one: goal 6."""
from lib.fanout import whole
from lib.figures import in_pairs
from lib.goals import Goal
from lib.peers import OURS

TITLE = "Two threads beside one"
ORDER = 70
HOW = """Both servers may use both cores; the load, pinned to the second, sleeps while they send: an
event goes to 4,000 subscribers, and the time until the last byte of it has arrived at the last of
them is read from the kernel's time stamps afterwards. In pairs."""
SUBSCRIBERS = 4000
CARRIED = "deliveries while sending"
SUBJECTS = OURS[:2]
GOALS = [Goal("6", f"two threads beside one, {s.name}", f"{s.name}, two threads", CARRIED,
              at_least=1.7) for s in SUBJECTS]


def speed(load):
    """Deliveries a second of the time in which something was on its way."""
    said = whole(load.run(rate=5, seconds=0.6, sleep_ms=80, stamps=1))
    return said["deliveries"] / said["carried"]


def run(bench):
    """See HOW."""
    both = (bench.server_core or set()) | (bench.load_core or set()) or None
    for subject in SUBJECTS:
        if not bench.wants(subject.name):
            continue
        with bench.subject(f"{subject.name}, two threads"), \
                bench.server("rt-serve", "--threads", "1", *subject.args, cores=both) as one, \
                bench.server("rt-serve", "--threads", "2", *subject.args, cores=both) as two, \
                subject.load(bench, one, subscribers=SUBSCRIBERS) as load_one, \
                subject.load(bench, two, subscribers=SUBSCRIBERS) as load_two:
            for load in (load_one, load_two):
                speed(load)
            pairs = in_pairs(lambda: speed(load_one), lambda: speed(load_two), 2)
            for value in pairs.references:
                bench.row(f"{subject.name}, one thread", CARRIED, "k/s", value)
            bench.row(f"{subject.name}, two threads", CARRIED, "k/s", pairs=pairs, to="one thread")
