# SPDX-License-Identifier: MIT
"""The machine: its cores, who else uses them, and what it is called."""
import contextlib
import functools
import gzip
import os
import platform
import re
import resource
import subprocess
import time

from . import process

# More of a core than this, used by others, and a measurement is repeated.
OTHERS_MOST = 1 / 3


def cores():
    """(core of the server, core of the load), or (None, None): nothing is pinned."""
    allowed = sorted(os.sched_getaffinity(0))
    return ({allowed[0]}, {allowed[1]}) if len(allowed) > 1 else (None, None)


@functools.lru_cache
def interrupts_apart():
    """Does the kernel leave interrupts out of the time of the processes that they interrupt?"""
    boot = f"/boot/config-{platform.release()}"
    for path, opener in ((boot, open), ("/proc/config.gz", gzip.open)):
        with contextlib.suppress(OSError), opener(path, "rt") as f:
            return "CONFIG_IRQ_TIME_ACCOUNTING=y" in f.read()
    return False


def busy_ns():
    """Of all cores since the start, what hypervisors took included."""
    with open("/proc/stat", encoding="ascii") as f:
        user, nice, system, _, _, irq, softirq, steal = map(int, f.readline().split()[1:9])
    # On loopback they are our own work, and mostly counted as such.
    interrupts = 0 if interrupts_apart() else irq + softirq
    return (user + nice + system + interrupts + steal) * 10**9 // os.sysconf("SC_CLK_TCK")


class Watch:
    """How much of a core processes other than ours used."""

    def __init__(self):
        self.start()

    def start(self):
        """Begin to count."""
        self.at, self.busy, self.ours = time.monotonic_ns(), busy_ns(), self.own()

    @staticmethod
    def own():
        """CPU time of ours, those that ended included."""
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        return process.cpu_ns(os.getpid()) + int((ended.ru_utime + ended.ru_stime) * 10**9)

    def others(self):
        """Cores that others used since start()."""
        took = time.monotonic_ns() - self.at
        return max(0, busy_ns() - self.busy - (self.own() - self.ours)) / max(1, took)


def first(path, pattern, otherwise="?"):
    """The first group of (pattern) in a file."""
    with contextlib.suppress(OSError), open(path, encoding="utf-8") as f:
        found = re.search(pattern, f.read(), re.M)
        if found:
            return found.group(1).strip()
    return otherwise


def output(*argv):
    """The first line that a command prints, or ''."""
    try:
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20,
                              check=False, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError):
        return ""
    return (done.stdout.decode(errors="replace").strip().splitlines() or [""])[0]


def describe():
    """What it is, as a list of (what, value)."""
    kib = int(first("/proc/meminfo", r"^MemTotal:\s*(\d+)", "0"))
    hypervisor = "hypervisor" in first("/proc/cpuinfo", r"^flags\s*:(.*)$", "")
    return [
        ("processor", f"{first('/proc/cpuinfo', r'^model name.*: (.*)$')}, "
                      f"{len(os.sched_getaffinity(0))} cores" +
                      (", a virtual machine" if hypervisor else "")),
        ("memory", f"{kib / 2**20:.0f} GiB"),
        ("kernel", platform.release()),
        ("system", first("/etc/os-release", r'^PRETTY_NAME="?([^"\n]*)')),
        ("compiler", output("gcc", "--version")),
    ]
