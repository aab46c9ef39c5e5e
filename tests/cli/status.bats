# SPDX-License-Identifier: MIT
# What the server tells of itself: health, figures, open requests, topics; and to whom.
bats_require_minimum_version 1.5.0
load helper
load ../helpers/raw_http

@test "/healthz and /readyz" {
	start_server --store memory:
	py <<'END'
		r = do("GET", "/healthz")
		assert r.status == 200 and r.json == {"status": "alive"}, r
		r = do("GET", "/readyz")
		assert r.status == 200 and r.json == {"status": "ready"} and r.fields["cache-control"] == "no-store", r
		with Conn() as c:
			r = c.do("HEAD", "/healthz")
			assert r.status == 200 and int(r.fields["content-length"]) > 0 and r.body == b"", r
			assert c.do("GET", "/readyz").status == 200	# no body stood in the way
END
}

@test "/metrics is what Prometheus reads, and counts what happened" {
	start_server
	py <<'END'
		def metrics():
			r = do("GET", "/metrics")
			assert r.status == 200 and r.fields["content-type"].startswith("text/plain; version=0.0.4"), r
			seen, types, helped, current = {}, {}, set(), None
			text = r.body.decode()
			assert text.endswith("\n")
			for line in text.splitlines():
				if m := re.fullmatch(r"# HELP ([a-z0-9_]+) \S.*", line):
					helped.add(m[1])
				elif m := re.fullmatch(r"# TYPE ([a-z0-9_]+) (counter|gauge)", line):
					assert m[1] not in types, line
					types[m[1]], current = m[2], m[1]
				else:
					m = re.fullmatch(r'(rt_[a-z0-9_]+)(\{[a-z]+="[^"\\]*"\})? ([0-9.]+)', line)
					assert m and m[1] == current and m[1] in helped and m[1] not in seen, line
					assert (types[m[1]] == "counter") == m[1].endswith("_total"), line
					seen[m[1]] = float(m[3])
			return seen
		before = metrics()
		for i in range(5):
			do("POST", "/topics/t", b"1")
		do("POST", "/topics/t", b"bad")
		do("GET", "/topics/t")
		do("GET", "/topics/t", host="evil.example")
		stream = Conn()
		stream.ask("GET", "/topics/t?as=sse")
		stream.head()
		after = metrics()
		def grew(name): return after["rt_" + name] - before["rt_" + name]
		assert grew("published_total") == 5 and grew("store_events") == 5 and grew("publish_refused_total") == 1
		assert grew("store_appended_total") == 5 and 1 <= grew("store_commits_total") <= 5
		assert grew("polls_total") == 1 and grew("streams_sse") == 1 and grew("refused_host_total") == 1
		assert grew("answers_4xx_total") == 2, grew("answers_4xx_total")
		assert grew("requests_total") == 10 and after["rt_store_topics"] == 1, grew("requests_total")
		assert grew("network_receive_bytes_total") > 500 and grew("network_transmit_bytes_total") > 500
		assert after["rt_uptime_seconds"] > 0 and after["rt_connections"] >= 2
		stats = do("GET", "/stats").json
		assert stats["publish"]["published"] == 5 and stats["store"]["events"] == 5 and stats["version"], stats
		stream.s.close()
END
}

