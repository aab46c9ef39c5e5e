# SPDX-License-Identifier: MIT
"""RESULTS.md: from the rows that there are, and the sentences of notes.md."""
import os
import re

from . import figures, machine, notes, peers
from .rows import Table, read

HEAD = """# Measured

rt-serve beside other servers that fan events out, and beside the floor, a program that only writes
ready-made bytes to sockets: what one event costs, how many go through, what a subscriber takes.
Then each goal, what is not reached and why, and what was measured how, a section each.
"""
ABOUT = """Numbers are medians over all repeats; in brackets is the spread, smallest to largest.
Absolute figures are of this machine on that day; ratios come from servers that ran side by side and
were loaded in turn. CPU is the server's, all of its threads and children. `make bench` writes this
page; its sentences stand in `tests/bench/notes.md`.
"""
MISSED = "**not reached**"
# A line of the overview shows the first of these that has a figure; others keep their name.
OVERVIEW_LINES = {
    "rt-serve SSE": ("rt-serve SSE", "rt-serve SSE, uring", "rt-serve SSE, epoll", "rt-serve"),
    "rt-serve WebSocket": ("rt-serve WebSocket", "rt-serve WebSocket, uring",
                           "rt-serve WebSocket, epoll"),
}


def table(head, lines):
    """A table of markdown."""
    return "\n".join(["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)] +
                     ["| " + " | ".join(line) + " |" for line in lines]) + "\n"


def goal_line(goal, t):
    """One line of the table of goals: (number, text, wanted, measured, verdict)."""
    sign = "≤" if goal.at_most is not None else "≥"
    cell = t.cell(goal.subject, goal.figure)
    values = [] if cell is None else cell.ratios if goal.of == "ratio" else cell.values
    unit = goal.unit(cell.unit if cell else "")
    # A limit is said in the unit of what was measured: without it, as it stands.
    limit = figures.text(goal.limit(), unit) if cell else f"{goal.limit():g}"
    wanted = f"{sign} {limit} {unit}".rstrip()
    if not values:
        return [goal.number, goal.text, wanted, "", "not measured"]
    verdict = "reached" if goal.reached(values) else MISSED
    if not goal.reached(values) and min(values) <= goal.limit() <= max(values):
        verdict += ", but within the spread"
    return [goal.number, goal.text, wanted, f"{figures.with_spread(values, unit)} {unit}", verdict]


def column(t, figure):
    """The heading of a figure, and whether it has ratios."""
    cells = [c for (_, f), c in t.cells.items() if f == figure and c.skipped is None]
    unit = cells[0].unit
    to = next((c.to for c in cells if c.to), "")
    return f"{figure}, {unit}" if unit else figure, unit, to


def scenario_table(t):
    """Subjects down, figures across; ratios beside the figure that they are of."""
    columns = [(figure, *column(t, figure)) for figure in t.figures]
    head = [""]
    for _, title, _, to in columns:
        head += [title] + ([f"× {to}"] if to else [])
    lines = []
    for subject in t.subjects:
        line = [subject]
        for figure, _, unit, to in columns:
            cell = t.cell(subject, figure)
            line.append(figures.with_spread(cell.values, unit) if cell and cell.values else "")
            if to:
                line.append(figures.with_spread(cell.ratios, "x") if cell and cell.ratios else "")
        if any(line[1:]):
            lines.append(line)
    return table(head, lines) if columns else ""


def overview(tables):
    """What scenarios put into the table of all (OVERVIEW: figure, value or ratio, title).

    Returns (titles, lines); the first of a line is the name of the server.
    """
    columns = [(t, *column_of) for s, t in tables for column_of in getattr(s, "OVERVIEW", [])]
    names = dict.fromkeys(name for t, *_ in columns for name in t.subjects)
    others = [n for n in names if not n.startswith("rt-serve") and "floor" not in n]
    lines, units = [], [""] * len(columns)
    for subject in [*OVERVIEW_LINES, *others, "floor"]:
        line = [subject]
        for i, (t, figure, of, _) in enumerate(columns):
            shown = (t.cell(n, figure) for n in OVERVIEW_LINES.get(subject, (subject,)))
            cell = next((c for c in shown if c is not None), None)
            values = [] if cell is None else cell.ratios if of == "ratio" else cell.values
            unit = "" if cell is None else "x" if of == "ratio" else cell.unit
            units[i] = units[i] or unit.replace("x", "")
            beside = of == "ratio" and subject == t.reference(figure)
            line.append(figures.text(figures.median(values), unit) if values else
                        "1" if beside else "")
        if any(line[1:]):
            lines.append(line)
    titles = [f"{title}, {unit}" if unit else title
              for (_, _, _, title), unit in zip(columns, units)]
    return ["", *titles], lines


def footnotes(t):
    """What was not measured, what the rows say, and who disturbed."""
    lines = [f"- {s}: not measured: {t.skipped(s)}" for s in t.subjects if t.skipped(s)]
    for (subject, _), cell in t.cells.items():
        lines += [f"- {subject}: {note}" for note in cell.notes]
    if t.others() > machine.OTHERS_MOST:
        lines.append(f"- Others used up to {t.others():.2f} of a core meanwhile.")
    return "\n".join(dict.fromkeys(lines)) + "\n" if lines else ""


def goal_lines(tables):
    """The lines of the table of goals, by number; also of what was not measured."""
    goals = [(g, t) for s, t in tables for g in getattr(s, "GOALS", [])]
    goals.sort(key=lambda pair: (int(re.match(r"\d+", pair[0].number)[0]), pair[0].number))
    return [goal_line(g, t) for g, t in goals]


def missed_part(lines, said):
    """What is not reached, and what is said of it."""
    missed = [line for line in lines if line[-1].startswith(MISSED)]
    unknown = sum(line[-1] == "not measured" for line in lines)
    text = f"{len(lines) - len(missed) - unknown} of {len(lines)} goals are reached" + \
        (f", {unknown} were not measured" if unknown else "") + "."
    if missed:
        rows = [[*line[:-1], line[-1].removeprefix(MISSED).removeprefix(", ")] for line in missed]
        text += "\n\n" + table(["", "goal", "wanted", "measured", ""], rows)
        why = notes.reasons(said.get("missed", ""), [f"{line[0]} {line[1]}" for line in missed])
        text += f"\nWhy:\n\n{why}\n" if why else ""
    return "## What is not reached\n\n" + text


def repeats(n):
    """"3 repeats"."""
    return f"{n} repeat" + ("" if n == 1 else "s")


def measured(tables):
    """When and how: how often, and how long it took."""
    rows = [row for _, t in tables for row in t.how]
    if not rows:
        return ""
    again = sum(row.get("repeated", 0) for row in rows) / 60
    days = sorted({row["day"] for row in rows})
    long = {row["long"] for row in rows}
    command = "`make bench`" if long == {False} else "`make bench LONG=1`" if long == {True} else \
        "`make bench`, some of it with `LONG=1`"
    return (f"Measured by {command} on {' to '.join(dict.fromkeys((days[0], days[-1])))}: "
            f"{repeats(len({row['repeat'] for row in rows}))}, "
            f"{sum(row['seconds'] for row in rows) / 60:.1f} minutes in all" +
            (f", {again:.1f} of them for what others disturbed" if again >= 0.05 else "") +
            ". Installing and building are not counted.\n")


def scenario_part(scenario, t, said):
    """A scenario: its table, what was not measured, what is said of it, how it was measured."""
    how = " ".join(scenario.HOW.split())
    how = f"`make bench ONLY={scenario.NAME}`, {repeats(t.repeats)}. {how}"
    parts = [f"## {scenario.TITLE}\n", how + "\n", scenario_table(t), footnotes(t)]
    if said:
        parts.append(said + "\n")
    return "\n".join(p for p in parts if p)


def read_tables(folder, scenarios):
    """(scenario, its rows) of all."""
    return [(s, Table(read(folder, s.NAME))) for s in scenarios]


def write(path, folder, scenarios, versions, said):
    """Write RESULTS.md. scenarios: modules of scenarios/, in order; versions: (what, which).

    said: the sections of notes.md
    """
    tables = read_tables(folder, scenarios)
    said = notes.filled(said, {s.NAME: t for s, t in tables})
    parts, goals, beside = [HEAD, measured(tables)], goal_lines(tables), overview(tables)
    if beside[1]:
        parts.append(table(*beside))
        parts.append(said["overview"] + "\n" if "overview" in said else "")
    if goals:
        parts.append(missed_part(goals, said))
        parts.append("## Goals\n\n" + table(["", "goal", "wanted", "measured", ""], goals))
    parts.append("## How to read the rest\n\n" + ABOUT)
    parts += [scenario_part(s, t, said.get(s.NAME)) for s, t in tables if t.subjects]
    parts.append("## Machine and versions\n\n" +
                 table(["", ""], [list(v) for v in machine.describe() + versions]))
    parts.append("## Commands\n\n`make bench` runs all of it. Servers are pinned to the first "
                 "core, what loads them\nto the second; all are started like this, unless a "
                 "section says otherwise:\n\n" +
                 "".join(f"    {c}\n" for c in peers.COMMANDS.splitlines()))
    text = "\n".join(p for p in parts if p)
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write(text)
    os.rename(path + ".new", path)
