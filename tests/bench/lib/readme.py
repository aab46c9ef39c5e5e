# SPDX-License-Identifier: MIT
"""The table in README.md: a few columns and lines of that in RESULTS.md, so that both agree."""
import os
import re

from . import report

COLUMNS = {
    "CPU per delivery, × floor": "CPU per delivery, × a bare `write`",
    "most deliveries to 10,000, k/s": "most deliveries to 10,000 subscribers, thousands a second",
    "bytes per idle connection, B": "bytes per idle subscriber",
}
LINES = {
    "rt-serve SSE": "rt-serve, SSE", "rt-serve WebSocket": "rt-serve, WebSocket",
    "uWebSockets": "uWebSockets (in Node)", "Redis": "Redis",
    "NATS": "NATS", "Nchan SSE": "Nchan, SSE", "Node ws": "Node's ws", "Mosquitto": "Mosquitto",
}
NOT_ALWAYS = {"uWebSockets"}  # WITH=uwebsockets
# The line in front of the table.
MARK = "<!-- figures: tests/bench/run --readme README.md -->\n"


def table(titles, lines):
    """Of report.overview; ValueError when there is nothing of one of them."""
    by_name = {line[0]: dict(zip(titles, line)) for line in lines}
    missing = [title for title in COLUMNS if title not in titles] + \
        [name for name in LINES if name not in by_name and name not in NOT_ALWAYS]
    if missing:
        raise ValueError(f"not measured: {missing[0]}")
    return report.table(["", *COLUMNS.values()],
                        [[said] + [by_name[name][title] for title in COLUMNS]
                         for name, said in LINES.items() if name in by_name])


def update(path, folder, scenarios):
    """Put the figures of a run into the table of a file."""
    new = table(*report.overview(report.read_tables(folder, scenarios)))
    with open(path, encoding="utf-8") as f:
        text = f.read()
    text, n = re.subn(re.escape(MARK) + r"(\|.*\n)*", lambda _: MARK + new, text)
    if n != 1:
        raise ValueError(f"{path}: {n} lines {MARK.strip()}")
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write(text)
    os.rename(path + ".new", path)
