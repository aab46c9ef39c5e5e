# SPDX-License-Identifier: MIT
"""Many subscribers in one process, each on a transport of its own choice, on raw sockets.

    s = Swarm(url)
    r = s.join("sse", "/events?topic=a")      # one of TRANSPORTS; since= belongs to the path
    r = s.join("mux", "/topics/a")            # through /ws: a topic, and nothing else
    s.run(lambda: len(r.lines) >= 10)         # reads what comes until that is true
    r.lines                                   # envelopes and gap records, as bytes, in order
"""
import selectors
import socket
import time
from urllib.parse import urlsplit

from raw_http import SLOW, UPGRADE, head_bytes, ws_masked_bytes

TRANSPORTS = ("sse", "ws", "ndjson", "longpoll")


def with_query(path, more):
    return path + ("&" if "?" in path else "?") + more


class Reader:
    """One subscriber. (ended) says how its connection ended: "" while it is open."""

    def __init__(self, server, transport, path, rcvbuf=0, source=None, wait=20):
        self.transport, self.path, self.wait = transport, path, wait
        self.host = "%s:%d" % server
        self.lines, self.rest = [], b""
        self.head, self.ended, self.need, self.acked = None, "", 0, False
        self.socket = socket.socket()
        if rcvbuf:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        if source:
            self.socket.bind((source, 0))
        self.socket.settimeout(20 * SLOW)
        self.socket.connect(server)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.ask()
        self.socket.setblocking(False)

    def ask(self):
        if self.transport == "longpoll":
            path = with_query(self.path, f"as=poll&wait={self.wait}&limit=200")
            request = head_bytes("GET", path, {"Accept": "application/x-ndjson"}, self.host)
        elif self.transport in ("ws", "mux"):
            path = self.path if self.transport == "ws" else "/ws"
            request = head_bytes("GET", path, UPGRADE, self.host)
        else:       # 1.0: no chunks
            request = head_bytes("GET", with_query(self.path, "as=" + self.transport), None, self.host, "1.0")
        self.head = None
        self.socket.sendall(request)

    @property
    def ready(self):
        """Subscribed for sure; of a long poll that hangs this cannot be known."""
        return self.acked if self.transport == "mux" else self.head is not None or self.transport == "longpoll"

    def read(self, limit=1 << 18):
        """Take what has come. False: it is over."""
        try:
            data = self.socket.recv(limit)
        except BlockingIOError:
            return True
        except OSError as e:
            self.ended = str(e)
            return False
        if not data:
            self.ended = "end"
            return False
        self.rest += data
        return self.take_head() and self.take_body()

    def take_head(self):
        if self.head is not None:
            return True
        head, blank, rest = self.rest.partition(b"\r\n\r\n")
        if not blank:
            return True
        lines = head.decode("latin-1").split("\r\n")
        if lines[0].split()[1] not in ("200", "101"):
            self.ended = lines[0]
            return False
        self.head = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:])}
        self.need = int(self.head.get("content-length", 0))
        self.rest = rest
        if self.transport == "mux":
            topic = self.path.removeprefix("/topics/")
            self.socket.sendall(ws_masked_bytes(1, b'{"op":"subscribe","topics":["%s"]}' % topic.encode()))
        return True

    def take_body(self):
        if self.head is None:
            return True
        if self.transport == "longpoll":
            return self.take_poll()
        if self.transport in ("ws", "mux"):
            return self.take_frames()
        whole, mark, rest = self.rest.rpartition(b"\n")
        if not mark:
            return True
        self.rest = rest
        lines = whole.split(b"\n")
        if self.transport == "sse":
            self.lines += [line[6:] for line in lines if line.startswith(b"data: ")]
        else:
            self.lines += [line for line in lines if line]
        return True

    def take_poll(self):
        if len(self.rest) < self.need:
            return True
        self.lines += [line for line in self.rest[:self.need].split(b"\n") if line]
        self.rest = self.rest[self.need:]
        self.path = next_path(self.head["link"])
        self.ask()
        return True

    def take_frames(self):
        data, at = self.rest, 0
        while len(data) - at >= 2:
            n, start = data[at + 1] & 0x7f, at + 2
            if n > 125:
                wide = 2 if n == 126 else 8
                if len(data) - start < wide:
                    break
                n = int.from_bytes(data[start:start + wide], "big")
                start += wide
            if len(data) - start < n:
                break
            opcode = data[at] & 0xf
            if opcode == 1:
                self.take_text(data[start:start + n])
            elif opcode == 8:
                self.ended = "close %d" % int.from_bytes(data[start:start + 2], "big")
                return False
            elif opcode == 9:
                self.pong(data[start:start + n])
            at = start + n
        self.rest = data[at:]
        return True

    def take_text(self, text):
        """Of /ws only what concerns events: not the acknowledgement, nor where a quiet one stands."""
        if self.transport == "mux" and text.startswith(b'{"op":'):
            self.acked = True
        else:
            self.lines.append(text)

    def pong(self, payload):
        try:
            self.socket.sendall(ws_masked_bytes(10, payload))
        except OSError:     # the next read tells
            pass

    def close(self):
        self.socket.close()


def next_path(link):
    """Where a Link header leads, without what ask() adds itself."""
    path, _, query = link.split(">")[0][1:].partition("?")
    ours = ("as=", "wait=", "limit=")
    kept = [q for q in query.split("&") if not q.startswith(ours)]
    return path + "?" + "&".join(kept)


class Swarm:
    def __init__(self, url):
        parts = urlsplit(url)
        self.server = (parts.hostname, parts.port)
        self.readers, self.selector = [], selectors.DefaultSelector()

    def join(self, transport, path, **options):
        r = Reader(self.server, transport, path, **options)
        self.readers.append(r)
        self.selector.register(r.socket, selectors.EVENT_READ, r)
        return r

    def leave(self, r):
        self.selector.unregister(r.socket)
        r.close()

    def turn(self, timeout=0.1):
        for key, _ in self.selector.select(timeout):
            if not key.data.read():
                self.leave(key.data)

    def run(self, enough, seconds=20):
        """Read until enough() is true. False: it was not, in time."""
        end = time.monotonic() + seconds * SLOW
        while not enough():
            if time.monotonic() > end:
                return False
            self.turn()
        return True
