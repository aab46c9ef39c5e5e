# SPDX-License-Identifier: MIT
"""Results: a file of JSON lines per scenario and repeat, and what they say together.

A row is one figure of one subject in one repeat:

    scenario, repeat, subject ("rt-serve SSE"), figure ("CPU per delivery"), unit (figures.UNITS),
    values (in base units: s, B, 1/s), ratios (of pairs, to what "to" names), others (cores that
    others used meanwhile, at most), note
    or instead of values: skipped (why there are none)

and how a repeat was measured: scenario, repeat, day, seconds, repeated (how many of them because
others disturbed), long
"""
import glob
import json
import os
import time


def path_of(folder, scenario, repeat):
    """Where the rows of a repeat are."""
    return os.path.join(folder, f"{scenario}.{repeat}.jsonl")


def write(folder, scenario, repeat, rows, keep_others=False):
    """Keep the rows of a repeat, in place of those that it had, or that its subjects had."""
    os.makedirs(folder, exist_ok=True)
    path = path_of(folder, scenario, repeat)
    if keep_others and os.path.exists(path):
        new = {row["subject"] for row in rows if "subject" in row}
        with open(path, encoding="utf-8") as f:
            rows = [row for row in map(json.loads, f) if row.get("subject") not in new] + \
                [row for row in rows if "subject" in row]
    with open(path + ".new", "w", encoding="utf-8") as f:
        for row in rows:
            f.write(json.dumps(row) + "\n")
    os.rename(path + ".new", path)


def how(bench, seconds):
    """The row that says how a repeat was measured, when it is over."""
    return {"scenario": bench.scenario, "repeat": bench.repeat, "day": time.strftime("%Y-%m-%d"),
            "seconds": round(seconds, 1), "repeated": round(bench.repeated, 1), "long": bench.long}


def forget(folder, scenario):
    """Remove the rows of all repeats."""
    for path in glob.glob(path_of(folder, scenario, "[0-9]*")):
        os.remove(path)


def read(folder, scenario):
    """All rows of a scenario, of all repeats."""
    rows = []
    for path in sorted(glob.glob(path_of(folder, scenario, "[0-9]*"))):
        with open(path, encoding="utf-8") as f:
            rows += [json.loads(line) for line in f]
    return rows


class Cell:
    """All that is known of one figure of one subject."""

    def __init__(self):
        self.values, self.ratios, self.others, self.notes = [], [], 0, []
        self.unit, self.to, self.skipped = "", "", None

    def add(self, row):
        """One more row."""
        if "skipped" in row:
            self.skipped = row["skipped"]
            return
        self.values += row["values"]
        self.ratios += row.get("ratios", [])
        self.unit = row["unit"]
        self.to = row.get("to", "")
        self.others = max(self.others, row.get("others", 0))
        if row.get("note") and row["note"] not in self.notes:
            self.notes.append(row["note"])


class Table:
    """The rows of a scenario by subject and figure, both in the order in which they first came."""

    def __init__(self, rows):
        self.subjects, self.figures, self.cells = [], [], {}
        self.repeats = len({row["repeat"] for row in rows})
        self.how = [row for row in rows if "seconds" in row]
        for row in (row for row in rows if "subject" in row):
            if row["subject"] not in self.subjects:
                self.subjects.append(row["subject"])
            if row["figure"] and row["figure"] not in self.figures:
                self.figures.append(row["figure"])
            self.cells.setdefault((row["subject"], row["figure"]), Cell()).add(row)
        self.subjects.sort(key=lambda name: name != "floor")

    def cell(self, subject, figure):
        """A cell, or None."""
        return self.cells.get((subject, figure))

    def reference(self, figure):
        """What ratios of a figure are to, or ''."""
        return next((c.to for (_, f), c in self.cells.items() if f == figure and c.to), "")

    def skipped(self, subject):
        """Why this subject was not measured, or None."""
        cell = self.cells.get((subject, ""))
        return cell.skipped if cell else None

    def others(self):
        """Cores that others used at most."""
        return max((c.others for c in self.cells.values()), default=0)
