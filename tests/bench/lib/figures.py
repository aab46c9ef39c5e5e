# SPDX-License-Identifier: MIT
"""Numbers: medians, spread, pairs."""
import statistics


class Pairs:
    """Measurements of two things in turn, A B A B: their values, and the ratios of neighbours."""

    def __init__(self):
        self.values, self.references = [], []

    def add(self, reference, value):
        """One pair."""
        self.references.append(reference)
        self.values.append(value)

    @property
    def ratios(self):
        """value / reference of each pair."""
        return [v / r for v, r in zip(self.values, self.references) if r]


def in_turn(reference, subjects, rounds):
    """Rounds of (subjects), name -> function, in reverse order every other time; between them, and
    before the first and after the last, a reference.

    Returns what the references were, and name -> Pairs: each value with the mean of the reference
    before its round and the one behind it. Who returns None is left out; it is over when the
    reference does.
    """
    if rounds == 0:
        return [], {}
    references, found = [reference()], {name: Pairs() for name in subjects}
    for i in range(rounds):
        values = {name: subjects[name]() for name in list(found)[::-1 if i % 2 else 1]}
        references.append(reference())
        if None in references:
            return [r for r in references if r is not None], {}
        for name, value in values.items():
            if value is None:
                del found[name]
            else:
                found[name].add((references[-2] + references[-1]) / 2, value)
    return references, {name: pairs for name, pairs in found.items() if pairs.values}


def in_pairs(reference, subject, n):
    """Call both in turn, A B A B, and keep what they return."""
    pairs = Pairs()
    for _ in range(n):
        a = reference()
        pairs.add(a, subject())
    return pairs


def median(values):
    """Of a list that is not empty."""
    return statistics.median(values)


# unit -> factor and decimals for people; values of rows are in the base unit
UNITS = {
    "ns": (1e9, 0), "us": (1e6, 2), "ms": (1e3, 1), "s": (1, 2),
    "1/s": (1, 0), "k/s": (1e-3, 0), "B": (1, 0), "KiB": (1 / 1024, 0), "MiB": (1 / 2**20, 1),
    "x": (1, 2), "%": (100, 2), "": (1, 0),
}


def text(value, unit):
    """A value in its unit, for people: "6.61", "107,000"."""
    factor, decimals = UNITS[unit]
    value *= factor
    if decimals == 0 and abs(value) >= 10000:     # three digits say enough
        digits = len(str(int(abs(value)))) - 3
        value = round(value / 10**digits) * 10**digits
    return f"{value:,.{decimals}f}"


def with_spread(values, unit):
    """Median and, in brackets, the smallest and the largest."""
    middle = text(median(values), unit)
    low, high = text(min(values), unit), text(max(values), unit)
    return middle if low == high else f"{middle} ({low} to {high})"
