# SPDX-License-Identifier: MIT
"""Two threads beside one: goal 6."""
import contextlib

from lib.fanout import whole
from lib.figures import in_pairs, median
from lib.goals import Goal
from lib.peers import FLOORS, OURS, REFERENCE

TITLE = "Two threads beside one"
ORDER = 70
SECONDS = 32
HOW = """Servers may use both cores; the load, pinned to the second, sleeps while they send: an
event goes to 4,000 subscribers, and the time until the last byte of it has arrived at the last of
them is read from the kernel's time stamps afterwards. In pairs. What the machine gives at all is
measured in the same way: two floors, one on each core, with 2,000 of the subscribers each, which
share nothing, beside one floor with all of them; the last column is what rt-serve gains by a
second thread, beside what the floor gains by a second process. With --pin each
loop is bound to a core of its own: then the scheduler cannot let the second wait behind the first,
on the core on which it was woken up."""
SUBSCRIBERS = 4000
PAIRS = 4
CARRIED, SHARE = "deliveries while sending", "gain, beside the floor's"
SUBJECTS = OURS[:2]
TWO = ["two threads", "two, --pin"]
GOALS = [Goal("6", f"{two} beside one, {s.name}", f"{s.name}, {two}", CARRIED, at_least=1.7)
         for s in SUBJECTS for two in TWO]


def speed(load):
    """Deliveries a second of the time in which something was on its way."""
    said = whole(load.run(rate=5, seconds=0.6, sleep_ms=80, stamps=1))
    return said["deliveries"] / said["carried"]


def compare(bench, one, two, names):
    """Pairs of loads, as rows of these names; the median of the ratios."""
    for load in (one, two):
        speed(load)
    pairs = in_pairs(lambda: speed(one), lambda: speed(two), PAIRS)
    for value in pairs.references:
        bench.row(names[0], CARRIED, "k/s", value)
    bench.row(names[1], CARRIED, "k/s", pairs=pairs, to="one")
    return median(pairs.ratios)


def floor_gain(bench, subject, both):
    """Two processes that know nothing of each other, one on each core; None: not to be had."""
    names = [f"{subject.name}, {n}" for n in ("one process", "two processes")]
    gain = None
    if not bench.server_core:
        bench.skip(names[1], "there is only one core")
        return None
    with bench.subject(names[1]), contextlib.ExitStack() as stack:
        one = stack.enter_context(subject.start(bench, cores=both))
        halves = [stack.enter_context(subject.start(bench, cores=core))
                  for core in (bench.server_core, bench.load_core)]
        loads = [stack.enter_context(subject.load(bench, s, subscribers=SUBSCRIBERS))
                 for s in (one, halves)]
        gain = compare(bench, *loads, names)
    return gain


def run(bench):
    """See HOW."""
    both = (bench.server_core or set()) | (bench.load_core or set()) or None
    for subject, floor in zip(SUBJECTS, (FLOORS[1], REFERENCE)):
        if not bench.wants(subject.name):
            continue
        reference = floor_gain(bench, floor, both)
        names = [f"{subject.name}, {n}" for n in ("one thread", *TWO)]
        with bench.subject(names[1]), \
                bench.server("rt-serve", "--threads", "1", *subject.args, cores=both) as one, \
                bench.server("rt-serve", "--threads", "2", *subject.args, cores=both) as two, \
                bench.server("rt-serve", "--threads", "2", "--pin", *subject.args,
                             cores=both) as pinned, \
                subject.load(bench, one, subscribers=SUBSCRIBERS) as load_one, \
                subject.load(bench, two, subscribers=SUBSCRIBERS) as load_two, \
                subject.load(bench, pinned, subscribers=SUBSCRIBERS) as load_pinned:
            for name, load in ((names[1], load_two), (names[2], load_pinned)):
                if load is load_pinned and not bench.server_core:
                    break
                gain = compare(bench, load_one, load, (names[0], name))
                if reference:
                    bench.row(name, SHARE, "x", gain / reference)
