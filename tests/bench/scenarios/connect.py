# SPDX-License-Identifier: MIT
"""How fast many subscribers are connected: goal 5."""
from lib.goals import Goal

TITLE = "15,000 subscribers connect"
ORDER = 60
HOW = """rt-bench connects 15,000 subscribers as fast as they are answered, from one process and
four source addresses; the time is from the first connect() until the last has its stream."""
SUBSCRIBERS = 15000
FIGURE = "15,000 connected"
GOALS = [Goal("5", f"15,000 {transport} subscribers connect", f"rt-serve {transport}", FIGURE,
              of="value", at_most=2.0) for transport in ("SSE", "WebSocket")]


def measure(bench, server, *args):
    """Seconds until all are connected."""
    said = bench.rt_bench("--subscribers", SUBSCRIBERS, "--source-ip", "127.0.0.2-5", "--rate", 1,
                          "--count", 1, "--pid", server.pid, *args)
    return said


def run(bench):
    for subject, transport in (("rt-serve SSE", "sse"), ("rt-serve WebSocket", "ws")):
        if not bench.wants(subject):
            continue
        with bench.subject(subject), bench.server("rt-serve") as server:
            said = measure(bench, server, "--server", f"http://127.0.0.1:{server.port}",
                           "--transport", transport)
            bench.row(subject, FIGURE, "s", said["connect_s"])
