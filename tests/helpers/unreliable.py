#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A TCP proxy that does what networks do.

    unreliable.py cut PORT MIN MAX [SEED]   ends each connection, with FIN or RST, after a random
                                            number of bytes from MIN to MAX, in either direction
    unreliable.py first PORT BYTES          ends the first connection, with FIN, after so many bytes
                                            of an answer; the others are whole
    unreliable.py silent PORT FILE          passes everything on. Once FILE is there, connections
                                            that were open by then pass nothing any more and stay
                                            open; those that begin later are whole.

Forwards to 127.0.0.1:PORT; prints its own port on stdout as the only line, and a line to stderr for
each connection it cut or that fell silent.
"""
import os
import random
import selectors
import socket
import struct
import sys


class Link:
    """A client, its connection to the server, and how many bytes they may still exchange."""

    def __init__(self, client, server, budget):
        self.client, self.server, self.budget, self.silent = client, server, budget, False

    def other(self, s):
        return self.server if s is self.client else self.client


class Proxy:
    def __init__(self, mode, port, args):
        self.mode, self.port = mode, port
        if mode == "cut":
            self.low, self.high = int(args[0]), int(args[1])
            self.random = random.Random(int(args[2]) if len(args) > 2 else 1)
        elif mode == "first":
            self.low = int(args[0])
        else:
            self.file = args[0]
            self.low = None
        self.links, self.fell = set(), False
        self.selector = selectors.DefaultSelector()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.selector.register(self.listener, selectors.EVENT_READ, None)
        print(self.listener.getsockname()[1], flush=True)

    def accept(self):
        client, _ = self.listener.accept()
        try:
            server = socket.create_connection(("127.0.0.1", self.port))
        except OSError:         # it is down: so are we
            client.close()
            return
        link = Link(client, server, self.next_budget())
        self.links.add(link)
        for s in (client, server):
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            s.settimeout(30)
            self.selector.register(s, selectors.EVENT_READ, link)

    def next_budget(self):
        if self.mode == "cut":
            return self.random.randint(self.low, self.high)
        budget, self.low = self.low, None
        return budget

    def end(self, link, reset=False):
        self.links.discard(link)
        for s in (link.client, link.server):
            if not link.silent:
                self.selector.unregister(s)
            if reset:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.close()

    def pass_on(self, link, s):
        try:
            data = s.recv(16384)
            if link.budget is not None and (self.mode == "cut" or s is link.server):
                data = data[:link.budget]
                link.budget -= len(data)
            if data:
                link.other(s).sendall(data)
        except OSError:
            data = b""
        if not data and link.budget != 0:
            self.end(link)
        elif link.budget == 0:
            print("cut", file=sys.stderr, flush=True)
            self.end(link, self.mode == "cut" and self.random.random() < 0.5)

    def fall_silent(self):
        self.fell = True
        for link in self.links:
            link.silent = True
            self.selector.unregister(link.client)
            self.selector.unregister(link.server)
            print("silent", file=sys.stderr, flush=True)

    def run(self):
        while True:
            ready = self.selector.select(0.05)
            if self.mode == "silent" and not self.fell and os.path.exists(self.file):
                self.fall_silent()
                continue
            for key, _ in ready:
                if key.data is None:
                    self.accept()
                elif key.data in self.links:
                    self.pass_on(key.data, key.fileobj)


Proxy(sys.argv[1], int(sys.argv[2]), sys.argv[3:]).run()
