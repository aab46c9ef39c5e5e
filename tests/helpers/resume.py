#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Resume a subscription at every event, on one transport after the other.

    resume.py http://HOST:PORT TRANSPORT TOPIC...

TRANSPORT is poll, longpoll, sse, sse10 (HTTP/1.0), ndjson, ws, wsping or mux. The events there are
(by a poll of everything) are the truth; a connection that resumes at the cursor of the n-th must
bring the bytes of those after it, in order, nothing else. Bytes are compared on the wire, framing
included. Prints "TRANSPORT: N resumed" and exits 0, or says where it went wrong and exits 1.
"""
import json
import sys
from urllib.parse import quote

from raw_http import UPGRADE, Stream, fail, ws_frame_bytes


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def sse(event):
    return b"id: %s\ndata: %s\n\n" % (event["id"], event["line"])


class Truth:
    def __init__(self, url, topics):
        self.url, self.topics = url, topics
        self.path = "/events?" + "&".join("topic=" + quote(t, safe="") for t in topics)
        self.events, path = [], self.path + "&since=all"
        while True:
            lines, path = self.poll(path)
            if not lines:
                break
            for line in lines:
                self.events.append({"line": line, "id": json.loads(line)["id"].encode()})

    def poll(self, path, fields=None):
        with Stream(self.url, path, fields) as c:
            if c.opening.status != 200:
                fail(f"GET {path}: {c.opening.status}")
            body = c.exactly(int(c.opening.fields["content-length"]))
        lines = body.strip()[1:-1].split(b",\n") if body.strip() != b"[]" else []
        return lines, c.opening.fields["link"].split(">")[0][1:]


def check(what, got, want):
    if got != want:
        if isinstance(want, int):
            fail(f"{what}: got {got}, want {want}")
        at = next((i for i, (g, w) in enumerate(zip(got, want)) if g != w), min(len(got), len(want)))
        fail(f"{what}: at byte {at}\n got  {got[at:at + 300]!r}\n want {want[at:at + 300]!r}")


def run_polls(truth, wait):
    lines = [e["line"] for e in truth.events]
    for n, event in enumerate(truth.events):
        if wait and n == len(lines) - 1:
            break       # there would be nothing but the wait
        got, path = [], f"{truth.path}&since={quote(event['id'])}{wait}&limit=400"
        while len(got) < len(lines) - n - 1:
            page, path = truth.poll(path)
            if not page:
                break
            got += page
        check(f"since the {n}th", b"\n".join(got), b"\n".join(lines[n + 1:]))
    page, _ = truth.poll(f"{truth.path}&since={quote(truth.events[-1]['id'])}")
    check("since the last", page, [])


def run_stream(truth, encode, preamble, connect):
    """encode: bytes of an event; preamble: those before the first, by cursor."""
    encoded = [encode(e) for e in truth.events]
    offsets, total = [], 0
    for piece in encoded:
        total += len(piece)
        offsets.append(total)
    everything = b"".join(encoded)
    for n, event in enumerate(truth.events):
        c = connect(event["id"].decode())
        want = everything[offsets[n]:]
        head = preamble(c, event["id"])
        check(f"preamble at the {n}th", c.exactly(len(head)), head)
        check(f"after the {n}th", c.exactly(len(want)), want)
        if c.buf:
            fail(f"after the last event came {c.buf!r}")
        c.close()


def run_sse(truth, version):
    frame_of = chunk if version == "1.1" else lambda data: data

    def preamble(c, cursor):
        while b"\n\n" not in c.buf:
            c.more()
        retry = c.buf[c.buf.index(b"retry: "):].split(b"\n")[0]
        return frame_of(retry + b"\nid: " + cursor + b"\n\n")

    def connect(cursor):
        c = Stream(truth.url, truth.path, {"Accept": "text/event-stream", "Last-Event-ID": cursor},
                   version)
        check("Last-Event-ID", c.opening.fields["last-event-id"], cursor)
        return c

    run_stream(truth, lambda e: frame_of(sse(e)), preamble, connect)


def run_ndjson(truth):
    run_stream(truth, lambda e: chunk(e["line"] + b"\n"), lambda c, cursor: chunk(b"\n"),
               lambda cursor: Stream(truth.url, truth.path + "&as=ndjson&since=" + cursor))


def run_ws(truth, name):
    def connect(cursor):
        c = Stream(truth.url, f"{truth.path}&{name}={quote(cursor)}", UPGRADE)
        check("status", c.opening.status, 101)
        check("Last-Event-ID", c.opening.fields["last-event-id"], cursor)
        return c

    run_stream(truth, lambda e: ws_frame_bytes(1, e["line"]), lambda c, cursor: ws_frame_bytes(9, cursor), connect)


def run_mux(truth):
    def connect(cursor):
        c = Stream(truth.url, "/ws", UPGRADE)
        check("first ping", c.exactly(2), ws_frame_bytes(9, b""))
        c.ws_send(json.dumps({"op": "subscribe", "ref": 1, "topics": truth.topics, "cursor": cursor}))
        return c

    run_stream(truth, lambda e: ws_frame_bytes(1, e["line"]),
               lambda c, cursor: ws_frame_bytes(1, b'{"op":"ack","ref":1,"cursor":"%s"}' % cursor), connect)


def main():
    url, transport, topics = sys.argv[1], sys.argv[2], sys.argv[3:]
    truth = Truth(url, topics)
    {
        "poll": lambda: run_polls(truth, ""),
        "longpoll": lambda: run_polls(truth, "&wait=10"),
        "sse": lambda: run_sse(truth, "1.1"),
        "sse10": lambda: run_sse(truth, "1.0"),
        "ndjson": lambda: run_ndjson(truth),
        "ws": lambda: run_ws(truth, "since"),
        "wsping": lambda: run_ws(truth, "last_event_id"),
        "mux": lambda: run_mux(truth),
    }[transport]()
    print(f"{transport}: {len(truth.events)} resumed")


main()
