# SPDX-License-Identifier: MIT
"""Processes that are measured: pinned, bound to our life, ended by pid, and what they used."""
import contextlib
import ctypes
import os
import re
import resource
import select
import signal
import socket
import subprocess
import tempfile
import time

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


class Unavailable(Exception):
    """A program that is not there, or does not start: said in the results, the rest goes on."""


def free_port():
    """A port that nobody listens on; for programs that cannot choose one themselves."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def tree(pid):
    """pid and all of its children, theirs included."""
    found, left = [], [pid]
    while left:
        pid = left.pop()
        found.append(pid)
        with contextlib.suppress(OSError):
            for tid in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{tid}/children", encoding="ascii") as f:
                    left += [int(child) for child in f.read().split()]
    return found


def cpu_ns(pid):
    """CPU time of a process tree, all threads that live: utime and stime have a grain of 10 ms."""
    total = 0
    for process in tree(pid):
        with contextlib.suppress(OSError):
            for tid in os.listdir(f"/proc/{process}/task"):
                with open(f"/proc/{process}/task/{tid}/schedstat", encoding="ascii") as f:
                    total += int(f.read().split()[0])
    return total


def pss_bytes(pid):
    """Memory of a process tree in user space, shared pages by their share."""
    total = 0
    for process in tree(pid):
        with open(f"/proc/{process}/smaps_rollup", encoding="ascii") as f:
            total += 1024 * next(int(line.split()[1]) for line in f if line.startswith("Pss:"))
    return total


def peak_bytes(pid):
    """The most memory that a process has had since its exec; 0 if it is gone."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/status", encoding="ascii") as f:
        return 1024 * next((int(x.split()[1]) for x in f if x.startswith("VmHWM:")), 0)
    return 0


def settle(pid, seconds, looks=4, at_most=10):
    """Wait until a process has used no CPU in (looks) looks, spread over (seconds)."""
    until, same, last = time.monotonic() + at_most, 0, None
    while same < looks and time.monotonic() < until:
        time.sleep(seconds / looks)
        now = cpu_ns(pid)
        same, last = same + 1 if now == last else 0, now


def in_child(cores):
    """To run in the child: dies with us, as many descriptors as allowed, on these cores."""
    parent = os.getpid()

    def prepare():
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        if cores:
            os.sched_setaffinity(0, cores)
    return prepare


class Process:
    """One that was started: a context, at whose end it is ended with all of its children.

    gently: it has something to bring to an end, and is asked to
    """

    def __init__(self, argv, cores=None, cwd=None, env=None, stdin=subprocess.DEVNULL,
                 gently=True):
        # What it complains of goes to a file: nobody reads a pipe while something is measured.
        self.stderr = tempfile.TemporaryFile()
        self.argv, self.gently = [str(a) for a in argv], gently
        try:
            # pylint: disable=subprocess-popen-preexec-fn
            self.popen = subprocess.Popen(self.argv, stdin=stdin, stdout=subprocess.PIPE,
                                          stderr=self.stderr, cwd=cwd, start_new_session=True,
                                          env=dict(os.environ, **(env or {})),
                                          preexec_fn=in_child(cores))
        except OSError as e:
            self.stderr.close()
            raise Unavailable(f"{argv[0]}: {e.strerror}") from e
        self.pid = self.popen.pid
        self.pending = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def wait(self, seconds):
        """Until it has ended, or for so long."""
        try:
            fd = os.pidfd_open(self.pid)
        except OSError:     # an old kernel; there Python asks again and again
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.popen.wait(seconds)
            return
        select.select([fd], [], [], seconds)
        os.close(fd)

    def kill(self):
        """It and its children, which are of its process group; does not wait."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def end(self):
        """SIGTERM, a while later SIGKILL; the latter at once if it need not be gentle."""
        if self.gently and self.popen.poll() is None:
            self.popen.terminate()
            self.wait(3)
        self.kill()
        if self.popen.poll() is None:
            self.wait(10)
        self.popen.poll()
        for f in (self.popen.stdin, self.popen.stdout, self.stderr):
            if f is not None and not f.closed:
                with contextlib.suppress(OSError):
                    f.close()

    def complaint(self):
        """The end of its stderr, as one line."""
        if self.stderr.closed:
            return ""
        size = self.stderr.seek(0, os.SEEK_END)
        self.stderr.seek(max(0, size - 300))
        return " ".join(self.stderr.read().decode(errors="replace").split())

    def dead(self, what):
        """The exception to raise when it did not do (what)."""
        status = self.popen.poll()
        how = "is silent" if status is None else f"ended with status {status}"
        return Unavailable(f"{os.path.basename(self.argv[0])} {how} ({what}): {self.complaint()}")

    def line(self, seconds):
        """The next line of its stdout, without its end."""
        deadline = time.monotonic() + seconds
        while b"\n" not in self.pending:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.popen.stdout], [], [], left)[0]:
                raise self.dead(f"no line within {seconds:.0f} s")
            more = os.read(self.popen.stdout.fileno(), 65536)
            if not more:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.popen.wait(1)
                raise self.dead("end of its output")
            self.pending += more
        line, self.pending = self.pending.split(b"\n", 1)
        return line.decode(errors="replace")

    def tell(self, line):
        """Write a line to its stdin."""
        try:
            self.popen.stdin.write(line.encode() + b"\n")
            self.popen.stdin.flush()
        except BrokenPipeError as e:
            raise self.dead(line) from e

    def port_of_line(self, pattern, seconds=10):
        """The port in the first line that matches (pattern), its first group."""
        while True:
            found = re.search(pattern, self.line(seconds))
            if found:
                return int(found.group(1))

    def wait_for_port(self, port, seconds=10):
        """Until it listens on 127.0.0.1:port."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.popen.poll() is not None:
                break
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return
            time.sleep(0.01)
        raise self.dead(f"no port within {seconds} s")

    def cpu_ns(self):
        """CPU time of it and its children so far."""
        return cpu_ns(self.pid)

    def settle(self, seconds):
        """Wait until it has had nothing to do for so long."""
        settle(self.pid, seconds)

    def pss_bytes(self):
        """Memory of it and its children now."""
        return pss_bytes(self.pid)
