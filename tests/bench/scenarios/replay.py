# SPDX-License-Identifier: MIT
"""Replay from disk beside live fan-out: goal 8."""
import contextlib
import threading

from lib import requests
from lib.figures import in_pairs
from lib.goals import Goal

TITLE = "Replay of a million stored events beside live ones"
ORDER = 80
SECONDS = 12
HOW = """1,000,000 events of 100 bytes in SQLite (memory holds 4 MiB of them) to one rt-sub, alone;
then again and again, while rt-bench measures 100 other subscribers at 40 events a second for 2 s,
in pairs with the same before. Server on both cores: its store reads on a thread of its own."""
EVENTS = 1000000
RATE, P99 = "events replayed", "p99 of live events"
GOALS = [Goal("8", "replay from SQLite", "rt-serve", RATE, of="value", at_least=3e5),
         Goal("8", "p99 of others during it, to that before", "rt-serve", P99, at_most=2.0)]


def replay(bench, server):
    """Seconds for all of them."""
    return bench.command([bench.program("rt-sub"), "-q", "-s", f"http://127.0.0.1:{server.port}",
                          "--since", "all", "-n", EVENTS, "t0"], cores=None)[0]


def live(bench, server):
    """p99 in seconds of live events."""
    said = bench.rt_bench("--server", f"http://127.0.0.1:{server.port}", "--subscribers", 100,
                          "--rate", 40, "--duration", "2s", "--topic", "live", cores=None)
    return said["all"]["latency_ns"]["p99"] / 1e9


@contextlib.contextmanager
def replaying(bench, server):
    """Again and again, until the end of the context."""
    over = threading.Event()

    def again():
        while not over.is_set():
            replay(bench, server)
    thread = threading.Thread(target=again)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def live_meanwhile(bench, server):
    """p99 of live events while others replay."""
    with replaying(bench, server):
        return live(bench, server)


def run(bench):
    """See HOW."""
    with bench.subject("rt-serve"), bench.server(
            "rt-serve", "--store", requests.stored(bench, "t0", EVENTS), "--memory", "4M",
            "--sync", "normal", cores=None) as server:
        for _ in range(bench.rounds(2)):
            bench.row("rt-serve", RATE, "1/s", EVENTS / bench.quiet(lambda: replay(bench, server)))
        pairs = in_pairs(lambda: live(bench, server), lambda: live_meanwhile(bench, server),
                         bench.rounds(2))
        bench.row("rt-serve", P99, "ms", pairs=pairs, to="before")
