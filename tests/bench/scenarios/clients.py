# SPDX-License-Identifier: MIT
"""The clients: goal 7."""
import subprocess

from lib import others, requests
from lib.figures import Pairs
from lib.goals import Goal
from lib.process import Process, pss_bytes

TITLE = "The clients: CPU per event, start, memory"
ORDER = 70
SECONDS = 12
HOW = """500,000 events of 100 bytes that the server holds in memory, over SSE into a pipe that
is read as fast as it fills: rt-sub, and in pairs with it curl -N, which writes each event; their
reader (head) is on their core, as the server has the other one, then once on the server's.
rt-pub publishes a file of as many lines, every line acknowledged. The first event: from exec to
the first byte on stdout. Memory: PSS of rt-sub at rest beside another one, and what of it nobody
shares (private, written); most of the rest is libcurl with OpenSSL and the libraries that it
brings. RSS counts what is shared in full, 9 to 10 MiB of libraries. The clients of others:
100,000 events of 100 bytes that flow from the publisher through their own broker (QoS 0; 20,000
with -q 1), which runs on the other core, to the subscriber and into a pipe; memory while they
wait for the first one, the same way. They are measured in the first repeat alone. kcat needs a
Kafka, which Debian does not package; measured by others on another machine, CPU per event: kcat -C
0.84 us, kcat -P 0.94, Node's eventsource 5.7."""
EVENTS = 500000
CPU, RATE, START = "CPU per event", "events into a pipe", "first event"
CROSSING = "CPU per event, read on the server's core"
PSS, DIRTY = "PSS", "written and not shared"
FLOOD = "largest RSS in a flood"
GOALS = [
    Goal("7", "rt-sub over SSE, to curl -N", "rt-sub", CPU, at_most=0.3),
    Goal("7", "rt-sub into a pipe", "rt-sub", RATE, of="value", at_least=1e6),
    Goal("7", "rt-pub, at most kcat -P (0.94 us)", "rt-pub", CPU, of="value", at_most=0.94e-6),
    Goal("7", "exec to first event", "rt-sub", START, of="value", at_most=0.010),
    Goal("7", "memory of rt-sub", "rt-sub", PSS, of="value", at_most=5 * 2**20),
    Goal("7", "memory of rt-pub", "rt-pub", PSS, of="value", at_most=5 * 2**20),
]


def private_bytes(pid):
    """Pages that only this process has, and has written."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        return 1024 * next(int(x.split()[1]) for x in f if x.startswith("Private_Dirty:"))


def receive(bench, url, sub):
    """rt-sub beside curl -N."""
    curl = ["curl", "-sN", url + "/topics/t?as=sse&since=all"]

    def drain(argv, lines, reads):
        return bench.quiet(lambda: requests.drain(bench, argv, lines, reads))

    for figure, reads, pairs in ((CPU, "load", 3), (CROSSING, "server", 1)):
        both = Pairs()
        for _ in range(bench.rounds(pairs)):
            # id, data, blank line: three lines an event, once the stream has begun
            _, theirs, _ = drain(curl, 3 * EVENTS, reads)
            seconds, ours, most = drain(sub, EVENTS, reads)
            both.add(theirs / EVENTS, ours / EVENTS)
            if reads == "load":
                bench.row("rt-sub", RATE, "1/s", EVENTS / seconds)
                bench.row("rt-sub", FLOOD, "MiB", most)
        bench.row("rt-sub", figure, "us", pairs=both, to="curl -N")
        bench.row("curl -N", figure, "us", sum(both.references) / len(both.references))


def memory(bench, name, argv):
    """Of a client at rest, beside another one."""
    with Process(argv, bench.load_core, stdin=subprocess.PIPE) as a, \
            Process(argv, bench.load_core, stdin=subprocess.PIPE) as b:
        for p in (a, b):
            if name == "rt-pub":
                p.tell("{}")
        a.settle(others.AT_REST)
        bench.row(name, PSS, "MiB", pss_bytes(a.pid))
        bench.row(name, DIRTY, "MiB", private_bytes(a.pid))


def start(bench, name, argv):
    """Exec to first event, the median of many."""
    times = sorted(requests.first_byte(bench, argv) for _ in range(25))
    bench.row(name, START, "ms", times[len(times) // 2])


def run(bench):
    """See HOW."""
    file = requests.events_file(bench, EVENTS)
    with bench.subject("rt-sub"), bench.server("rt-serve", "--memory", "1G") as server:
        url = f"http://127.0.0.1:{server.port}"
        sub = [bench.program("rt-sub"), "-s", url, "--transport", "sse", "--since", "all", "t"]
        requests.put(bench, server, "/topics/t", file, EVENTS)
        receive(bench, url, sub)
        start(bench, "rt-sub", sub)
        start(bench, "curl -N", ["curl", "-sN", url + "/topics/t?as=sse&since=all"])
        memory(bench, "rt-sub", sub[:-3] + ["--since", "now", "t"])
        others.at_rest(bench, "rt-sub", sub[:-3] + ["--since", "now", "t"], [others.RSS])
        others.at_rest(bench, "curl -N", ["curl", "-sN", url + "/topics/t?as=sse&since=now"])
    with bench.subject("rt-pub"), bench.server("rt-serve") as server:
        pub = [bench.program("rt-pub"), "-q", "-s", f"http://127.0.0.1:{server.port}", "t"]
        for _ in range(3):
            with open(file, "rb") as f:
                _, cpu, most, status = bench.command(pub, stdin=f)
            if status == 0:
                bench.row("rt-pub", CPU, "us", cpu / EVENTS)
        memory(bench, "rt-pub", pub)
        bench.row("rt-pub", FLOOD, "MiB", most)
        others.at_rest(bench, "rt-pub", pub, [others.RSS])
    if bench.first(1):
        others.measure(bench)
