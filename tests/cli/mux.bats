#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# GET /ws: many subscriptions and publishes on one WebSocket, with Python's websockets.

bats_require_minimum_version 1.5.0
load helper
load ../helpers/raw_http

# python NAME: run the coroutine main(url) of the script on stdin, in the background
python() {
	{
		cat <<-'END'
			import asyncio, json, sys, urllib.request, websockets
			class Mux:
			    """One connection; answers by ask(), what comes unasked in (events)."""
			    def __init__(self, ws):
			        self.ws, self.events, self.other = ws, [], []
			    async def receive(self):
			        message = json.loads(await asyncio.wait_for(self.ws.recv(), 20))
			        if message.get("op") in ("ack", "error"):
			            return message
			        (self.other if "op" in message or "gap" in message else self.events).append(message)
			        return None
			    async def ask(self, **request):
			        await self.ws.send(json.dumps(request))
			        while True:
			            answer = await self.receive()
			            if answer:
			                assert answer["ref"] == request.get("ref"), answer
			                return answer
			    async def wait_events(self, n):
			        while len(self.events) < n:
			            await self.receive()
			        return self.events
			async def open_mux(url, **more):
			    return Mux(await websockets.connect("ws" + url[4:] + "/ws", open_timeout=10, close_timeout=1, **more))
		END
		cat
		echo 'asyncio.run(asyncio.wait_for(main(sys.argv[1]), 60))'
	} >"$RT_TMP/$1.py"
	bg "$1" "$PYTHON" "$RT_TMP/$1.py" "$RT_URL"
}

# finished NAME: it came to its end without a complaint
finished() {
	bg_wait "$1" "${2:-20}"
	[ "$BG_STATUS" = 0 ] || {
		cat "$RT_TMP/$1.out" "$RT_TMP/$1.err" >&2
		return 1
	}
}

@test "mux: subscribe, publish, unsubscribe, ping" {
	start_server
	python client <<-'END'
		async def main(url):
		    m = await open_mux(url)
		    ack = await m.ask(op="subscribe", ref=1, topics=["chat/*"])
		    assert ack["op"] == "ack" and ack["cursor"].isdigit(), ack
		    ack = await m.ask(op="publish", ref="p", topic="chat/a", data={"x": [1, 2]}, type="note", key="k")
		    assert ack["op"] == "ack" and ack["seq"] == 1 and ack["ack"] == "synced", ack
		    event = (await m.wait_events(1))[0]
		    assert event["id"] == ack["id"] and event["data"] == {"x": [1, 2]}, event
		    assert event["type"] == "note" and event["key"] == "k" and event["topic"] == "chat/a"
		    assert await m.ask(op="ping", ref=None) == {"op": "ack", "ref": None}
		    assert await m.ask(op="unsubscribe", ref=1) == {"op": "ack", "ref": 1}
		    await m.ask(op="publish", ref=2, topic="chat/a", data=2)
		    await m.ask(op="ping", ref=3)
		    assert len(m.events) == 1, m.events
	END
	finished client
}

@test "mux: each subscription has its own cursor" {
	start_server
	publish a 1 5
	publish b 1 5
	python client <<-'END'
		async def main(url):
		    m = await open_mux(url)
		    await m.ask(op="subscribe", ref="all", topics=["a"], since="all")
		    events = list(await m.wait_events(5))
		    assert [e["data"]["n"] for e in events] == [1, 2, 3, 4, 5]
		    await m.ask(op="subscribe", ref="some", topics=["b"], last=2)
		    await m.wait_events(7)
		    assert [e["data"]["n"] for e in m.events[5:]] == [4, 5], m.events
		    ack = await m.ask(op="subscribe", ref="again", topics=["a"], cursor=events[2]["id"])
		    assert ack["cursor"] == events[2]["id"], ack
		    await m.wait_events(9)
		    assert [e["seq"] for e in m.events[7:]] == [4, 5]
		    # live now: once for each subscription it belongs to
		    await m.ask(op="publish", ref=1, topic="a", data={"n": 6})
		    await m.wait_events(11)
		    await m.ask(op="ping")
		    assert [e["data"]["n"] for e in m.events[9:]] == [6, 6]
	END
	finished client
}

@test "mux: any JSON value is a ref" {
	start_server
	python client <<-'END'
		async def main(url):
		    m = await open_mux(url)
		    for ref in [0, "text", None, True, [1, {"a": 2}], {"x": "\u00e9"}, 1.5]:
		        answer = await m.ask(op="ping", ref=ref)
		        assert answer["ref"] == ref
		        await m.ask(op="subscribe", ref=ref, topic="t")
		    answer = await m.ask(op="subscribe", ref="text", topic="t")
		    assert answer["op"] == "error" and answer["status"] == 409, answer
		    answer = await m.ask(op="unsubscribe", ref="nobody")
		    assert answer["op"] == "error" and answer["status"] == 404, answer
	END
	finished client
}

