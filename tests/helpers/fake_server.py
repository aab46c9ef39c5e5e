#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A server that misbehaves on demand, for tests of the clients' side of the protocol.

    fake_server.py DIR [--plan JSON] [--port N]

Prints its port as one line. Appends a line to DIR/arrived for each request that came in whole, and
to DIR/requests, once it is dealt with, a JSON object: method, path, query, headers (names in lower
case), body, length, conn (number of the connection), at (seconds, monotonic), status (what it got).

The plan is a JSON array; each request takes the next entry from it, an object with

    status, headers, body   answer this instead of what the request asks for
    delay                   seconds before the answer
    drop                    "unread": reset the connection once the head is there;
                            "before": read the body, do nothing, and reset;
                            "after": do what the request asks for, and reset without an answer;
                            "middle": answer half of it, and reset
    hang                    never answer
    count                   the entry stands for so many requests

Without an entry it does what rt-serve does, in small: takes NDJSON by POST (a line {"refuse":true}
is refused), keeps it in memory, honours Idempotency-Key, answers polls with pages and cursors.
Accepted events are also written to DIR/events. GET /web/NAME serves DIR/NAME as a web resource:
?etag, ?modified give it a validator. DIR/plan, if it appears, replaces the plan.
"""
import argparse
import email.utils
import hashlib
import http.server
import json
import os
import re
import socket
import struct
import sys
import threading
import time
import urllib.parse

FIRST_ID = 1763950000000000
STORE = "00000000000000aa"


class State:
    def __init__(self, folder, plan):
        self.folder = folder
        self.plan = list(plan)
        self.lock = threading.Condition()
        self.events = []
        self.seqs = {}
        self.keys = {}
        self.conns = 0
        self.requests = open(os.path.join(folder, "requests"), "a")
        self.log = open(os.path.join(folder, "events"), "a")
        self.arrived = open(os.path.join(folder, "arrived"), "a")

    def next_step(self):
        path = os.path.join(self.folder, "plan")
        with self.lock:
            if os.path.exists(path):
                with open(path) as f:
                    self.plan = json.load(f)
                os.unlink(path)
            if not self.plan:
                return {}
            step = self.plan[0]
            step["count"] = step.get("count", 1) - 1
            if step["count"] <= 0:
                self.plan.pop(0)
            return step

    def arrive(self, path):
        with self.lock:
            self.arrived.write(path + "\n")
            self.arrived.flush()

    def record(self, entry):
        with self.lock:
            self.requests.write(json.dumps(entry) + "\n")
            self.requests.flush()

    def append(self, topic, members, data, store):
        """Add an event; its members and data are raw JSON."""
        event_id = seq = None
        line = '{'
        if store:
            seq = self.seqs[topic] = self.seqs.get(topic, 0) + 1
            event_id = str(FIRST_ID + len(self.events) + 1)
            line += '"id":"%s",' % event_id
        line += '"topic":%s,' % json.dumps(topic)
        if store:
            line += '"seq":%d,"time":"2025-11-24T02:06:40.123Z",' % seq
        line += members + data + "}"
        if store:
            self.events.append((int(event_id), topic, line))
        self.log.write(line + "\n")
        self.log.flush()
        self.lock.notify_all()
        return event_id, seq


def matches(pattern, topic):
    parts = [re.escape(p) for p in pattern.split("/")]
    expr = "/".join("[^/]+" if p == r"\*" else ".+" if p == r"\*\*" else p for p in parts)
    return re.fullmatch(expr, topic) is not None


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self):
        super().setup()
        with self.server.state.lock:
            self.server.state.conns += 1
            self.conn = self.server.state.conns

    def log_message(self, *args):
        pass

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        raise ConnectionAbortedError

    def read_body(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while True:
                n = int(self.rfile.readline().split(b";")[0], 16)
                body += self.rfile.read(n)
                self.rfile.readline()
                if n == 0:
                    return body
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self, status, headers, body, half=False):
        self.status = status
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if half:
            self.wfile.write(body[:len(body) // 2])
            self.wfile.flush()
            self.reset()
        self.wfile.write(body)

    def handle_request(self):
        step = self.server.state.next_step()
        if step.get("drop") == "unread":
            self.reset()
        url = urllib.parse.urlsplit(self.path)
        self.url_path = url.path
        self.query = urllib.parse.parse_qs(url.query, keep_blank_values=True)
        self.body = self.read_body()
        self.server.state.arrive(self.path)
        try:
            self.follow(step)
        finally:
            self.server.state.record({
                "method": self.command, "path": self.url_path, "query": self.query,
                "headers": {k.lower(): v for k, v in self.headers.items()},
                "body": self.body.decode("utf-8", "replace")
                if len(self.body) < 100000 else "(%d bytes)" % len(self.body),
                "length": len(self.body), "conn": self.conn, "at": time.monotonic(),
                "status": getattr(self, "status", None)})

    def follow(self, step):
        self.status = None
        if step.get("hang"):
            while True:
                time.sleep(60)
        time.sleep(step.get("delay", 0))
        drop = step.get("drop")
        if drop == "before":
            self.reset()
        if "status" in step:
            answer = step["status"], step.get("headers", {}), step.get("body", "").encode()
        else:
            answer = self.serve()
        if drop == "after":
            self.reset()
        self.answer(*answer, half=drop == "middle")

    do_GET = do_POST = handle_request

    # --- what rt-serve does, in small ---

    def serve(self):
        if self.command == "POST":
            return self.publish_once()
        if self.url_path.startswith("/web/"):
            return self.web()
        return self.poll()

    def publish_once(self):
        state = self.server.state
        key = self.headers.get("Idempotency-Key")
        digest = hashlib.sha256(self.body).digest()
        with state.lock:
            if key is None:
                return self.publish()
            if key not in state.keys:
                state.keys[key] = digest, self.publish()
            known, answer = state.keys[key]
            if known != digest:
                return self.problem(422, "another body came with this Idempotency-Key")
            return answer

    def problem(self, status, detail):
        body = {"type": "about:blank", "title": "no", "status": status, "detail": detail}
        return status, {"Content-Type": "application/problem+json"}, json.dumps(body).encode()

    def publish(self):
        store = self.query.get("store") != ["no"]
        topic = None
        if self.url_path.startswith("/topics/"):
            topic = urllib.parse.unquote(self.url_path[len("/topics/"):])
        results = []
        for n, line in enumerate(self.body.decode().splitlines(), 1):
            results.append(self.publish_line(n, line, topic, store))
        if self.query.get("ack") == ["lines"]:
            lines = "".join(json.dumps(r) + "\n" for r in results)
            return 200, {"Content-Type": "application/x-ndjson"}, lines.encode()
        errors = [r for r in results if "error" in r]
        ids = [r["id"] for r in results if r.get("id")]
        body = {"accepted": len(results) - len(errors), "refused": len(errors),
                "last": ids[-1] if ids else None, "ack": "synced", "errors": errors[:100]}
        return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()

    def publish_line(self, n, line, topic, store):
        try:
            value = json.loads(line)
        except ValueError:
            return {"line": n, "error": "not JSON"}
        if isinstance(value, dict) and value.get("refuse"):
            return {"line": n, "error": "refused on demand"}
        members = ""
        if topic is None:
            topic = value["topic"]
            names = [k for k in ("type", "key") if k in value]
            members = "".join('"%s":%s,' % (k, json.dumps(value[k])) for k in names)
            member = "data" if "data" in value else "data_base64"
            data = '"%s":%s' % (member, json.dumps(value[member], ensure_ascii=False))
        else:
            for name in ("type", "key"):
                if name in self.query:
                    members += '"%s":%s,' % (name, json.dumps(self.query[name][0]))
            data = '"data":' + line.strip()
        event_id, seq = self.server.state.append(topic, members, data, store)
        return {"line": n, "id": event_id, "seq": seq, "ack": "synced" if store else "memory"}

    def wait_seconds(self):
        m = re.search(r"wait=(\d+)", self.headers.get("Prefer", ""))
        return min(int(m.group(1)), 60) if m else 0

    def poll(self):
        state = self.server.state
        topics = self.query.get("topic", [])
        if self.url_path.startswith("/topics/"):
            topics = [urllib.parse.unquote(self.url_path[len("/topics/"):])]
        limit = int(self.query.get("limit", ["100"])[0])
        gap = ""
        with state.lock:
            last = state.events[-1][0] if state.events else FIRST_ID
            since = self.headers.get("Last-Event-ID") or self.query.get("since", [None])[0]
            if since == "now" or (since is None and self.wait_seconds()):
                since = last
            start = int(since) if since not in (None, "all") else FIRST_ID
            if self.headers.get("Rt-Store", STORE) != STORE:
                gap = '{"gap":{"topic":"%s","after":"%d","until":null,"reason":"store"}}\n' % (
                    topics[0], start)
                start = last

            def found():
                return [e for e in state.events
                        if e[0] > start and any(matches(t, e[1]) for t in topics)]
            if "last" in self.query and "since" not in self.query:
                every = [e for e in state.events if any(matches(t, e[1]) for t in topics)]
                n = int(self.query["last"][0])
                start = every[-n - 1][0] if len(every) > n else FIRST_ID
            if self.wait_seconds():
                state.lock.wait_for(found, self.wait_seconds())
            events = found()
            last = state.events[-1][0] if state.events else FIRST_ID
        page, rest = events[:limit], events[limit:]
        end = page[-1][0] if rest else max(last, start)
        headers = {"Content-Type": "application/x-ndjson", "ETag": '"%d"' % end,
                   "Last-Event-ID": str(start), "Rt-Store": STORE}
        query = urllib.parse.urlencode([("topic", t) for t in topics] +
                                       [("since", end), ("limit", limit)])
        headers["Link"] = '</events?%s>; rel="next"' % query
        if self.headers.get("If-None-Match") == headers["ETag"] and not page and not gap:
            return 304, headers, b""
        return 200, headers, (gap + "".join(e[2] + "\n" for e in page)).encode()

    def web(self):
        path = os.path.join(self.server.state.folder, os.path.basename(self.url_path))
        try:
            with open(path, "rb") as f:
                body = f.read()
        except FileNotFoundError:
            return 404, {"Content-Type": "text/plain"}, b"no such resource\n"
        headers = {}
        if "etag" in self.query:
            headers["ETag"] = '"' + hashlib.sha256(body).hexdigest()[:16] + '"'
            if self.headers.get("If-None-Match") == headers["ETag"]:
                return 304, headers, b""
        if "modified" in self.query:
            headers["Last-Modified"] = email.utils.formatdate(os.stat(path).st_mtime, usegmt=True)
            if self.headers.get("If-Modified-Since") == headers["Last-Modified"]:
                return 304, headers, b""
        return 200, headers, body


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("folder")
    p.add_argument("--plan", type=json.loads, default=[])
    p.add_argument("--port", type=int, default=0)
    a = p.parse_args()
    server = Server(("127.0.0.1", a.port), Handler)
    server.state = State(a.folder, a.plan)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
