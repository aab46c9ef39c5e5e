# SPDX-License-Identifier: MIT
"""Servers: how each is started on a free port of loopback, keeping nothing, as the current user."""
import os
import shutil

from .process import Process, Unavailable, free_port

HERE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "peers")


def find(name):
    """A program, also in the folders of the super-user."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/local/sbin")
    if path is None:
        raise Unavailable(f"{name} is not installed")
    return path


def begin(bench, argv, cores, **options):
    """Start it on the cores asked for."""
    return bench.start(argv, cores, **options)


def ready(process, port, dialect):
    """Wait until it listens; what does not is ended."""
    try:
        process.wait_for_port(port)
    except BaseException:
        process.end()
        raise
    process.port, process.dialect = port, dialect
    return process


def announced(process, pattern, dialect):
    """Wait for the line that tells its port."""
    try:
        process.port = process.port_of_line(pattern)
    except BaseException:
        process.end()
        raise
    process.dialect = dialect
    return process


def floor(bench, args, cores):
    """tests/bench/floor.c"""
    p = begin(bench, [bench.program("tests/bench/floor"), *args], cores)
    return announced(p, r"listening on (\d+)", "floor-sse")


def rt_serve(bench, args, cores):
    """One thread, memory:, unless args say otherwise."""
    args = [str(a) for a in args]
    for option, value in (("--threads", "1"), ("--store", "memory:")):
        if option not in args:
            args += [option, value]
    p = begin(bench, [bench.program("rt-serve"), "--listen", "127.0.0.1:0", *args], cores)
    return announced(p, r"http://127\.0\.0\.1:(\d+)", "sse")


SERVERS = {
    "floor": floor,
    "rt-serve": rt_serve,
}


def start(bench, name, args, cores):
    """Start one of SERVERS; Unavailable if it cannot be."""
    server = SERVERS[name](bench, args, cores)
    assert isinstance(server, Process)
    return server
