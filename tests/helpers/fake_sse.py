#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A server that misbehaves as it is told, for the tests of rt-sub.

  fake_sse.py script FILE.json   Each connection plays the next list of steps of the JSON array in
                                 FILE; the last one is played again for all that follow. Steps:
       {"read": true}            read a request up to its blank line, and log it
       {"send": "text"}          send it; with "hex": bytes; with "split": one byte at a time
       {"file": "path"}          send a file
       {"repeat": N, "send": ..} send it N times, with %d replaced by 1 ... N
       {"sleep": seconds}
       {"wait": "path"}          until that file exists
       {"upgrade": true}         read a request, answer the WebSocket handshake
                                 ("accept": "wrong", "head": more header lines)
       {"frame": "text"}         a text frame; with "op" and "fin" another one
       {"expect": op}            read frames until one of this opcode comes, log it
       {"close": true}           close; {"reset": true}: with RST; {"hang": true}: never
  fake_sse.py proxy PORT         Forward to 127.0.0.1:PORT, but hold each answer back until it is
                                 complete; one without an end never comes. With "--head" the head
                                 goes through at once. Answers with a Content-Length pass.
  fake_sse.py cut PORT BYTES     Forward to 127.0.0.1:PORT, cut each answer after BYTES bytes.

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
            self.send(step["send"].encode(), step.get("split", False))
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


# Proxies -------------------------------------------------------------------------------------

def pass_on(source, target):
    try:
        while True:
            data = source.recv(65536)
            if not data:
                break
            target.sendall(data)
    except OSError:
        pass
    finally:
        try:
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def end(sock):
    """Closing alone would wait for the thread that reads from it."""
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    sock.close()


def has_end(head):
    head = head.lower()
    return b"\r\ncontent-length:" in head or head.split(b" ", 2)[1:2] == [b"204"]


def hold_back(source, target, head_first):
    """Answers with a length pass; others are kept until the server closes."""
    buffer = b""
    try:
        while True:
            data = source.recv(65536)
            if not data:
                break
            buffer += data
            head, blank, rest = buffer.partition(b"\r\n\r\n")
            if not blank:
                continue
            if has_end(head):
                target.sendall(buffer)
                buffer = b""
            elif head_first:
                target.sendall(head + blank)
                buffer = rest
                head_first = False
                while source.recv(65536):
                    pass
                break
        target.sendall(buffer)
    except OSError:
        pass
    finally:
        end(target)


def cut_after(source, target, limit):
    try:
        while limit > 0:
            data = source.recv(min(65536, limit))
            if not data:
                break
            limit -= len(data)
            target.sendall(data)
    except OSError:
        pass
    finally:
        end(target)
        end(source)


def proxy(client, port, answer, *args):
    server = socket.create_connection(("127.0.0.1", port))
    threading.Thread(target=pass_on, args=(client, server), daemon=True).start()
    answer(server, client, *args)


# Main ----------------------------------------------------------------------------------------

def handler(mode, args):
    if mode == "script":
        with open(args[0], encoding="utf-8") as f:
            scripts = json.load(f)

        def play(sock, number):
            Connection(sock, number).play(scripts[min(number, len(scripts)) - 1])
        return play
    if mode == "proxy":
        return lambda sock, number: proxy(sock, int(args[0]), hold_back, "--head" in args)
    if mode == "cut":
        return lambda sock, number: proxy(sock, int(args[0]), cut_after, int(args[1]))
    sys.exit(__doc__)


def guarded(handle, sock, number):
    try:
        handle(sock, number)
    except (Gone, OSError):
        pass


def main():
    handle = handler(sys.argv[1], sys.argv[2:])
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    number = 0
    while True:
        sock, _ = listener.accept()
        number += 1
        threading.Thread(target=guarded, args=(handle, sock, number), daemon=True).start()


if __name__ == "__main__":
    main()
