# SPDX-License-Identifier: MIT
"""notes.md: sentences for the report, with figures of the run in them."""
import re
import textwrap

from . import figures

WIDTH = 110
NOTHING = "(not measured)"


def sections(path):
    """The sections of the file by their heading."""
    try:
        with open(path, encoding="utf-8") as f:
            text = re.sub(r"(?s)<!--.*?-->\n?", "", f.read())
    except OSError:
        return {}
    parts = re.split(r"^## +(\S+) *$", text, flags=re.M)
    return {name: said.strip() for name, said in zip(parts[1::2], parts[2::2])}


def figure(tables, place):
    """The text of "scenario | subject | figure", or of its ratio with "| ratio" behind it."""
    scenario, subject, name, of = (*(word.strip() for word in place.split("|")), "value")[:4]
    cell = tables[scenario].cell(subject, name) if scenario in tables else None
    values = [] if cell is None else cell.ratios if of == "ratio" else cell.values
    if not values:
        return NOTHING
    unit = "x" if of == "ratio" else cell.unit
    said = figures.text(figures.median(values), unit)
    return f"{said} {unit}" if of == "value" and unit else said


def wrapped(text):
    """Paragraphs and items of a list in lines of even length again."""
    def fill(found):
        block = " ".join(found.group(0).split())
        return textwrap.fill(block, WIDTH, subsequent_indent="  " if block[:2] == "- " else "",
                             break_long_words=False, break_on_hyphens=False)
    return re.sub(r"(?m)^\S.*(?:\n(?!- )(?=.*\S).+)*", fill, text)


def wanted(text, tables):
    """Without the paragraphs of {{if ...}} that are about what was not measured."""
    kept = []
    for paragraph in re.split(r"\n{2,}", text):
        about = re.match(r"\{\{if (.*?)\}\}\n", paragraph)
        if about is None:
            kept.append(paragraph)
        elif figure(tables, about.group(1)) != NOTHING:
            kept.append(paragraph[about.end():])
    return "\n\n".join(kept)


def filled(said, tables):
    """The sections with their figures. tables: by the name of the scenario."""
    return {name: wrapped(re.sub(r"\{\{(.*?)\}\}", lambda found: figure(tables, found.group(1)),
                                 wanted(text, tables), flags=re.S)) for name, text in said.items()}


def reasons(text, missed):
    """Of the section "missed" what is about goals ("number text") that were."""
    parts = re.split(r"^### +(.*)$", text, flags=re.M)[1:]
    said = [(re.compile(pattern.strip()), reason.strip())
            for pattern, reason in zip(parts[::2], parts[1::2])]
    found = [reason for pattern, reason in said if any(pattern.search(goal) for goal in missed)]
    found += [f"- **{goal}**: not looked into." for goal in missed
              if not any(pattern.search(goal) for pattern, _ in said)]
    return "\n".join(found)
