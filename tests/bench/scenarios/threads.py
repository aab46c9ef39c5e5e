# SPDX-License-Identifier: MIT
"""Two threads beside one: goal 6."""
from lib.fanout import whole
from lib.figures import median
from lib.goals import Goal
from lib.group import Group
from lib.peers import FLOORS, OURS, REFERENCE

TITLE = "Two threads beside one"
ORDER = 70
SECONDS = 17
HOW = """Servers may use both cores; the load, pinned to the second, sleeps while they send: an
event goes to 4,000 subscribers, and the time until the last byte of it has arrived at the last of
them is read from the kernel's time stamps afterwards. In turn. What the machine gives at all is
measured in the same way: two floors, one on each core, with 2,000 of the subscribers each, which
share nothing, beside one floor with all of them; the last column is what rt-serve gains by a
second thread, beside what the floor gains by a second process. With --pin each
loop is bound to a core of its own: then the scheduler cannot let the second wait behind the first,
on the core on which it was woken up."""
SUBSCRIBERS = 4000
ROUNDS = 3
CARRIED, SHARE = "deliveries while sending", "gain, beside the floor's"
SUBJECTS = OURS[:2]
TWO = ["two threads", "two, --pin"]
GOALS = [Goal("6", f"{two} beside one, {s.name}", f"{s.name}, {two}", CARRIED, at_least=1.7)
         for s in SUBJECTS for two in TWO]


def speed(_, load):
    """Deliveries a second of the time in which something was on its way: three events."""
    said = whole(load.run(rate=8, seconds=0.375, sleep_ms=80, stamps=1))
    return said["deliveries"] / said["carried"]


def compare(group, one):
    """Rows of a group, in turn with its member (one); the median ratios, by name."""
    found = group.beside(one, speed, ROUNDS, CARRIED, "k/s", "one")
    return {name: median(pairs.ratios) for name, pairs in found.items()}


def floor_gain(bench, subject, both):
    """Two processes that know nothing of each other, one on each core; None: not to be had."""
    one, two = (f"{subject.name}, {n}" for n in ("one process", "two processes"))
    if not bench.server_core:
        bench.skip(two, "there is only one core")
        return None

    def start(stack, *cores):
        return subject.load(bench, [stack.enter_context(subject.start(bench, cores=c))
                                    for c in cores], subscribers=SUBSCRIBERS)
    with Group(bench) as group:
        group.add(one, lambda stack: start(stack, both))
        group.add(two, lambda stack: start(stack, bench.server_core, bench.load_core))
        return compare(group, one).get(two)


def run(bench):
    """See HOW."""
    both = (bench.server_core or set()) | (bench.load_core or set()) or None
    for subject, floor in zip(SUBJECTS, (FLOORS[1], REFERENCE)):
        if not bench.wants(subject.name):
            continue

        def start(stack, *args, s=subject):
            server = bench.server("rt-serve", "--threads", *args, *s.args, cores=both)
            return s.load(bench, stack.enter_context(server), subscribers=SUBSCRIBERS)
        reference = floor_gain(bench, floor, both)
        one, *names = (f"{subject.name}, {n}" for n in ("one thread", *TWO))
        with Group(bench) as group:
            group.add(one, lambda stack: start(stack, 1))
            group.add(names[0], lambda stack: start(stack, 2))
            if bench.server_core:
                group.add(names[1], lambda stack: start(stack, 2, "--pin"))
            for name, gain in compare(group, one).items():
                if reference:
                    bench.row(name, SHARE, "x", gain / reference)
