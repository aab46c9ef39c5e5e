# SPDX-License-Identifier: MIT
"""RESULTS.md: from the rows that there are, and the sentences of notes.md."""
import os
import re

from . import figures, machine
from .rows import Table, read

HEAD = """# Measured

Written by `make bench`; what it says in sentences stands in `tests/bench/notes.md`. Absolute
figures are of this machine on that day; ratios come from servers that ran side by side and were
loaded in turn. Numbers are medians over all repeats; in brackets is the spread, smallest to
largest. CPU is the server's, all of its threads and children.
"""


def notes(path):
    """The sections of notes.md by their heading."""
    try:
        with open(path, encoding="utf-8") as f:
            parts = re.split(r"^## +(\S+) *$", re.sub(r"(?s)<!--.*?-->\n?", "", f.read()), flags=re.M)
    except OSError:
        return {}
    return {name: text.strip() for name, text in zip(parts[1::2], parts[2::2])}


def table(head, lines):
    """A table of markdown."""
    return "\n".join(["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)] +
                     ["| " + " | ".join(line) + " |" for line in lines]) + "\n"


def goal_line(goal, tables):
    """One line of the table of goals: (number, text, wanted, measured, verdict)."""
    sign = "≤" if goal.at_most is not None else "≥"
    cell = None
    for t in tables:
        cell = cell or t.cell(goal.subject, goal.figure)
    values = [] if cell is None else cell.ratios if goal.of == "ratio" else cell.values
    unit = goal.unit(cell.unit if cell else "")
    # A limit is said in the unit of what was measured: without it, as it stands.
    limit = figures.text(goal.limit(), unit) if cell else f"{goal.limit():g}"
    wanted = f"{sign} {limit} {unit}".rstrip()
    if not values:
        return [goal.number, goal.text, wanted, "", "not measured"]
    verdict = "reached" if goal.reached(values) else "**not reached**"
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


def footnotes(t):
    """What was not measured, what the rows say, and who disturbed."""
    lines = [f"- {s}: not measured: {t.skipped(s)}" for s in t.subjects if t.skipped(s)]
    for (subject, _), cell in t.cells.items():
        lines += [f"- {subject}: {note}" for note in cell.notes]
    if t.others() > machine.OTHERS_MOST:
        lines.append(f"- Others used up to {t.others():.2f} of a core meanwhile.")
    return "\n".join(dict.fromkeys(lines)) + "\n" if lines else ""


def write(path, folder, scenarios, versions, said):
    """Write RESULTS.md. scenarios: modules of scenarios/, in order; versions: (what, which)."""
    tables = [(s, Table(read(folder, s.NAME))) for s in scenarios]
    tables = [(s, t) for s, t in tables if t.subjects]
    all_goals = [g for s, _ in tables for g in getattr(s, "GOALS", [])]
    parts = [HEAD]
    if "summary" in said:
        parts.append(said["summary"] + "\n")
    if all_goals:
        key = [re.match(r"(\d+)(.*)", g.number).groups() for g in all_goals]
        order = sorted(range(len(key)), key=lambda i: (int(key[i][0]), key[i][1], i))
        parts.append("## Goals\n\n" + table(
            ["", "goal", "wanted", "measured", ""],
            [goal_line(all_goals[i], [t for _, t in tables]) for i in order]))
    for s, t in tables:
        parts += [f"## {s.TITLE}\n", scenario_table(t), footnotes(t)]
        parts.append(said.get(s.NAME, "") + "\n" if said.get(s.NAME) else "")
        parts.append(f"`make bench ONLY={s.NAME}`, {t.repeats} repeats. {' '.join(s.HOW.split())}\n")
    parts.append("## Machine and versions\n\n" +
                 table(["", ""], [list(v) for v in machine.describe() + versions]))
    text = "\n".join(p for p in parts if p)
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write(text)
    os.rename(path + ".new", path)
