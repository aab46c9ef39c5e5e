# SPDX-License-Identifier: MIT
"""What is to be reached, and whether it was."""
import dataclasses

from . import figures


@dataclasses.dataclass(frozen=True)
class Goal:
    """One line of the table of goals: a figure of a subject, or its ratio, and its limit.

    of: "ratio" (to what the scenario compares with) or "value" (in base units: s, B, 1/s).
    """
    number: str
    text: str
    subject: str
    figure: str
    of: str = "ratio"
    at_most: float | None = None
    at_least: float | None = None

    def limit(self):
        """What it must reach."""
        return self.at_most if self.at_most is not None else self.at_least

    def unit(self, row_unit):
        """Of the limit and what was measured."""
        return "x" if self.of == "ratio" else row_unit

    def reached(self, values):
        """Is the median within the limit?"""
        middle = figures.median(values)
        return middle <= self.at_most if self.at_most is not None else middle >= self.at_least