@test "/connections shows long requests while they hang" {
	start_server --store memory: --threads 2 --heartbeat 300ms
	py <<'END'
		conns = {}
		for kind, target in ("sse", "/topics/a?as=sse"), ("ndjson", "/events?topic=a&topic=b/**&as=ndjson"), ("longpoll", "/topics/a?wait=30&since=now"):
			conns[kind] = c = Conn()
			c.ask("GET", target)
		conns["websocket"] = Conn()
		assert conns["websocket"].ws_open("/topics/a").status == 101
		conns["ws"] = Conn()
		assert conns["ws"].ws_open("/ws").status == 101
		conns["publish"] = c = Conn()
		c.send(c.head_bytes("POST", "/topics/p", CHUNKED))
		c.chunk(b"1\nbad\n")
		def open_():
			return {c["transport"]: c for c in do("GET", "/connections").json["connections"]}
		assert wait_for(lambda: set(open_()) == set(conns) and open_()["publish"]["accepted"] == 1), open_()
		seen = open_()
		for kind, c in conns.items():
			one = seen[kind]
			assert one["peer"] == "127.0.0.1:%d" % c.s.getsockname()[1], one
			assert one["age_ms"] < 60000 and one["bytes_in"] > 0, one
		assert seen["publish"]["refused"] == 1 and seen["publish"]["topics"] == ["p"], seen["publish"]
		assert seen["sse"]["topics"] == ["a"] and sorted(seen["ndjson"]["topics"]) == ["a", "b/**"], seen
		stats = do("GET", "/stats").json["subscribe"]
		assert (stats["sse"], stats["ndjson"], stats["websocket"], stats["mux"]) == (1, 1, 1, 1), stats
		for c in conns.values():
			c.s.close()
		assert wait_for(lambda: open_() == {}), open_()
		stats = do("GET", "/stats").json
		assert [stats["subscribe"][k] for k in ("sse", "ndjson", "websocket", "mux")] == [0] * 4, stats
		assert stats["hub"]["subscriptions"] == 0, stats
END
}

@test "figures only on loopback; with --admin only there, and nothing else is there" {
	start_server --store memory: --listen 127.0.0.1:0 -l 0.0.0.0:0 -l "unix:$RT_TMP/s"
	any=$(sed -n 's|.*//0.0.0.0:|http://127.0.0.1:|p' "$RT_TMP/main.out")
	for path in /stats /metrics /connections; do
		run http_status "$path"
		assert_output 200
		run http_status --unix-socket "$RT_TMP/s" "http://localhost$path"
		assert_output 200
		run http_status "$any$path"
		assert_output 404
	done
	run http_status "$any/topics/t"
	assert_output 200
	stop_server

	start_server --store memory: --admin 127.0.0.1:0
	admin=$(grep -v 'listening' "$RT_TMP/main.out" | sed 's/.* on //')
	for path in /stats /metrics /connections; do
		run http_status "$path"
		assert_output 404
		run http_status "$admin$path"
		assert_output 200
	done
	for path in /topics/t /topics /events?topic=t /ws / /presence?topic=t; do
		run http_status "$admin$path"
		assert_output 404
	done
	run http_status -d 1 "$admin/topics/t"
	assert_output 404
	for path in /healthz /readyz; do
		run http_status "$admin$path"
		assert_output 200
		run http_status "$path"
		assert_output 200
	done
}

@test "/topics lists what holds events, page by page" {
	start_server --store memory:
	py <<'END'
		names = ["a", "a/b", "a/c", "b", "chat/é", "z\"\\"]
		for i, name in enumerate(names):
			target = "/topics/" + "".join("%%%02x" % b for b in name.encode())
			for _ in range(i + 1):
				assert do("POST", target, b'"x"').status == 201, name
		r = do("GET", "/topics").json
		assert [t["topic"] for t in r["topics"]] == sorted(names, key=str.encode) and r["next"] is None, r
		for i, t in enumerate(r["topics"]):
			assert t["events"] == t["seq"] == i + 1 and t["bytes"] > 0, t
			assert re.fullmatch(r"\d{16}", t["id"]) and t["time"].endswith("Z"), t
		got, after = [], ""
		while True:
			r = do("GET", "/topics?limit=2" + after).json
			assert len(r["topics"]) <= 2, r
			got += [t["topic"] for t in r["topics"]]
			if r["next"] is None:
				break
			after = "&after=" + "".join("%%%02x" % b for b in r["next"].encode())
		assert got == sorted(names, key=str.encode), got
		assert [t["topic"] for t in do("GET", "/topics?pattern=a/*").json["topics"]] == ["a/b", "a/c"]
		for bad in "limit=0", "limit=x", "pattern=a//b":
			assert do("GET", "/topics?" + bad).status == 400, bad
END
}

@test "/ says in plain text what there is" {
	start_server --store memory:
	run fetch -i /
	assert_output --partial 'text/plain'
	assert_output --partial '/topics/'
}
