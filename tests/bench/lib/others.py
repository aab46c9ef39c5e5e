# SPDX-License-Identifier: MIT
"""The clients that people use now, each with its own broker: what scenarios/clients.py compares."""
import os
import select
import shutil
import subprocess
import threading

from . import process, requests
from .process import Unavailable

CPU, START, RSS, PSS = "CPU per event", "first event", "RSS", "PSS"
EVENTS, STARTS = 100000, 15
# A client that has had nothing to do for so many seconds has started, and waits.
AT_REST = 0.15
# What is not acknowledged yet needs a packet identifier, of which there are 65,535.
EVENTS_QOS_1 = 20000


def client(name):
    """The path of a client, or Unavailable."""
    path = shutil.which(name)
    if path is None:
        raise Unavailable(f"{name} is not installed")
    return path


def rss_bytes(pid):
    """Resident memory of one process, shared pages in full."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        return 1024 * next(int(line.split()[1]) for line in f if line.startswith("Rss:"))


def at_rest(bench, name, argv, figures=(RSS, PSS)):
    """Memory of a client that waits, beside another one of the same program."""
    measures = {RSS: rss_bytes, PSS: process.pss_bytes}
    with bench.start(argv, "load", stdin=subprocess.PIPE) as a, \
            bench.start(argv, "load", stdin=subprocess.PIPE):
        a.settle(AT_REST)
        for figure in figures:
            bench.row(name, figure, "MiB", measures[figure](a.pid))


def started(bench, name, argv):
    """Exec to the first event, the median of some."""
    times = sorted(requests.first_byte(bench, argv) for _ in range(STARTS))
    bench.row(name, START, "ms", times[len(times) // 2])


def read_lines(p, n):
    """Read (n) lines of a process; the last read may bring more than that."""
    while n > 0:
        if not select.select([p.popen.stdout], [], [], 5)[0]:
            raise p.dead(f"{n} lines did not come")
        got = os.read(p.popen.stdout.fileno(), 1 << 20)
        if not got:
            raise p.dead(f"{n} lines missing")
        n -= got.count(b"\n")


def flow(bench, names, commands, file, n, lines):
    """Rows of a subscriber and a publisher of (n) events; lines: (before the first, per event)."""
    sub, pub = commands
    with bench.start(sub, "load") as p, open(file, "rb") as f:
        read_lines(p, lines[0])
        before, said = p.cpu_ns(), []
        publisher = threading.Thread(
            target=lambda: said.append(bench.command(pub, stdin=f)))
        publisher.start()
        try:
            read_lines(p, n * lines[1])
        finally:
            publisher.join()
        bench.row(names[0], CPU, "us", (p.cpu_ns() - before) / 1e9 / n)
    _, cpu, _, status = said[0]
    if status != 0:
        raise Unavailable(f"{names[1]} ended with {status}")
    bench.row(names[1], CPU, "us", cpu / n)


def mosquitto(bench):
    """mosquitto_sub and mosquitto_pub, QoS 0; a retained message tells that one is subscribed."""
    sub, pub = client("mosquitto_sub"), client("mosquitto_pub")
    with bench.server("mosquitto") as broker:
        at = ["-h", "127.0.0.1", "-p", broker.port, "-t", "t"]
        bench.command([pub, *at, "-r", "-m", requests.payload(0)])
        for n, qos in ((EVENTS, []), (EVENTS_QOS_1, ["-q", "1"])):
            names = [" ".join(words) for words in (["mosquitto_sub", *qos],
                                                   ["mosquitto_pub", "-l", *qos])]
            flow(bench, names, ([sub, *at, *qos], [pub, *at, *qos, "-l"]),
                 requests.events_file(bench, n), n, (1, 1))
        started(bench, "mosquitto_sub", [sub, *at])
        at_rest(bench, "mosquitto_sub", [sub, *at])
        at_rest(bench, "mosquitto_pub -l", [pub, *at, "-l"])


def redis(bench):
    """redis-cli SUBSCRIBE, which prints three lines a message, and redis-cli --pipe."""
    cli = client("redis-cli")
    path = os.path.join(bench.folder(), "events.resp")
    with open(path, "w", encoding="ascii") as f:
        for i in range(EVENTS):
            f.write(f"*3\r\n$7\r\nPUBLISH\r\n$1\r\nt\r\n$100\r\n{requests.payload(i)}\r\n")
    with bench.server("redis") as broker:
        at = [cli, "-h", "127.0.0.1", "-p", broker.port]
        flow(bench, ("redis-cli SUBSCRIBE", "redis-cli --pipe"),
             ([*at, "SUBSCRIBE", "t"], [*at, "--pipe"]), path, EVENTS, (3, 3))
        at_rest(bench, "redis-cli SUBSCRIBE", [*at, "SUBSCRIBE", "t"])
        at_rest(bench, "redis-cli --pipe", [*at, "--pipe"])


def jq(bench):
    """jq, which many put behind a client."""
    path = requests.events_file(bench, EVENTS, 1)
    with open(path, "rb") as f:
        _, cpu, _, status = bench.command([client("jq"), "-c", ".data"], stdin=f)
    if status == 0:
        bench.row("jq -c .data", CPU, "us", cpu / EVENTS)


def measure(bench):
    """All of them; who is not there is said."""
    for name, each in (("mosquitto_sub", mosquitto), ("redis-cli", redis), ("jq -c .data", jq)):
        if bench.wants(name):
            with bench.subject(name):
                each(bench)
    if bench.wants("kcat"):
        bench.skip("kcat", "it needs a Kafka, and Debian packages no broker")
