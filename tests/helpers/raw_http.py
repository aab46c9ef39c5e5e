# SPDX-License-Identifier: MIT
"""HTTP/1.1 and WebSocket as bytes on a socket, for tests that look at framing, order and timing."""
import json
import os
import re
import socket
import sys
import time

SLOW = int(os.environ.get("RT_SLOW", "1"))
UPGRADE = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
           "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}


def fail(text):
    print(text)
    sys.exit(1)


def head_bytes(method, target, fields=None, host="127.0.0.1", version="1.1"):
    lines = [f"{method} {target} HTTP/{version}", f"Host: {host}"]
    lines += [f"{k}: {v}" for k, v in (fields or {}).items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def ws_frame_bytes(opcode, payload):
    """A frame as the server sends it: not masked."""
    n = len(payload)
    size = bytes([n]) if n < 126 else b"\x7e" + n.to_bytes(2, "big") if n < 65536 \
        else b"\x7f" + n.to_bytes(8, "big")
    return bytes([0x80 | opcode]) + size + payload


def ws_masked_bytes(opcode, payload):
    """A frame as a client sends it, with a mask of zeros."""
    n = len(payload)
    size = bytes([0x80 | n]) if n < 126 else b"\xfe" + n.to_bytes(2, "big") if n < 65536 \
        else b"\xff" + n.to_bytes(8, "big")
    return bytes([0x80 | opcode]) + size + b"\0\0\0\0" + payload


class Response:
    def __init__(self, status, fields):
        self.status, self.fields, self.body = status, fields, b""

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.fields} {self.body[:300]}"


class Closed(Exception):
    """The server closed, or reset, where an answer was expected."""


class Conn:
    def __init__(self, url=None, timeout=10, rcvbuf=None):
        url = url or os.environ["RT_URL"]
        if url.startswith("unix:"):
            self.s = socket.socket(socket.AF_UNIX)
            where = url[5:]
        else:
            host, port = re.match(r"http://\[?([^\]]*)\]?:(\d+)", url).groups()
            self.s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
            where = (host, int(port))
        if rcvbuf:
            self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.s.settimeout(timeout * SLOW)
        self.s.connect(where)
        self.buf = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.s.close()

    def send(self, data):
        self.s.sendall(data if isinstance(data, bytes) else data.encode())

    head_bytes = staticmethod(head_bytes)

    def ask(self, method, target, body=None, fields=None, host="127.0.0.1"):
        """Send a whole request."""
        fields = dict(fields or {})
        if body is not None:
            body = body if isinstance(body, bytes) else body.encode()
            fields["Content-Length"] = len(body)
        self.send(head_bytes(method, target, fields, host) + (body or b""))

    def chunk(self, data):
        """A piece of a chunked request; b"" ends it."""
        data = data if isinstance(data, bytes) else data.encode()
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def more(self):
        try:
            got = self.s.recv(1 << 16)
        except ConnectionResetError as e:
            raise Closed("reset") from e
        if not got:
            raise Closed("closed")
        self.buf += got

    def until(self, mark):
        while mark not in self.buf:
            self.more()
        got, self.buf = self.buf.split(mark, 1)
        return got

    def exactly(self, n):
        while len(self.buf) < n:
            self.more()
        got, self.buf = self.buf[:n], self.buf[n:]
        return got

    def head(self):
        lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        assert re.match(r"HTTP/1\.1 \d\d\d ", lines[0]), lines[0]
        fields = {}
        for line in lines[1:]:
            name, value = line.split(":", 1)
            fields[name.lower()] = value.strip()
        return Response(int(lines[0].split()[1]), fields)

    def read_chunk(self):
        """One chunk of a chunked answer; b"" at its end."""
        n = int(self.until(b"\r\n"), 16)
        data = self.exactly(n)
        assert self.exactly(2) == b"\r\n"
        return data

    def answer(self, method="GET"):
        """A whole answer; 100 Continue is passed over."""
        r = self.head()
        if r.status == 100:
            r = self.head()
        if method == "HEAD" or r.status in (204, 304):
            return r
        if r.fields.get("transfer-encoding") == "chunked":
            while True:
                data = self.read_chunk()
                if not data:
                    return r
                r.body += data
        r.body = self.exactly(int(r.fields["content-length"]))
        return r

    def do(self, method, target, body=None, fields=None, host="127.0.0.1"):
        self.ask(method, target, body, fields, host)
        return self.answer(method)

    def lines(self):
        """The lines of a chunked answer, as they come."""
        rest = b""
        while True:
            data = self.read_chunk()
            if not data:
                return
            rest += data
            while b"\n" in rest:
                line, rest = rest.split(b"\n", 1)
                yield line

    def ws_open(self, target, fields=None, host="127.0.0.1"):
        """Ask for a WebSocket; the answer's head, 101 if it is one."""
        self.ask("GET", target, None, {**UPGRADE, **(fields or {})}, host)
        return self.head()

    def ws_send(self, text, opcode=1):
        self.send(ws_masked_bytes(opcode, text if isinstance(text, bytes) else text.encode()))

    def ws_frame(self):
        """(opcode, payload) of the next frame."""
        a, b = self.exactly(2)
        n = b & 127
        if n > 125:
            n = int.from_bytes(self.exactly(2 if n == 126 else 8), "big")
        return a & 15, self.exactly(n)

    def ws_text(self):
        """The next text frame, past pings."""
        while True:
            op, data = self.ws_frame()
            if op == 1:
                return data.decode()
            if op == 8:
                raise Closed(f"close {int.from_bytes(data[:2], 'big')}")

    def ws_close_code(self):
        """The code of the close frame, past everything else."""
        while True:
            op, data = self.ws_frame()
            if op == 8:
                return int.from_bytes(data[:2], "big")

    def closed_within(self, seconds):
        """Does the server close within that time? Whatever it sends before is kept."""
        self.s.settimeout(seconds * SLOW)
        try:
            while True:
                self.more()
        except Closed:
            return True
        except socket.timeout:
            return False


class Stream(Conn):
    """A GET whose answer goes on: its head is read; what follows is in buf, or still to come."""

    def __init__(self, url, target, fields=None, version="1.1", rcvbuf=None):
        super().__init__(url, timeout=20, rcvbuf=rcvbuf)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.send(head_bytes("GET", target, fields, version=version))
        self.opening = self.head()


def do(method, target, body=None, fields=None, host="127.0.0.1", url=None):
    with Conn(url) as c:
        return c.do(method, target, body, fields, host)


def wait_for(what, seconds=10):
    """Ask until it is true; the last answer."""
    end = time.monotonic() + seconds * SLOW
    while True:
        got = what()
        if got or time.monotonic() > end:
            return got
        time.sleep(0.01)


NDJSON = {"Content-Type": "application/x-ndjson"}
CHUNKED = {"Content-Type": "application/x-ndjson", "Transfer-Encoding": "chunked"}
