#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A plain server of Server-Sent Events, as many a project has one: nothing of rt in it.

    POST /publish                      {"topic": ..., "message": "..."}: to all who listen
    GET /stream?topic=NAME&after=ID    what came since ID (or Last-Event-ID), and what comes

Prints its port as the only line.
"""
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

MORE = threading.Condition()
LOG = []        # (topic, message); the id is the number of the line


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with MORE:
            LOG.append((event["topic"], event["message"]))
            MORE.notify_all()
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self):
        query = parse_qs(urlsplit(self.path).query)
        topic, at = query["topic"][0], query.get("after", [self.headers.get("Last-Event-ID", "")])[0]
        at = int(at) if at else len(LOG)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b": hello\r\n\r\n")
        while True:
            with MORE:
                MORE.wait_for(lambda: len(LOG) > at)
                new = LOG[at:]
            for name, message in new:
                at += 1
                if name == topic:
                    self.wfile.write(b"event: message\r\ndata: %s\r\nid: %d\r\n\r\n" % (message.encode(), at))

    def log_message(self, *args):
        pass

    def handle(self):
        try:
            super().handle()
        except OSError:
            pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
server.request_queue_size = 128
print(server.server_address[1], flush=True)
server.serve_forever()
