# SPDX-License-Identifier: MIT
"""Loads that are connected at the same time, so that many are measured beside one reference."""
import contextlib

from .figures import in_turn


class Group:
    """Members by name: a context. One that fails is reported, ended and left out."""

    def __init__(self, bench):
        self.bench, self.loads, self.ends = bench, {}, {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # All at the same time: closing ten thousand sockets takes a while, and has two ends.
        for load in self.loads.values():
            for process in (load, *load.servers):
                process.kill()
        for name in list(self.ends):
            self.leave(name)

    def leave(self, name):
        """End what a member has started."""
        self.loads.pop(name, None)
        if name in self.ends:
            self.ends.pop(name).close()

    def add(self, name, start):
        """A member; start(stack) enters its server and load into the stack, returns the load."""
        with self.bench.subject(name), contextlib.ExitStack() as stack:
            self.loads[name] = start(stack)
            self.ends[name] = stack.pop_all()

    def add_subject(self, subject, **options):
        """A member that is a subject of peers.py; (options) are of its load."""
        self.add(subject.name, lambda stack: subject.load(
            self.bench, stack.enter_context(subject.start(self.bench)), **options))

    def ask(self, name, measure):
        """measure(name, load); None of one that is not, or no longer, there."""
        if name in self.loads:
            with self.bench.subject(name):
                return measure(name, self.loads[name])
            self.leave(name)
        return None

    def each(self, measure):
        """measure(name, load) of all of them, one after the other."""
        for name in list(self.loads):
            self.ask(name, measure)

    def in_turn(self, reference, measure, rounds):
        """figures.in_turn of measure(name, load); the reference: a function, or a member's name."""
        each = {name: lambda n=name: self.ask(n, measure) for name in self.loads}
        if isinstance(reference, str):
            reference = each.pop(reference, lambda: None)
        return in_turn(reference, each, self.bench.rounds(rounds))

    def beside(self, base, measure, rounds, figure, unit, to):
        """Rows of all members, in turn with one of them, once they are warm; the pairs, by name."""
        self.each(measure)
        alone, found = self.in_turn(base, measure, rounds)
        for value in alone:
            self.bench.row(base, figure, unit, value)
        for name, pairs in found.items():
            self.bench.row(name, figure, unit, pairs=pairs, to=to)
        return found
