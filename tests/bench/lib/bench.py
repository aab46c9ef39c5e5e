# SPDX-License-Identifier: MIT
"""What a scenario is given: servers, loads, clients, and where its figures go."""
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

from . import machine, peers, process
from .process import Process, Unavailable

__all__ = ["Bench", "Unavailable"]

# What others disturbed is repeated, but not for ever on a machine that is never quiet.
TRIES = 3
PATIENCE = 12

# Seconds between two looks at how large a command is; what it grows after the last is not seen.
PEAK_EVERY = 0.002


def line_start():
    """What takes a progress line away."""
    return "\r\033[K" if sys.stderr.isatty() else ""


class Load(Process):
    """tests/bench/load: subscribers that stay connected, and runs of events for them."""

    def __init__(self, bench, argv, servers):
        super().__init__(argv, cores=bench.load_core, stdin=subprocess.PIPE, gently=False)
        self.bench, self.servers = bench, servers
        self.connected = {}

    def run(self, seconds=1.0, **options):
        """One run of events; returns what load says of it (load -h). See Bench.quiet."""
        order = " ".join(f"{k}={v}" for k, v in dict(options, seconds=seconds).items())

        def once():
            self.tell(order)
            return json.loads(self.line(seconds * 3 + 60))
        return self.bench.quiet(once)