@test "mux: mistakes are told, and the connection lives on" {
	start_server
	python client <<-'END'
		async def main(url):
		    m = await open_mux(url)
		    for request, hint in [
		        ({"op": "fly"}, "op is one of"),
		        ({"ref": 1}, "op is one of"),
		        ({"op": "subscribe"}, "name the topics"),
		        ({"op": "subscribe", "topics": []}, "name the topics"),
		        ({"op": "subscribe", "topics": "a"}, "list of strings"),
		        ({"op": "subscribe", "topics": [1]}, "list of strings"),
		        ({"op": "subscribe", "topics": ["a//b"]}, "level"),
		        ({"op": "subscribe", "topics": ["a"], "since": "never"}, "since="),
		        ({"op": "subscribe", "topics": ["a"], "since": 5}, "strings"),
		        ({"op": "subscribe", "topics": ["a"], "cursor": "x"}, "cursor"),
		        ({"op": "subscribe", "topics": ["a"], "last": "x"}, "last is"),
		        ({"op": "subscribe", "topics": ["a"], "every": "5"}, "every"),
		        ({"op": "subscribe", "topics": ["a"], "heartbeat": 1}, "heartbeat is"),
		        ({"op": "publish", "data": 1}, "topic"),
		        ({"op": "publish", "topic": "t"}, "data"),
		        ({"op": "publish", "topic": "t/*", "data": 1}, ""),
		        ({"op": "publish", "topic": "$sys", "data": 1}, ""),
		        ({"op": "publish", "topic": "t", "data_base64": "?"}, "base64"),
		        ({"op": "publish", "topic": "t", "data": 1, "type": 5}, "strings"),
		    ]:
		        answer = await m.ask(**request)
		        status = 403 if request.get("topic") == "$sys" else 400
		        assert answer["op"] == "error" and answer["status"] == status, answer
		        assert hint in answer["error"], (request, answer)
		    for text in ["nonsense", "[]", "", '{"op":"ping"', '{"op":"ping","ref":"%s"}' % ("x" * 300)]:
		        await m.ws.send(text)
		        answer = await m.receive()
		        assert answer["op"] == "error" and answer["ref"] is None, answer
		    await m.ws.send(b"bytes")
		    assert "text frames" in (await m.receive())["error"]
		    assert (await m.ask(op="ping", ref=9))["op"] == "ack"
	END
	finished client
}

@test "mux: as many subscriptions as --max-subscriptions allows" {
	start_server --max-subscriptions 3
	python client <<-'END'
		async def main(url):
		    m = await open_mux(url)
		    for ref in range(3):
		        assert (await m.ask(op="subscribe", ref=ref, topic="t"))["op"] == "ack"
		    answer = await m.ask(op="subscribe", ref=3, topic="t")
		    assert answer["status"] == 429 and "--max-subscriptions" in answer["error"], answer
		    await m.ask(op="unsubscribe", ref=1)
		    assert (await m.ask(op="subscribe", ref=3, topic="t"))["op"] == "ack"
		    answer = await m.ask(op="subscribe", ref=4, topics=["a", "b", "c", "d"])
		    assert answer["op"] == "error", answer
	END
	finished client
}

@test "mux: limits are told with their status" {
	start_server --max-latest 1 --max-topic 8 --max-event 100 --heartbeat 7
	put t 1 key=a
	put t 2 key=b
	python client <<-'END'
		async def main(url):
		    m = await open_mux(url)
		    assert m.ws.response_headers["Heartbeat"] == "7", m.ws.response_headers
		    answer = await m.ask(op="subscribe", ref=1, topics=["t"], latest=True)
		    assert answer["status"] == 413 and "--max-latest" in answer["error"], answer
		    answer = await m.ask(op="subscribe", ref=1, topics=["t/" + "x" * 8])
		    assert answer["status"] == 400 and "long" in answer["error"], answer
		    answer = await m.ask(op="publish", ref=2, topic="t", data="x" * 200)
		    assert answer["status"] == 413, answer
		    answer = await m.ask(op="publish", ref=2, topic="$sys", data=1)
		    assert answer["status"] == 403, answer
		    assert (await m.ask(op="subscribe", ref=1, topics=["t"]))["op"] == "ack"
	END
	finished client
}

@test "mux: bytes, and ephemeral events" {
	start_server
	python client <<-'END'
		async def main(url):
		    m = await open_mux(url)
		    await m.ask(op="subscribe", ref=1, topics=["t"])
		    ack = await m.ask(op="publish", ref=2, topic="t", data_base64="/wD+")
		    assert ack["seq"] == 1, ack
		    ack = await m.ask(op="publish", ref=3, topic="t", data=True, store=False)
		    assert ack["id"] is None and ack["seq"] is None and ack["ack"] == "memory", ack
		    await m.wait_events(2)
		    assert m.events[0]["data_base64"] == "/wD+"
		    assert m.events[1]["data"] is True and "id" not in m.events[1]
	END
	finished client
	run -0 fetch /topics/t
	assert_json 'length == 1'
}

