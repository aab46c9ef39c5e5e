#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A TCP proxy that does what networks, and other proxies, do.

    proxy.py cut PORT BYTES                ends each connection, with FIN, after so many bytes of
                                           its answers
    proxy.py first PORT BYTES              only the first one; the others are whole
    proxy.py random PORT MIN MAX [SEED]    ends each connection, with FIN or RST, after a random
                                           number of bytes from MIN to MAX, in either direction
    proxy.py silent PORT FILE              passes everything on. Once FILE is there, connections that
                                           were open by then pass nothing any more and stay open;
                                           those that begin later are whole.
    proxy.py tamper PORT FAULT N           does something wrong to the Nth event of rt-bench that passes, over all
                                           connections, by SSE or WebSocket: lose, double, swap
                                           (with the next), flip (a bit); none. SSE streams come
                                           without chunks.
    proxy.py flip PORT N SEED              flips a random bit of the Nth event of rt-bench that passes, anywhere in
                                           what it is on the wire, its frame or chunk included
    proxy.py misname PORT N                changes the id in the Nth acknowledgement of an event
    proxy.py hold PORT [--head]            holds each answer back until it is complete, so that one
                                           without an end never comes (its head goes at once with
                                           --head). Answers with a Content-Length pass.

Forwards to 127.0.0.1:PORT; prints its own port on stdout as the only line, and a line to stderr for
each connection it cut or that fell silent.
"""
import os
import random
import re
import selectors
import socket
import struct
import sys


class Link:
    """A client and its connection to the server."""

    def __init__(self, client, server):
        self.client, self.server = client, server
        self.budget = None      # bytes they may still exchange
        self.silent = False
        self.held, self.endless = b"", False

    def other(self, s):
        return self.server if s is self.client else self.client


class Proxy:
    """Passes everything on. What else it does is up to those below."""

    def __init__(self, port):
        self.port, self.links = port, set()
        self.selector = selectors.DefaultSelector()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.selector.register(self.listener, selectors.EVENT_READ, None)
        print(self.listener.getsockname()[1], flush=True)

    def begin(self, link):
        pass

    def filter(self, link, s, data):
        """What of (data), which (s) sent, goes on now; (data) is empty at its end."""
        return data

    def look(self):
        """Called again and again."""

    def accept(self):
        client, _ = self.listener.accept()
        try:
            server = socket.create_connection(("127.0.0.1", self.port))
        except OSError:         # it is down: so are we
            client.close()
            return
        link = Link(client, server)
        self.links.add(link)
        self.begin(link)
        for s in (client, server):
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            s.settimeout(30)
            self.selector.register(s, selectors.EVENT_READ, link)

    def end(self, link, reset=False):
        self.links.discard(link)
        for s in (link.client, link.server):
            if not link.silent:
                self.selector.unregister(s)
            if reset:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.close()

    def cut(self, link):
        print("cut", file=sys.stderr, flush=True)
        self.end(link)

    def pass_on(self, link, s):
        try:
            data = s.recv(16384)
            out = self.filter(link, s, data)
            if out:
                link.other(s).sendall(out)
        except OSError:
            data = b""
        if link.budget == 0:
            self.cut(link)
        elif not data:
            self.end(link)

    def run(self):
        while True:
            for key, _ in self.selector.select(0.05):
                if key.data is None:
                    self.accept()
                elif key.data in self.links and not key.data.silent:
                    self.pass_on(key.data, key.fileobj)
            self.look()


class Cut(Proxy):
    def __init__(self, port, limit):
        super().__init__(port)
        self.limit = int(limit)

    def begin(self, link):
        link.budget = self.limit

    def filter(self, link, s, data):
        if s is not link.server or link.budget is None:
            return data
        data = data[:link.budget]
        link.budget -= len(data)
        return data


class First(Cut):
    def begin(self, link):
        link.budget, self.limit = self.limit, None


class Random(Proxy):
    def __init__(self, port, low, high, seed=1):
        super().__init__(port)
        self.low, self.high, self.random = int(low), int(high), random.Random(int(seed))

    def begin(self, link):
        link.budget = self.random.randint(self.low, self.high)

    def filter(self, link, s, data):
        data = data[:link.budget]
        link.budget -= len(data)
        return data

    def cut(self, link):
        print("cut", file=sys.stderr, flush=True)
        self.end(link, self.random.random() < 0.5)


class Silent(Proxy):
    def __init__(self, port, file):
        super().__init__(port)
        self.file, self.fell = file, False

    def look(self):
        if self.fell or not os.path.exists(self.file):
            return
        self.fell = True
        for link in self.links:
            link.silent = True
            self.selector.unregister(link.client)
            self.selector.unregister(link.server)
            print("silent", file=sys.stderr, flush=True)


class Hold(Proxy):
    def __init__(self, port, option=""):
        super().__init__(port)
        self.head_first = option == "--head"

    @staticmethod
    def has_end(head):
        head = head.lower()
        return b"\r\ncontent-length:" in head or head.split(b" ", 2)[1:2] == [b"204"]

    def filter(self, link, s, data):
        if s is not link.server:
            return data
        link.held += data
        head, blank, rest = link.held.partition(b"\r\n\r\n")
        if not data or (blank and not link.endless and self.has_end(head)):
            out, link.held = link.held, b""
            return out
        if not blank or link.endless:
            return b""
        link.endless = True
        if not self.head_first:
            return b""
        link.held = rest
        return head + blank


class Events:
    """What a connection brings, event by event."""

    def __init__(self):
        self.raw, self.body, self.head = b"", b"", True
        self.chunked = self.sse = self.ws = False
        self.left, self.swapped = None, b""

    def split_head(self):
        head, blank, rest = self.raw.partition(b"\r\n\r\n")
        if not blank:
            return b""
        lower = head.lower()
        self.head, self.raw = False, rest
        self.ws = b" 101 " in head.split(b"\r\n")[0]
        self.sse = b"text/event-stream" in lower
        if self.sse and b"transfer-encoding: chunked" in lower:
            self.chunked = True
            fields = [f for f in head.split(b"\r\n") if not f.lower().startswith(b"transfer-encoding")]
            head = b"\r\n".join(fields + [b"Connection: close"])
        return head + blank

    def unchunk(self):
        while self.raw:
            if self.left is None:
                size, crlf, rest = self.raw.partition(b"\r\n")
                if not crlf:
                    return
                self.left, self.raw = int(size, 16) + 2, rest
            take = self.raw[:self.left]
            self.raw = self.raw[len(take):]
            self.left -= len(take)
            # Of the CRLF behind a chunk any part may be in (take).
            self.body += take[:len(take) - max(0, 2 - self.left)] if self.left < 2 else take
            if self.left == 0:
                self.left = None

    def next_frame(self):
        if len(self.raw) < 2:
            return b""
        n, at = self.raw[1] & 127, 2
        if n == 126:
            n, at = int.from_bytes(self.raw[2:4], "big"), 4
        elif n == 127:
            n, at = int.from_bytes(self.raw[2:10], "big"), 10
        if len(self.raw) < at + n:
            return b""
        frame, self.raw = self.raw[:at + n], self.raw[at + n:]
        return frame

    def next_block(self):
        if self.chunked:
            self.unchunk()
        else:
            self.body, self.raw = self.body + self.raw, b""
        block, blank, rest = self.body.partition(b"\n\n")
        if not blank:
            return b""
        self.body = rest
        return block + blank

    def next(self):
        if self.head:
            return self.split_head()
        if self.ws:
            return self.next_frame()
        if self.sse:
            return self.next_block()
        piece, self.raw = self.raw, b""
        return piece


class Tamper(Proxy):
    MARK = b'{"rtb":"'

    def __init__(self, port, fault, nth):
        super().__init__(port)
        self.fault, self.nth, self.seen, self.streams = fault, int(nth), 0, {}

    def begin(self, link):
        self.streams[link] = Events()

    def spoil(self, events, piece):
        if self.fault == "lose":
            return b""
        if self.fault == "double":
            return piece + piece
        if self.fault == "swap":
            events.swapped = piece
            return b""
        # A bit of the payload, another one each time.
        at = piece.index(self.MARK) + random.Random(self.nth).randrange(len(self.MARK), 90)
        return piece[:at] + bytes([piece[at] ^ (1 << self.nth % 7)]) + piece[at + 1:]

    def filter(self, link, s, data):
        events, out = self.streams[link], []
        if s is not link.server or not data:
            return data
        events.raw += data
        while piece := events.next():
            if (events.ws or events.sse) and self.MARK in piece:
                self.seen += 1
                if self.seen == self.nth and self.fault != "none":
                    print(self.fault, self.seen, file=sys.stderr, flush=True)
                    piece = self.spoil(events, piece)
                elif events.swapped:
                    piece, events.swapped = piece + events.swapped, b""
            out.append(piece)
        return b"".join(out)


class Flip(Proxy):
    """An event begins where the one before ended: at the line's, the frame's or the chunk's end."""
    MARK = b'{"rtb":"'

    def __init__(self, port, nth, seed):
        super().__init__(port)
        self.nth, self.seen, self.random = int(nth), 0, random.Random(int(seed))

    def begin(self, link):
        link.held, link.ws, link.chunked = b"", False, False

    def look_at_head(self, link, data):
        if data.startswith(b"HTTP/1.1 "):
            head = data.partition(b"\r\n\r\n")[0].lower()
            link.ws, link.chunked = b" 101 " in head[:14], b"transfer-encoding: chunked" in head

    def begins(self, link, text, mark):
        """Where in (text) the event begins that has its mark at (mark)."""
        if link.ws:
            # The envelope begins with its id, behind a head of two or four bytes.
            at = text.rfind(b'{"id":"', 0, mark)
            return at - (4 if at >= 4 and text[at - 3] == 126 else 2)
        if link.chunked:
            at = text.rfind(b"\r\n", 0, mark)
            before = text.rfind(b"\r\n", 0, at)
            return before + 2 if before >= 0 else 0
        return text.rfind(b"\n", 0, mark) + 1

    def ends(self, link, text, mark):
        """Behind it; -1 if that is not there yet."""
        if link.ws:
            at = self.begins(link, text, mark)
            n = text[at + 1] if text[at + 1] < 126 else int.from_bytes(text[at + 2:at + 4], "big") + 2
            return at + 2 + n if len(text) >= at + 2 + n else -1
        end = text.find(b"\n", mark)
        if link.chunked and end >= 0:
            end = text.find(b"\n", text.find(b"\r", end))
        return end + 1 or -1

    def filter(self, link, s, data):
        if s is not link.server:
            return data
        self.look_at_head(link, data)
        text, at = link.held + data, 0
        while (mark := text.find(self.MARK, at)) >= 0:
            end = self.ends(link, text, mark)
            if end < 0:
                break
            self.seen += 1
            if self.seen == self.nth:
                begin = self.begins(link, text, mark)
                where, bit = self.random.randrange(begin, end), self.random.randrange(8)
                print("flip", bit, where - begin, text[begin:end], file=sys.stderr, flush=True)
                text = text[:where] + bytes([text[where] ^ 1 << bit]) + text[where + 1:]
                end = len(text)
            at = end
        keep = at if mark >= 0 and data else len(text)
        link.held = text[keep:]
        return text[:keep]


class Misname(Proxy):
    """Behind the id of an acknowledgement is its seq, behind that of an event its topic."""
    ID = re.compile(rb'(?<="id":")\d+(?=","seq":\d+[,}])')

    def __init__(self, port, nth):
        super().__init__(port)
        self.nth, self.seen = int(nth), 0

    def change(self, match):
        self.seen += 1
        if self.seen != self.nth:
            return match[0]
        print("misname", match[0].decode(), file=sys.stderr, flush=True)
        return match[0][:-1] + bytes([match[0][-1] ^ 1])

    def filter(self, link, s, data):
        return self.ID.sub(self.change, data) if s is link.server else data


MODES = {"cut": Cut, "first": First, "random": Random, "silent": Silent, "hold": Hold, "tamper": Tamper,
         "flip": Flip, "misname": Misname}

MODES[sys.argv[1]](int(sys.argv[2]), *sys.argv[3:]).run()
