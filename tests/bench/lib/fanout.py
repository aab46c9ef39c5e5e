# SPDX-License-Identifier: MIT
"""Fan-out of one topic to many: what the scenarios of it share."""
from .figures import Pairs
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
    """CPU in pairs beside the floor, while the reader sleeps; then latency, while it reads."""

    def __init__(self, bench, rate, pairs, seconds, sleep_ms, latency_seconds):
        self.bench, self.rate, self.pairs, self.seconds = bench, rate, pairs, seconds
        self.sleep_ms, self.latency_seconds = sleep_ms, latency_seconds
        self.floor = []

    def cpu(self, load):
        """Of one half of a pair."""
        return cpu(load, rate=self.rate, seconds=self.seconds, sleep_ms=self.sleep_ms)

    def warm(self, load):
        """The first events find everything cold."""
        load.run(rate=self.rate, seconds=3 / self.rate)

    def measure(self, name, load, floor_load):
        """Rows of one subject."""
        pairs = Pairs()
        for _ in range(self.pairs):
            pairs.add(self.cpu(floor_load), self.cpu(load))
        if pairs.values:
            self.floor += pairs.references
            self.bench.row(name, CPU, "us", pairs=pairs)
        self.latency(name, load)

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
    """As fast as it goes with a window, in a pair beside the floor."""

    def __init__(self, bench, seconds, pairs=1, window=8):
        self.bench, self.options, self.pairs = bench, {"seconds": seconds, "window": window}, pairs
        self.floor = []

    def speed(self, load):
        """Deliveries a second, and the whole result."""
        said = load.run(**self.options)
        return said["deliveries"] / said["seconds"], said

    def measure(self, name, load, floor_load):
        """Rows of one subject."""
        pairs, last = Pairs(), None
        for _ in range(self.pairs):
            reference, _ = self.speed(floor_load)
            value, last = self.speed(load)
            pairs.add(reference, value)
        self.floor += pairs.references
        busy = last["own_cpu"] / last["seconds"] > LOAD_BUSY
        self.bench.row(name, SPEED, "k/s", pairs=pairs,
                       note=BUSY if busy else "")
        self.bench.row(name, SPEED_CPU, "us", last["server_cpu"] / max(1, last["deliveries"]))
        self.bench.row(name, LOST, "%", lost(last))

    def reference(self):
        """Rows of the floor itself."""
        for value in self.floor:
            self.bench.row(REFERENCE.name, SPEED, "k/s", value)


def beside_floor(bench, subjects, options, measure, finish):
    """Each subject's server and load, one after the other, beside a floor that stays.

    options: of the loads; measure(name, load, floor_load), finish(floor_load)
    """
    with REFERENCE.start(bench) as floor, REFERENCE.load(bench, floor, **options) as floor_load:
        for subject in subjects:
            if not bench.wants(subject.name):
                continue
            with bench.subject(subject.name), subject.start(bench) as server, \
                    subject.load(bench, server, **options) as load:
                measure(subject.name, load, floor_load)
        with bench.subject(REFERENCE.name):
            finish(floor_load)
