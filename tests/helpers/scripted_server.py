#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A server that sends what a script says, byte by byte, for the tests of rt-sub.

  scripted_server.py FILE.json   Each connection plays the next list of steps of the JSON array in
                                 FILE; the last one is played again for all that follow. Steps:
       {"read": true}            read a request up to its blank line, and log it
       {"send": "text"}          send it, our port for @PORT@; with "hex": bytes; with "split": one
                                 byte at a time
       {"file": "path"}          send a file
       {"repeat": N, "send": ..} send it N times, with %d replaced by 1 ... N
       {"sleep": seconds}
       {"wait": "path"}          until that file exists
       {"upgrade": true}         read a request, answer the WebSocket handshake
                                 ("accept": "wrong", "head": more header lines)
       {"frame": "text"}         a text frame; with "op" and "fin" another one
       {"expect": op}            read frames until one of this opcode comes, log it
       {"close": true}           close; {"reset": true}: with RST; {"hang": true}: never

The port is printed on stdout as the only line. Requests are logged to stderr, one JSON a line:
{"n": connection, "request": first line, "headers": {lower-case name: value}}.
"""
import base64
import hashlib
import json
import os
import socket
import struct
import sys
import threading
import time

LIMIT = 60  # nothing here lives longer than this many seconds without a step


def log(record):
    sys.stderr.write(json.dumps(record) + "\n")
    sys.stderr.flush()


class Gone(Exception):
    pass


class Connection:
    def __init__(self, sock, number):
        self.sock, self.number, self.buffer = sock, number, b""
        sock.settimeout(LIMIT)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def more(self):
        data = self.sock.recv(65536)
        if not data:
            raise Gone()
        self.buffer += data

    def read_head(self):
        while b"\r\n\r\n" not in self.buffer:
            self.more()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        headers = {}
        for line in lines[1:]:
            name, value = line.split(":", 1)
            headers[name.strip().lower()] = value.strip()
        log({"n": self.number, "request": lines[0], "headers": headers})
        return head, headers

    def send(self, data, split=False):
        if not split:
            self.sock.sendall(data)
            return
        for i in range(len(data)):
            self.sock.sendall(data[i:i + 1])

    # WebSocket -------------------------------------------------------------------------------

    def upgrade(self, step):
        _, headers = self.read_head()
        key = headers.get("sec-websocket-key", "") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        if step.get("accept") == "wrong":
            accept = base64.b64encode(b"x" * 20).decode()
        self.send(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                   "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s\r\n"
                   % (accept, step.get("head", ""))).encode())

    def frame(self, step):
        data = bytes.fromhex(step["hex"]) if "hex" in step else step["frame"].encode()
        first = (0x80 if step.get("fin", True) else 0) | step.get("op", 1)
        if len(data) < 126:
            head = bytes([first, len(data)])
        elif len(data) < 65536:
            head = bytes([first, 126]) + struct.pack(">H", len(data))
        else:
            head = bytes([first, 127]) + struct.pack(">Q", len(data))
        self.send(head + data, step.get("split", False))

    def take(self, n):
        while len(self.buffer) < n:
            self.more()
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def read_frame(self):
        first, second = self.take(2)
        n = second & 0x7F
        if n == 126:
            n = struct.unpack(">H", self.take(2))[0]
        elif n == 127:
            n = struct.unpack(">Q", self.take(8))[0]
        mask = self.take(4) if second & 0x80 else None
        data = self.take(n)
        if mask:
            data = bytes(b ^ mask[i % 4] for i, b in enumerate(data))
        return first & 0x0F, bool(mask), data

    def expect(self, op):
        while True:
            got, masked, data = self.read_frame()
            log({"n": self.number, "op": got, "masked": masked, "data": data.decode("latin-1")})
            if got == op:
                return

    # Steps -----------------------------------------------------------------------------------

    def play(self, steps):
        for step in steps:
            if not self.step(step):
                return
        self.sock.close()

    def step(self, step):
        if "read" in step:
            self.read_head()
        elif "repeat" in step:
            self.send(b"".join(step["send"].replace("%d", str(i + 1)).encode()
                               for i in range(step["repeat"])))
        elif "send" in step:
            port = str(self.sock.getsockname()[1])
            self.send(step["send"].replace("@PORT@", port).encode(), step.get("split", False))
        elif "frame" in step or ("hex" in step and "op" in step):
            self.frame(step)
        elif "hex" in step:
            self.send(bytes.fromhex(step["hex"]), step.get("split", False))
        elif "file" in step:
            with open(step["file"], "rb") as f:
                self.send(f.read(), step.get("split", False))
        elif "sleep" in step:
            time.sleep(step["sleep"])
        elif "wait" in step:
            end = time.monotonic() + LIMIT
            while not os.path.exists(step["wait"]) and time.monotonic() < end:
                time.sleep(0.01)
        elif "upgrade" in step:
            self.upgrade(step)
        elif "expect" in step:
            self.expect(step["expect"])
        elif "reset" in step:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.sock.close()
            return False
        elif "hang" in step:
            try:
                while self.sock.recv(65536):
                    pass
            finally:
                log({"n": self.number, "closed": True})
            return False
        return True


def play(sock, number, scripts):
    try:
        Connection(sock, number).play(scripts[min(number, len(scripts)) - 1])
    except (Gone, OSError):
        pass


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        scripts = json.load(f)
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    number = 0
    while True:
        sock, _ = listener.accept()
        number += 1
        threading.Thread(target=play, args=(sock, number, scripts), daemon=True).start()


if __name__ == "__main__":
    main()
