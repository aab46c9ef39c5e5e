# SPDX-License-Identifier: MIT
# Who is subscribed: the list, and joins and leaves as events.
bats_require_minimum_version 1.5.0
load helper
load ../helpers/raw_http

@test "presence is off unless asked for, and says how" {
	start_server --store memory: --presence 'room/*'
	py <<'END'
		r = do("GET", "/presence?topic=other")
		assert r.status == 404 and "--presence" in r.json["detail"], r
		for bad in "", "?topic=", "?topic=room/*", "?topic=a//b":
			assert do("GET", "/presence" + bad).status == 400, bad
		assert do("GET", "/presence?topic=room/1").json["members"] == []
END
}

@test "members of plain-topic subscriptions on every transport, each once, until they leave" {
	start_server --store memory: --presence 'room/*' --presence-grace 300ms --heartbeat 200ms
	py <<'END'
		def members(topic="room/1"):
			return do("GET", "/presence?topic=" + topic).json["members"]
		sse, ndjson, poll, ws, mux, pattern = (Conn() for _ in range(6))
		sse.ask("GET", "/topics/room/1?as=sse")
		ndjson.ask("GET", "/events?topic=room/1&topic=room/2&as=ndjson")
		poll.ask("GET", "/topics/room/1?wait=30&since=now")
		assert ws.ws_open("/topics/room/1").status == 101
		assert mux.ws_open("/ws").status == 101
		mux.ws_send('{"op":"subscribe","ref":1,"topics":["room/1"]}')
		pattern.ask("GET", "/topics/room/*?as=sse")
		assert wait_for(lambda: len(members()) == 5), members()
		seen = members()
		assert sorted(m["transport"] for m in seen) == ["longpoll", "ndjson", "sse", "ws", "ws"], seen
		assert len({m["id"] for m in seen}) == 5 and all(m["since"] for m in seen), seen
		assert len(members("room/2")) == 1
		for c in sse, ndjson, ws, mux:
			c.s.close()
		assert wait_for(lambda: [m["transport"] for m in members()] == ["longpoll"]), members()
		assert members("room/2") == []
END
}

@test "joins and leaves come as events of \$presence/TOPIC, a leave after its grace" {
	start_server --store memory: --presence 'room/*' --presence-grace 500ms --heartbeat 200ms
	py <<'END'
		watch = Conn(timeout=15)
		watch.ask("GET", "/topics/$presence/room/1?as=ndjson")
		assert watch.head().status == 200
		c = Conn()
		c.ask("GET", "/topics/room/1?as=sse")
		c.head()
		def until(word):
			end = time.monotonic() + 10 * SLOW
			for line in watch.lines():
				assert time.monotonic() < end, f"nobody {word}"
				e = json.loads(line) if line else {"data": {word: []}}
				if e["data"][word]:
					assert e["topic"] == "$presence/room/1" and "id" not in e and "seq" not in e, e
					return e["data"]
		joined = until("joined")
		assert joined["count"] == 1 and joined["joined"][0]["transport"] == "sse", joined
		member = do("GET", "/presence?topic=room/1").json["members"][0]["id"]
		left = time.monotonic()
		c.s.close()
		gone = until("left")
		assert time.monotonic() - left >= 0.5, time.monotonic() - left
		assert [m["id"] for m in gone["left"]] == [member] and gone["count"] == 0, (member, gone)
		assert do("GET", "/topics/$presence/room/1?since=all").json == []	# never kept
		assert do("POST", "/topics/$presence/room/1", b"1").status == 403
END
}

@test "who comes back within the grace never left" {
	start_server --store memory: --presence 'room/*' --presence-grace 5s --heartbeat 200ms
	py <<'END'
		for _ in range(5):	# long polls, one after another on one connection
			with Conn() as c:
				c.ask("GET", "/topics/room/1?wait=1&since=now")
				wait_for(lambda: do("GET", "/presence?topic=room/1").json["members"])
				do("POST", "/topics/room/1", b"1")
				assert c.answer().status == 200
				assert len(do("GET", "/presence?topic=room/1").json["members"]) >= 1
END
}

@test "--max-members bounds the list, and the rest is counted" {
	start_server --store memory: --presence '**' --max-members 3
	py <<'END'
		conns = []
		for _ in range(5):
			conns.append(Conn())
			conns[-1].ask("GET", "/topics/t?as=sse")
			conns[-1].head()
		r = do("GET", "/presence?topic=t").json
		assert len(r["members"]) == 3, r
		assert 5 in r.values(), r
END
}
