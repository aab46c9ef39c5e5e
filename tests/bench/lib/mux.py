# SPDX-License-Identifier: MIT
"""Connections to /ws with many subscriptions each, read only when they are asked to be."""
import json
import select
import socket
import time

from .process import Unavailable

UPGRADE = ("GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")


def frame(text):
    """A text frame of a client; its mask is all zeros, so that nothing needs masking."""
    body = text.encode()
    assert len(body) < 65536
    length = bytes([0x80 | len(body)]) if len(body) <= 125 else \
        bytes([0xfe]) + len(body).to_bytes(2, "big")
    return b"\x81" + length + bytes(4) + body


class Subscribers:
    """(connections) that subscribe to (patterns), one after the other: a context."""

    def __init__(self, server, connections, patterns):
        self.sockets, self.epoll = {}, select.epoll()
        for i in range(connections):
            mine = patterns[i::connections]
            s = socket.create_connection(("127.0.0.1", server.port))
            s.sendall(UPGRADE.encode() + b"".join(
                frame(json.dumps({"op": "subscribe", "ref": n, "topics": [p]}))
                for n, p in enumerate(mine)))
            s.setblocking(False)
            self.sockets[s.fileno()] = s
            self.epoll.register(s.fileno(), select.EPOLLIN)
        acks = self.count(b'"op":"ack"', len(patterns))
        if acks != len(patterns):
            raise Unavailable(f"{acks} of {len(patterns)} subscriptions")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for s in self.sockets.values():
            s.close()
        self.epoll.close()

    def count(self, mark, wanted, seconds=20):
        """Read until (mark) came (wanted) times, or nothing comes any more: how often it came."""
        found, rests, until = 0, {}, time.monotonic() + seconds
        while found < wanted and time.monotonic() < until:
            for fd, _ in self.epoll.poll(0.2):
                data = self.sockets[fd].recv(1 << 20)
                if not data:
                    raise Unavailable("the server ended a connection")
                data = rests.get(fd, b"") + data
                found += data.count(mark)
                rests[fd] = data[data.rfind(mark) + len(mark):][1 - len(mark):] \
                    if mark in data else data[1 - len(mark):]
        return found