@test "mux: many publishes at once are answered in order" {
	start_server
	python client <<-'END'
		async def main(url):
		    m = await open_mux(url, max_queue=None)
		    async def send():
		        for n in range(1, 2001):
		            await m.ws.send(json.dumps({"op": "publish", "ref": n, "topic": "t", "data": n}))
		    sending = asyncio.create_task(send())
		    for n in range(1, 2001):
		        ack = await m.receive()
		        assert ack["ref"] == n and ack["seq"] == n, ack
		    await sending
	END
	finished client 30
}

@test "mux: a gap carries the ref of its subscription" {
	start_server
	python client <<-'END'
		async def main(url):
		    m = await open_mux(url)
		    await m.ask(op="subscribe", ref={"a": 1}, topics=["t"], since="9007199254740000")
		    while not m.other:
		        await m.receive()
		    assert m.other[0]["ref"] == {"a": 1} and m.other[0]["gap"]["reason"] == "ahead", m.other
		    m = await open_mux(url, extra_headers={"Rt-Store": "0123456789abcdef"})
		    await m.ask(op="subscribe", ref=2, topics=["t"], cursor="5")
		    while not m.other:
		        await m.receive()
		    assert m.other[0]["ref"] == 2 and m.other[0]["gap"]["reason"] == "store", m.other
	END
	finished client
}

@test "mux: heartbeats with cursors for those who ask" {
	start_server --heartbeat 1
	python client <<-'END'
		async def main(url):
		    m = await open_mux(url)
		    await m.ask(op="subscribe", ref="quiet", topics=["quiet"], heartbeat=True)
		    await m.ask(op="subscribe", ref=7, topics=["other"], heartbeat=True)
		    await m.ask(op="subscribe", ref="silent", topics=["x"])
		    ack = await m.ask(op="publish", ref=1, topic="z", data=1)
		    while not m.other or m.other[-1]["cursors"].get("quiet") != ack["id"]:
		        await m.receive()
		    assert m.other[-1] == {"op": "heartbeat", "cursors": {"quiet": ack["id"], "7": ack["id"]}}, m.other
	END
	finished client
}

@test "mux: every and latest" {
	start_server
	put t '{"n":1}' key=a
	put t '{"n":2}' key=a
	python client <<-'END'
		async def main(url):
		    m = await open_mux(url)
		    await m.ask(op="subscribe", ref=1, topics=["t"], latest=True)
		    await m.wait_events(1)
		    assert m.events[0]["data"]["n"] == 2
		    await m.ask(op="unsubscribe", ref=1)
		    await m.ask(op="subscribe", ref=1, topics=["t"], every="300ms")
		    for n in range(3, 8):
		        await m.ask(op="publish", topic="t", key="a", data={"n": n})
		    while m.events[-1]["data"]["n"] != 7:
		        await m.receive()
		    assert len(m.events) < 6, m.events
	END
	finished client
}

@test "mux: latest of more keys than --max-latest is refused, not cut short" {
	start_server --max-latest 2
	for k in 1 2 3; do put t "$k" "key=$k"; done
	py <<'END'
		with Conn() as c:
			assert c.ws_open("/ws").status == 101
			c.ws_send('{"op":"subscribe","topics":["t"],"latest":true}')
			e = json.loads(c.ws_text())
			assert (e["op"], e.get("status")) == ("error", 413), e
END
}

@test "mux: /connections lists its subscriptions" {
	start_server
	python client <<-'END'
		async def main(url):
		    m = await open_mux(url)
		    await m.ask(op="subscribe", ref=1, topics=["t"])
		    await m.ask(op="subscribe", ref=2, topics=["u/**"])
		    with urllib.request.urlopen(url + "/connections") as r:
		        open_now = [c for c in json.load(r)["connections"] if c["transport"] == "ws"]
		    assert sorted(s["topics"] for s in open_now[0]["subscriptions"]) == [["t"], ["u/**"]], open_now
	END
	finished client
}

@test "mux: a draining server says going away" {
	start_server
	python client <<-'END'
		async def main(url):
		    m = await open_mux(url)
		    await m.ask(op="subscribe", ref=1, topics=["t"])
		    print("open", flush=True)
		    try:
		        await m.ws.recv()
		    except websockets.ConnectionClosed as e:
		        assert e.code == 1001, e
	END
	wait_lines client.out 1
	stop_server
	finished client
}

@test "mux: without an upgrade the answer says what to do" {
	start_server
	run -0 fetch -w '%{http_code}' /ws
	[[ $output == *'ws:// URL'*400 ]]
}

@test "mux: who stops reading later gets everything" {
	start_server --store memory: --heartbeat "$RT_SLOW"
	run -0 flood many "$SERVER_PID" 4 10000 mux
	assert_json ".complete and .there == 4 and .grown < $((30 * RT_SHADOW))"
}
