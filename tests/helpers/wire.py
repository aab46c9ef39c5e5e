# SPDX-License-Identifier: MIT
"""Requests and WebSocket frames as bytes, for tests that look at what is on the wire."""
import base64
import os
import socket
import struct
import sys

TIMEOUT = 20 * float(os.environ.get("RT_SLOW", "1"))


def fail(text):
    print(text)
    sys.exit(1)


class Connection:
    """One request, its head read, its body as raw bytes."""

    def __init__(self, server, path, fields=(), version="1.1", rcvbuf=0):
        self.socket = socket.socket()
        if rcvbuf:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.socket.settimeout(TIMEOUT)
        self.socket.connect(server)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lines = [f"GET {path} HTTP/{version}", f"Host: {server[0]}:{server[1]}"]
        lines += [f"{name}: {value}" for name, value in fields]
        self.socket.sendall("\r\n".join(lines + ["", ""]).encode())
        self.rest = b""
        while b"\r\n\r\n" not in self.rest:
            self.more()
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        self.status = int(lines[0].split()[1])
        self.fields = {}
        for line in lines[1:]:
            name, value = line.split(":", 1)
            self.fields[name.lower()] = value.strip()

    def more(self):
        piece = self.socket.recv(1 << 18)
        if not piece:
            fail(f"the connection ended behind {self.rest[-200:]!r}")
        self.rest += piece

    def take(self, n):
        pieces, have = [self.rest], len(self.rest)
        while have < n:
            piece = self.socket.recv(1 << 18)
            if not piece:
                fail(f"the connection ended, {n - have} bytes too early")
            pieces.append(piece)
            have += len(piece)
        data = b"".join(pieces)
        self.rest = data[n:]
        return data[:n]

    def frame(self):
        """The next WebSocket frame: its opcode and payload."""
        head = self.take(2)
        n = head[1] & 0x7f
        if n == 126:
            n = struct.unpack(">H", self.take(2))[0]
        elif n == 127:
            n = struct.unpack(">Q", self.take(8))[0]
        return head[0] & 0xf, self.take(n)

    def close(self):
        self.socket.close()


def frame(opcode, payload):
    if len(payload) < 126:
        return bytes([0x80 | opcode, len(payload)]) + payload
    return bytes([0x80 | opcode, 126]) + struct.pack(">H", len(payload)) + payload


def masked(text):
    payload = text.encode()
    head = bytes([0x81])
    head += bytes([0x80 | len(payload)]) if len(payload) < 126 else \
        bytes([0x80 | 126]) + struct.pack(">H", len(payload))
    return head + b"\0\0\0\0" + payload     # a mask of zeros changes nothing


UPGRADE = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13"),
           ("Sec-WebSocket-Key", base64.b64encode(b"0123456789abcdef").decode())]