class Bench:
    """One repeat of one scenario; (options) are those of tests/bench/run."""

    def __init__(self, scenario, repeat, options, rest=""):
        self.scenario, self.repeat, self.rest = scenario, repeat, rest
        self.only, self.long = options.subject, options.long
        self.out, self.rows_folder, self.shared = options.out, options.rows, options.shared
        self.server_core, self.load_core = machine.cores()
        self.rows, self.disturbed = [], 0
        self.patience, self.repeated = PATIENCE, 0    # repeated: seconds
        self.tmp = tempfile.mkdtemp(prefix="rt-bench.")
        self.ends = contextlib.ExitStack()

    def close(self):
        """End all that was started, remove what it left."""
        self.ends.close()
        shutil.rmtree(self.tmp, ignore_errors=True)

    # --- what is measured -----------------------------------------------------------------------

    def wants(self, subject):
        """Was it asked for? `--subject nchan` runs only those with such a word in their name."""
        return not self.only or any(word.lower() in subject.lower() for word in self.only)

    def rounds(self, n):
        """How many pairs, when (n) do for a short run: a long one has twice as many."""
        return 2 * n if self.long else n

    def first(self, n):
        """Is this one of the first (n) repeats, or a long run? For what needs no more of them."""
        return self.long or self.repeat <= n

    def folder(self):
        """A new temporary folder, gone at the end."""
        return tempfile.mkdtemp(dir=self.tmp)

    def prepared(self, name, make):
        """A file or folder that make(path) fills the first time that a run needs it: its path."""
        path = os.path.join(self.shared, name)
        if not os.path.exists(path):
            make(path + ".new")
            os.rename(path + ".new", path)
        return path

    def program(self, name):
        """The path of one of ours: "rt-serve", "tests/bench/floor"."""
        path = os.path.join(self.out, name)
        if not os.access(path, os.X_OK):
            raise Unavailable(f"{path} is not built")
        return path

    def start(self, argv, cores="server", **options):
        """Any process: a context. cores: "server", "load" or a set of numbers."""
        return Process(argv, cores={"server": self.server_core, "load": self.load_core}
                       .get(cores, cores) if isinstance(cores, str) else cores, **options)

    def server(self, name, *args, cores="server"):
        """A server of peers.SERVERS, listening: a context with .port, .pid, .cpu_ns(), ...

        bench.server("rt-serve", "--store", path), bench.server("floor", "--gather")
        """
        return peers.start(self, name, args, cores)

    def load(self, server, dialect=None, **options):
        """Subscribers connected to (server): a context, a Load. Options as `load -h` has them.

        (server) may be a list of two, which get half of them each, and all events.
        """
        servers = server if isinstance(server, list) else [server]
        argv = [self.program("tests/bench/load"), "--dialect", dialect or servers[0].dialect]
        for each in servers:
            argv += ["--port", each.port, "--pid", each.pid]
        for key, value in options.items():
            argv += [f"--{key.replace('_', '-')}", value]
        load = Load(self, argv, servers)
        try:
            load.connected = json.loads(load.line(60))
        except BaseException:
            load.end()
            raise
        return load

    def rt_bench(self, *args, seconds=60, cores="load"):
        """Run rt-bench --json with args; returns what it says; of loss, too."""
        argv = [self.program("rt-bench"), "--json", "-q", *args]

        def once():
            with self.start(argv, cores) as p:
                try:
                    return json.loads(p.line(seconds))
                except (ValueError, Unavailable) as e:
                    raise Unavailable(f"rt-bench: {p.complaint() or e}") from e
        return self.quiet(once)

    def command(self, argv, cores="load", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                env=None):
        """Run a client to its end: (seconds, CPU seconds, largest memory in bytes, exit status)."""
        argv = [str(a) for a in argv]
        where = {"server": self.server_core, "load": self.load_core}.get(cores) \
            if isinstance(cores, str) else cores
        began = time.monotonic()
        # pylint: disable=subprocess-popen-preexec-fn,consider-using-with
        try:
            p = subprocess.Popen(argv, stdin=stdin, stdout=stdout, stderr=subprocess.DEVNULL,
                                 env=dict(os.environ, **(env or {})),
                                 preexec_fn=process.in_child(where))
        except OSError as e:
            raise Unavailable(f"{argv[0]}: {e.strerror}") from e
        # ru_maxrss would be that of this program, whose fork it begins as, if that is larger.
        most, gone = 0, 0
        while not gone:
            most = max(most, process.peak_bytes(p.pid))
            time.sleep(PEAK_EVERY)
            gone, status, used = os.wait4(p.pid, os.WNOHANG)
        p.returncode = os.waitstatus_to_exitcode(status)
        return time.monotonic() - began, used.ru_utime + used.ru_stime, most, p.returncode

    def quiet(self, measure):
        """measure(), again if others used more than a third of a core; the quietest counts."""
        best = None
        for again in range(TRIES):
            watch, began = machine.Watch(), time.monotonic()
            result = measure()
            others = watch.others()
            self.repeated += time.monotonic() - began if again else 0
            if best is None or others < best[0]:
                best = (others, result)
            if best[0] <= machine.OTHERS_MOST or self.patience == 0:
                break
            self.patience -= 1
        self.disturbed = max(self.disturbed, best[0])
        return best[1]

    # --- where it goes --------------------------------------------------------------------------

    def row(self, subject, figure, unit, value=None, pairs=None, ratio=None, to="floor", note=""):
        """A figure: a value, perhaps with its ratio to (to); or pairs. In base units."""
        row = {"scenario": self.scenario, "repeat": self.repeat, "subject": subject,
               "figure": figure, "unit": unit, "others": round(self.disturbed, 2)}
        row["values"] = pairs.values if pairs else [value]
        ratios = pairs.ratios if pairs else [ratio] if ratio is not None else []
        if ratios:
            row.update(ratios=ratios, to=to)
        if note:
            row["note"] = note
        self.rows.append(row)
        self.disturbed = 0

    def skip(self, subject, why):
        """Say that there are no figures of it."""
        print(f"{line_start()}  {subject}: {why}", file=sys.stderr)
        self.rows.append({"scenario": self.scenario, "repeat": self.repeat, "subject": subject,
                          "figure": "", "skipped": str(why)})

    @contextlib.contextmanager
    def subject(self, name):
        """What follows is about (name): shown as progress; if it cannot be done, that is a result.

            with bench.subject("rt-serve SSE"): ...
        """
        self.progress(name)
        try:
            yield
        except (Unavailable, OSError, ValueError, KeyError, ZeroDivisionError) as e:
            self.skip(name, e if isinstance(e, Unavailable) else repr(e))

    def progress(self, text):
        """A line on a terminal, replaced by the next."""
        if sys.stderr.isatty():
            rest = f" ({self.rest})" if self.rest else ""
            print(f"{line_start()}  {self.scenario} {self.repeat}: {text}{rest}", end="",
                  file=sys.stderr, flush=True)
