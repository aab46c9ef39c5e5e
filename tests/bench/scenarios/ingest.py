# SPDX-License-Identifier: MIT
"""Publishing in bulk: goal 4."""
from lib import requests
from lib.goals import Goal
from lib.process import Unavailable

TITLE = "Ingest: NDJSON and rt-pub, until all is acknowledged"
ORDER = 41
SECONDS = 6
HOW = """A file of 500,000 events of 100 bytes as one request by curl: to one topic, and as
envelopes of 100 topics; and through rt-pub, which sends batches with keys. Server and sender are
not pinned: a store on disk has a thread of its own."""
EVENTS, TOPICS = 500000, 100
ONE, MANY, PUB = "NDJSON, one topic", "NDJSON, 100 topics", "rt-pub"
STORES = (("memory:", None, 1e6), ("SQLite, sync normal", "normal", 2e5),
          ("SQLite, sync full", "full", 5e4))
GOALS = [Goal("4", f"{name}, {figure}", name, figure, of="value",
              at_least=least / 2 if figure == PUB else least)
         for name, _, least in STORES for figure in (ONE, MANY, PUB)]


def by_rt_pub(bench, server, file):
    """Seconds."""
    with open(file, "rb") as f:
        seconds, _, _, status = bench.command(
            [bench.program("rt-pub"), "-q", "-s", f"http://127.0.0.1:{server.port}", "t"],
            cores=None, stdin=f)
    if status != 0:
        raise Unavailable(f"rt-pub ended with {status}")
    return seconds


def run(bench):
    """See HOW."""
    one, many = requests.events_file(bench, EVENTS), requests.events_file(bench, EVENTS, TOPICS)
    for name, sync, _ in STORES:
        for figure, measure in (
                (ONE, lambda s: requests.put(bench, s, "/topics/t", one, EVENTS, None)),
                (MANY, lambda s: requests.put(bench, s, "/events", many, EVENTS, None)),
                (PUB, lambda s: by_rt_pub(bench, s, one))):
            args = ["--store", bench.folder() + "/rt.db", "--sync", sync] if sync else []
            with bench.subject(name), bench.server("rt-serve", *args, cores=None) as server:
                seconds = bench.quiet(lambda s=server, m=measure: m(s))
                bench.row(name, figure, "1/s", EVENTS / seconds)
