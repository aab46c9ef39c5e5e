# SPDX-License-Identifier: MIT
"""Fan-out of one topic to many: what the scenarios of it share."""
from .group import Group
from .peers import REFERENCE

CPU, P99 = "CPU per delivery", "p99"
SPEED, SPEED_CPU, LOST = "full speed", "CPU per delivery there", "lost there"

# Above this share of its core, the load may have been what was measured.
LOAD_BUSY = 0.9
BUSY = "at full speed the load was busy, too: the server may do more"


def whole(result):
    """A result in which all arrived as it should; else ValueError."""
    wrong = {k: result[k] for k in ("lost", "doubled", "disordered", "corrupt") if result[k]}
    if wrong or not result["deliveries"]:
        raise ValueError(f"{result['deliveries']} deliveries, {wrong}")
    return result


def cpu(load, **options):
    """CPU seconds of the server per delivery in a run."""
    result = whole(load.run(**options))
    return result["server_cpu"] / result["deliveries"]


def lost(result):
    """Share of the deliveries that should have been."""
    return result["lost"] / max(1, result["lost"] + result["deliveries"])


class FixedRate:
    """CPU in turn with the floor, while the reader sleeps; then latency, while it reads."""

    def __init__(self, bench, rate, rounds, seconds, sleep_ms, latency_seconds):
        self.bench, self.rate, self.rounds, self.seconds = bench, rate, rounds, seconds
        self.sleep_ms, self.latency_seconds = sleep_ms, latency_seconds
        self.floor = []

    def cpu(self, _, load):
        """Of one stretch."""
        return cpu(load, rate=self.rate, seconds=self.seconds, sleep_ms=self.sleep_ms)

    def measure(self, group, floor_load):
        """Rows of a group."""
        floor, found = group.in_turn(lambda: self.cpu(REFERENCE.name, floor_load), self.cpu,
                                     self.rounds)
        self.floor += floor
        for name, pairs in found.items():
            self.bench.row(name, CPU, "us", pairs=pairs)
        group.each(self.latency)

    def latency(self, name, load):
        """p99 at the fixed rate."""
        said = whole(load.run(rate=self.rate, seconds=self.latency_seconds))
        self.bench.row(name, P99, "ms", said["p99"])

    def reference(self, load):
        """Rows of the floor itself, which all others were beside."""
        for value in self.floor:
            self.bench.row(REFERENCE.name, CPU, "us", value)
        self.latency(REFERENCE.name, load)


class FullSpeed:
    """As fast as it goes with a window, in turn with the floor."""

    def __init__(self, bench, rounds, seconds, window=8):
        self.bench, self.rounds, self.floor = bench, rounds, []
        self.options = {"seconds": seconds, "window": window}

    def speed(self, name, load):
        """Deliveries a second; rows of what they cost, and whether all came."""
        said = load.run(**self.options)
        if name != REFERENCE.name:
            self.bench.row(name, SPEED_CPU, "us", said["server_cpu"] / max(1, said["deliveries"]),
                           note=BUSY if said["own_cpu"] / said["seconds"] > LOAD_BUSY else "")
            self.bench.row(name, LOST, "%", lost(said))
        return said["deliveries"] / said["seconds"]

    def measure(self, group, floor_load):
        """Rows of a group."""
        floor, found = group.in_turn(lambda: self.speed(REFERENCE.name, floor_load), self.speed,
                                     self.rounds)
        self.floor += floor
        for name, pairs in found.items():
            self.bench.row(name, SPEED, "k/s", pairs=pairs)

    def reference(self, _):
        """Rows of the floor itself."""
        for value in self.floor:
            self.bench.row(REFERENCE.name, SPEED, "k/s", value)


def split(subjects, most):
    """Groups of (most) at most, and as even as can be."""
    n = -(-len(subjects) // most)
    return [subjects[i * len(subjects) // n:(i + 1) * len(subjects) // n] for i in range(n)]


def beside_floor(bench, subjects, options, warm, measures, most=5):
    """Groups of subjects, one after the other, beside a floor that stays.

    options: of the loads; warm: of a first run; measures: a FixedRate, a FullSpeed, or others that
    have measure(group, floor_load) and reference(floor_load); most: subjects in a group
    """
    wanted = [s for s in subjects if bench.wants(s.name)]
    if not wanted:
        return
    with REFERENCE.start(bench) as floor, REFERENCE.load(bench, floor, **options) as floor_load:
        floor_load.run(**warm)
        for some in split(wanted, most):
            with bench.subject(REFERENCE.name), Group(bench) as group:
                for subject in some:
                    group.add_subject(subject, **options)
                group.each(lambda _, load: load.run(**warm))
                for m in measures:
                    m.measure(group, floor_load)
        with bench.subject(REFERENCE.name):
            for m in measures:
                m.reference(floor_load)
