# SPDX-License-Identifier: MIT
"""HTTP requests of scenarios: events in bulk, tests/bench/pipeline, long polls."""
import http.client
import json
import os
import re
import select
import shutil
import socket
import time

from .process import Unavailable, peak_bytes

# Seconds without work after which a server is through with what it was given.
SETTLED = 0.008
NDJSON = "Content-Type: application/x-ndjson"


def payload(i, size=100):
    """A JSON value of (size) bytes."""
    head = f'{{"n":{i},"text":"'
    return head + "x" * (size - len(head) - 2) + '"}'


def events_file(bench, n, topics=0, topic=lambda i: f"t/{i}"):
    """(n) events of 100 bytes, one a line; (topics) > 0: as envelopes of so many topics in turn."""
    def write(path):
        with open(path, "w", encoding="ascii") as f:
            for i in range(n):
                f.write(f'{{"topic":"{topic(i % topics)}","data":{payload(i)}}}\n' if topics else
                        payload(i) + "\n")
    named = f".{topics}.{topic(1)}".replace("/", "-") if topics else ""
    return bench.prepared(f"events.{n}{named}.ndjson", write)


def stored(bench, topic, n):
    """The path of a database with (n) events of 100 bytes in (topic); servers may add some."""
    def fill(folder):
        shutil.rmtree(folder, ignore_errors=True)     # of a try that failed
        os.mkdir(folder)
        with bench.server("rt-serve", "--store", folder + "/rt.db", cores=None) as server:
            put(bench, server, f"/topics/{topic}", events_file(bench, n), n, None)
    return bench.prepared(f"stored.{n}.{topic}", fill) + "/rt.db"


def put(bench, server, path, file, n, cores="load"):
    """Publish a file by curl: seconds until all of it was acknowledged."""
    answer = os.path.join(bench.folder(), "answer")
    with open(answer, "wb") as out:
        seconds, _, _, status = bench.command(
            ["curl", "-sS", "-X", "POST", "-T", file, "-H", "Expect:", "-H", NDJSON,
             f"http://127.0.0.1:{server.port}{path}"], cores=cores, stdout=out)
    with open(answer, encoding="ascii") as f:
        text = f.read()
    if status != 0 or json.loads(text)["accepted"] != n:
        raise Unavailable(f"not all events were accepted: {text[:200]}")
    return seconds


def pipeline(bench, server, *args, cores="load"):
    """Run tests/bench/pipeline: (answers a second, CPU seconds of the server per answer)."""
    argv = [bench.program("tests/bench/pipeline"), *args[:-2], str(server.port), *args[-2:]]

    def once():
        before = server.cpu_ns()
        with bench.start(argv, cores) as p:
            answers, seconds = p.line(60).split()
        return int(answers) / float(seconds), (server.cpu_ns() - before) / 1e9 / int(answers)
    return bench.quiet(once)


def get(server, target, **headers):
    """One GET: (status, header fields, body)."""
    c = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    c.request("GET", target, headers=headers)
    r = c.getresponse()
    body = r.read()
    c.close()
    return r.status, r.headers, body


def post(server, target, body, content_type="application/json"):
    """One POST on a connection of its own."""
    c = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    c.request("POST", target, body, {"Content-Type": content_type})
    r = c.getresponse()
    r.read()
    c.close()
    return r.status


class LongPolls:
    """Connections that ask again as soon as they are answered; CPU of the server per delivery."""

    def __init__(self, server, n, first, following):
        self.server, self.n, self.following = server, n, following
        self.epoll, self.sockets = select.epoll(), {}
        for _ in range(n):
            s = socket.create_connection(("127.0.0.1", server.port))
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            s.sendall(first)
            self.sockets[s.fileno()] = s
            self.epoll.register(s.fileno(), select.EPOLLIN)
        server.settle(0.1)

    def close(self):
        """All of them."""
        for s in self.sockets.values():
            s.close()
        self.epoll.close()

    def deliver(self, path):
        """One event for all; the clients read only when the server is through with it."""
        post(self.server, path, payload(1))
        self.server.settle(SETTLED)
        left = self.n
        while left > 0:
            ready = self.epoll.poll(10)
            if not ready:
                raise Unavailable("an event did not come within 10 s")
            for fd, _ in ready:
                head = re.match(rb"HTTP/1.1 200.*?\r\n\r\n", self.sockets[fd].recv(65536), re.S)
                if head is None:
                    raise Unavailable("an answer is none, or not whole")
                self.sockets[fd].send(self.following(head.group(0)))
                left -= 1
        self.server.settle(SETTLED)

    def cpu_per_delivery(self, path, rounds):
        """In seconds."""
        self.deliver(path)
        before = self.server.cpu_ns()
        for _ in range(rounds):
            self.deliver(path)
        return (self.server.cpu_ns() - before) / 1e9 / (rounds * self.n)


def first_byte(bench, argv):
    """Seconds from exec until a command writes something; it is ended then."""
    began = time.monotonic()
    with bench.start(argv, "load") as p:
        os.read(p.popen.stdout.fileno(), 1)
        took = time.monotonic() - began
        p.popen.kill()      # it has more to write, and nobody reads
    return took


def drain(bench, argv, lines, reads="load"):
    """Read (lines) lines of a command: (seconds, its CPU seconds, its largest RSS in bytes).

    reads: the core of their reader. Where the scheduler puts him would make half of the figure.
    """
    reader = ["sh", "-c", 'exec head -n "$1" >/dev/null', "sh", lines]
    with bench.start(argv, "load") as p:
        began = time.monotonic()
        with bench.start(reader, reads, stdin=p.popen.stdout) as r:
            r.wait(60)
        took = time.monotonic() - began
        if p.popen.poll() is not None or r.popen.poll() != 0:
            raise Unavailable(f"{argv[0]} wrote less than {lines} lines")
        return took, p.cpu_ns() / 1e9, peak_bytes(p.pid)
