# SPDX-License-Identifier: MIT
# Publishing over HTTP: what goes in, what is answered, and what comes out again.
bats_require_minimum_version 1.5.0
load helper
load ../helpers/raw_http

memory_server() {
	start_server --store memory: "$@"
}

# --- one value ----------------------------------------------------------------------------------

@test "a JSON body is answered 201 with id, seq and what the ack is worth" {
	start_server
	run fetch -i -H 'Content-Type: application/json' -d '{"text":"hi"}' /topics/chat
	assert_line --index 0 --regexp '^HTTP/1.1 201 Created'
	assert_output --partial 'X-Content-Type-Options: nosniff'
	assert_output --partial 'Content-Type: application/json'
	run fetch -d '{"text":"again"}' /topics/chat
	assert_json '.id | test("^[0-9]{16}$")'
	assert_json '.seq == 2 and .ack == "synced"'
	run fetch /topics/chat
	assert_json 'map(.data.text) == ["hi", "again"] and map(.topic) == ["chat", "chat"]'
}

@test "curl -d works as it is; type and key are in front of data" {
	memory_server
	run fetch -d '{"n":1}' '/topics/a%2Fb?type=note&key=k%C3%A9'
	assert_json '.seq == 1'
	assert_json '.ack == "memory"'
	run fetch -H 'Accept: application/x-ndjson' /topics/a/b
	assert_output --regexp '"topic":"a/b","seq":1,"time":"[^"]*","type":"note","key":"ké","data":\{"n":1\}\}$'
}

@test "text becomes a string, bytes become data_base64, empty ones too" {
	memory_server
	printf 'say "hi"\n' | fetch -H 'Content-Type: text/plain' --data-binary @- /topics/t
	printf '\377\000\n' | fetch -H 'Content-Type: application/octet-stream' --data-binary @- /topics/t
	fetch -H 'Content-Type: text/plain' -d '' /topics/t
	fetch -H 'Content-Type: application/octet-stream' -d '' /topics/t
	run fetch /topics/t
	assert_json '.[0].data == "say \"hi\"\n"'
	assert_json '.[1].data_base64 == "/wAK" and (.[1] | has("data") | not)'
	assert_json '.[2].data == "" and .[3].data_base64 == ""'
	run bash -c "printf '\377' | curl -s -H 'Content-Type: text/plain' --data-binary @- $RT_URL/topics/t"
	assert_json '.status == 400 and (.detail | test("octet-stream"))'
}

@test "odd JSON comes out on one line and otherwise byte for byte" {
	memory_server --max-poll 5000
	py <<'END'
		import random
		random.seed(7)
		strings = [b'""', b'"a"', rb'"\u0000\"\\\/\b\f\n\r\t\u00e9"', rb'"\ud83d\ude00"', rb'"\ud83d"',
			'"é€😀"'.encode(), '"\u2028\u2029\u0085\ufeff"'.encode(), b'"\x7f"', b'"</script>"', b'"' + b'x' * 3000 + b'"']
		atoms = strings + [b"null", b"true", b"false", b"0", b"-0", b"-0.0", b"1E400", b"1e-400", b"0.10",
			b"123456789012345678901234567890", b"-1.5e+07", b"[]", b"{}"]
		def white(pretty):
			return b"".join(random.choice([b" ", b"\t", b"\n", b"\r\n", b"\r"] if pretty else [b" ", b"\t"])
				for _ in range(random.choice([0, 0, 1, 3])))
		def value(depth, pretty):
			w = lambda: white(pretty)
			kind = random.random()
			if depth == 0 or kind < .3:
				return random.choice(atoms)
			n = random.randrange(4)
			if kind < .65:
				return b"[" + b",".join(w() + value(depth - 1, pretty) + w() for _ in range(n)) + w() + b"]"
			return b"{" + b",".join(w() + random.choice(strings) + w() + b":" + w() + value(depth - 1, pretty) + w()
				for _ in range(n)) + w() + b"}"
		deep = b"[" * 127 + b"]" * 127	# and one more around it in its envelope
		docs = [white(True) + value(6, True) + white(True) for _ in range(300)] + [deep] + atoms
		lines = [value(6, False) for _ in range(300)] + [deep] + atoms
		with Conn() as c:
			for d in docs:
				r = c.do("POST", "/topics/p", d)
				assert r.status == 201, (d, r)
			r = c.do("POST", "/topics/p", b"\n".join(lines), NDJSON)
			assert r.json["accepted"] == len(lines) and r.json["refused"] == 0, r
			got = c.do("GET", "/topics/p?limit=5000", fields={"Accept": "application/x-ndjson"}).body
		got = got[:-1].split(b"\n")
		want = [d.strip(b" \t\r\n").replace(b"\n", b"").replace(b"\r", b"") for d in docs + lines]
		assert len(got) == len(want), (len(got), len(want))
		for g, w in zip(got, want):
			assert g.endswith(b'Z","data":' + w + b"}"), (g, w)
		assert do("POST", "/topics/p", b"[" * 128 + b"]" * 128).status == 400
END
}

@test "what is no JSON is refused, however close: 400 with a reason" {
	memory_server
	py <<'END'
		with Conn() as c:
			for bad in [b"", b" \n", b'{"a":1,}', b"[1 2]", b'{"a":tru}', b'{"a":01}', b"{,}", b"1 2", b"nul",
					b'"\x01"', b'"\xff"', b'"\xed\xa0\x80"', b'"\xc0\x80"', b'"\\x41"', b'{"a"}', b"+1", b".5",
					b"1.", b"'a'", b"\xef\xbb\xbf1", b'{"a":1}}', b"NaN", b'"abc', b"\x00"]:
				r = c.do("POST", "/topics/t", bad)
				assert r.status == 400, (bad, r)
				assert r.fields["content-type"] == "application/problem+json", r
				assert len(r.json["detail"]) > 8 and r.json["title"] == "Bad Request", r
			assert c.do("GET", "/topics/t").json == []
END
}

@test "refusals name the cause and what to do, and leave nothing behind" {
	memory_server --max-event 1K --max-body 4K --max-topic 20
	py <<'END'
		def refused(status, words, method="POST", target="/topics/t", body=b"1", fields=None):
			r = do(method, target, body, fields)
			assert r.status == status and r.json["status"] == status, (target, r)
			assert words in r.json["detail"], r
			assert r.fields["content-type"] == "application/problem+json", r
			assert r.fields["x-content-type-options"] == "nosniff", r
			return r
		refused(415, "application/x-ndjson", fields={"Content-Type": "image/png"})
		refused(415, "application/x-ndjson", fields={"Content-Type": "multipart/form-data; boundary=x"})
		refused(415, "envelopes", target="/events", fields={"Content-Type": "text/plain"})
		refused(415, "Content-Encoding", fields={"Content-Encoding": "gzip"})
		refused(400, "at byte 1: send JSON, or text with", body=b"hello")
		refused(400, "at byte 3: send several as lines of application/x-ndjson", body=b"1\n2")
		refused(400, "at byte 2: send one envelope", target="/events", body=b"{")
		refused(413, "--max-event", body=b'"' + b"x" * 1023 + b'"')
		refused(413, "--max-event", body=b"x" * 1025, fields={"Content-Type": "text/plain"})
		refused(413, "--max-event", body=b"x" * 1025, fields={"Content-Type": "application/octet-stream"})
		refused(413, "--max-body", body=b"1\n" * 3000, fields=NDJSON)
		refused(403, "$", target="/topics/$presence/a")
		refused(403, "$", target="/topics/%24x")
		refused(400, "level", target="/topics/a//b")
		refused(400, "level", target="/topics/a/")
		refused(400, "level", target="/topics/a/../b")
		refused(400, "*", target="/topics/a/*")
		refused(400, "percent", target="/topics/a%2")
		refused(400, "byte", target="/topics/" + "a" * 21)
		refused(400, "UTF-8", target="/topics/%FF")
		refused(400, "character", target="/topics/a%00b")
		refused(400, "percent", target="/topics/t?type=%")
		refused(400, "type=", target="/topics/t?type=a%0Ab")
		refused(400, "key=", target="/topics/t?key=" + "k" * 256)
		refused(400, "store=", target="/topics/t?store=maybe")
		refused(400, "ack=", target="/topics/t?ack=maybe")
		refused(404, "/topics/", target="/nothing")
		r = refused(405, "POST", method="DELETE", body=None)
		assert r.fields["allow"] == "GET, HEAD, POST, OPTIONS", r
		r = refused(405, "GET", method="POST", target="/healthz")
		assert r.fields["allow"] == "GET, HEAD, OPTIONS", r
		assert do("GET", "/topics").json["topics"] == []
		assert do("POST", "/topics/t", b"1" * 1024).status == 201
		assert do("POST", "/topics/" + "a" * 20, b"1").status == 201
END
}

@test "a body announced as too large is refused before it is sent" {
	memory_server --max-event 1K
	py <<'END'
		with Conn() as c:
			c.send(c.head_bytes("POST", "/topics/t", {"Content-Length": 1 << 40}))
			r = c.answer()
			assert r.status == 413 and "--max-event" in r.json["detail"], r
			assert c.closed_within(5)
		with Conn() as c:
			c.send(c.head_bytes("POST", "/topics/t", {"Content-Length": 1 << 40, "Expect": "100-continue"}))
			assert c.head().status == 413
END
	run http_status -H 'Expect: 100-continue' -d 1 /topics/t
	assert_output 201
}

# --- lines ----------------------------------------------------------------------------------------

@test "NDJSON in pieces of any size: lines count while the body still comes in" {
	memory_server
	py <<'END'
		text = "".join('{"n":%d,"s":"é😀"}\r\n' % i for i in range(1, 41)).encode()
		with Conn() as c:
			c.send(c.head_bytes("POST", "/topics/t", CHUNKED))
			for i in range(len(text)):
				c.chunk(text[i:i + 1])
			seen = wait_for(lambda: (lambda a: a if len(a) == 40 else None)(do("GET", "/topics/t").json))
			assert seen and [e["data"]["n"] for e in seen] == list(range(1, 41)), seen
			c.chunk(b'{"n":41}')	# no line end
			c.chunk(b"")
			r = c.answer()
			assert r.status == 200 and r.json["accepted"] == 41 and r.json["refused"] == 0, r
			assert r.json["last"] == do("GET", "/topics/t?last=1").json[0]["id"], r
			assert r.json["errors"] == [] and r.json["ack"] == "memory", r
END
}

@test "a bad line never costs a good one; the first hundred are named by number" {
	memory_server --max-event 100 --max-topic 10
	py <<'END'
		body = b'{"n":1}\n{"n":\n\n{"n":2}\r\n"\xff"\n{"n":3} x\n"' + b"x" * 6000 + b'"\n' + b'"' + b"y" * 200 + b'"\n{"n":4}'
		r = do("POST", "/topics/t", body, NDJSON)
		assert (r.json["accepted"], r.json["refused"]) == (4 - 1, 5), r
		assert [e["line"] for e in r.json["errors"]] == [2, 5, 6, 7, 8], r
		assert "UTF-8" in r.json["errors"][1]["error"], r
		assert "--max-event" in r.json["errors"][3]["error"] and "--max-event" in r.json["errors"][4]["error"], r
		assert [e["data"]["n"] for e in do("GET", "/topics/t").json] == [1, 2, 4]
		r = do("POST", "/topics/u", b"".join(b"%d\nbad\n" % i for i in range(1000)), NDJSON)
		assert (r.json["accepted"], r.json["refused"]) == (1000, 1000), r
		assert [e["line"] for e in r.json["errors"]] == list(range(2, 202, 2)), r
		assert len(do("GET", "/topics/u").json) == 1000
		r = do("POST", "/topics/v", b"bad\nworse\n", NDJSON)
		assert r.status == 200 and (r.json["accepted"], r.json["refused"], r.json["last"]) == (0, 2, None), r
		r = do("POST", "/events", b'{"topic":"e","data":1}\n{"data":2}\n{"topic":"much/too/long","data":3}\n'
			b'{"topic":"$x","data":4}\n{"topic":"e","data":5}\n', NDJSON)
		assert (r.json["accepted"], [e["line"] for e in r.json["errors"]]) == (2, [2, 3, 4]), r
END
}

@test "blank lines and empty bodies are nothing, and are answered" {
	memory_server
	py <<'END'
		for body in b"", b"\n", b"\n\n\r\n\n", b"1\n\n\n":
			r = do("POST", "/topics/t", body, NDJSON)
			assert r.status == 200 and r.json["refused"] == 0, (body, r)
			assert r.json["accepted"] == body.count(b"1"), (body, r)
		with Conn() as c:	# a blank line long after the last good one
			c.send(c.head_bytes("POST", "/topics/t", CHUNKED))
			c.chunk(b"2\n")
			wait_for(lambda: len(do("GET", "/topics/t").json) == 2)
			c.chunk(b"\n")
			c.chunk(b"")
			assert c.answer().json["accepted"] == 1
END
}

@test "a publisher that dies in the middle loses only the line it was in" {
	memory_server
	py <<'END'
		with Conn() as c:
			c.send(c.head_bytes("POST", "/topics/t", CHUNKED))
			c.chunk(b'{"n":1}\n{"n":2}\n{"n":')
		assert wait_for(lambda: [e["data"]["n"] for e in do("GET", "/topics/t").json] == [1, 2])
		assert wait_for(lambda: do("GET", "/connections").json["connections"] == [])
		assert do("POST", "/topics/t", b"3").json["seq"] == 3
END
}

@test "envelopes: what a poll returned can be published as it is" {
	memory_server
	fetch -d '{"text":"é \ud83d\ude00",  "n":1.0}' '/topics/a/b?type=note&key=k'
	printf '\377' | fetch -H 'Content-Type: application/octet-stream' --data-binary @- /topics/c
	fetch -H 'Accept: application/x-ndjson' '/events?topic=**' >"$RT_TMP/polled"
	SERVER=second start_server --store memory:
	run fetch -H 'Content-Type: application/x-ndjson' --data-binary @"$RT_TMP/polled" /events
	assert_json '.accepted == 2 and .refused == 0'
	fetch -H 'Accept: application/x-ndjson' '/events?topic=**' >"$RT_TMP/again"
	diff <(sed 's/"id":"[0-9]*",//; s/"time":"[^"]*",//' "$RT_TMP/polled") \
		<(sed 's/"id":"[0-9]*",//; s/"time":"[^"]*",//' "$RT_TMP/again")
	run ! cmp "$RT_TMP/polled" "$RT_TMP/again"
	run fetch -d '{"id":"9","seq":99,"time":"2001-01-01T00:00:00Z","from":"root","topic":"d","data":1}' /events
	assert_json '.seq == 1'
	run fetch /topics/d
	assert_json '.[0] | .id != "9" and .seq == 1 and (has("from") | not) and (.time | startswith("2001") | not)'
}

@test "envelopes: bytes as large as --max-event can be published as they come out" {
	memory_server --max-event 30000
	head -c 30000 /dev/urandom >"$RT_TMP/bytes"
	fetch -H 'Content-Type: application/octet-stream' --data-binary @"$RT_TMP/bytes" /topics/a
	fetch -H 'Accept: application/x-ndjson' /topics/a | sed 's/"topic":"a"/"topic":"b"/' >"$RT_TMP/line"
	run fetch -H 'Content-Type: application/x-ndjson' --data-binary @"$RT_TMP/line" /events
	assert_json '.accepted == 1'
	run fetch --data-binary @"$RT_TMP/line" /events
	assert_json '.seq == 2'
	fetch /topics/b | jq -r '.[1].data_base64' | base64 -d | cmp - "$RT_TMP/bytes"
}

@test "ephemeral events go to who is live, and are not kept" {
	memory_server
	bg live curl -sN "$RT_URL/topics/t?as=ndjson&since=now"
	wait_for bash -c "curl -s $RT_URL/connections | grep -q ndjson"
	run fetch -d '{"typing":true}' '/topics/t?store=no&type=typing'
	assert_json '.id == null and .seq == null and .ack == "memory"'
	fetch -d '{"n":1}' /topics/t
	wait_for grep -q '"n":1' "$RT_TMP/live.out"
	run grep -c . "$RT_TMP/live.out"
	assert_output 2
	run grep typing "$RT_TMP/live.out"
	refute_output --partial '"id"'
	refute_output --partial '"seq"'
	run fetch /topics/t
	assert_json 'length == 1 and .[0].seq == 1'
	run fetch -H 'Content-Type: application/x-ndjson' -d '{"a":1}' '/topics/t?store=no'
	assert_json '.accepted == 1 and .last == null and .ack == "memory"'
}

# --- ack=lines ---------------------------------------------------------------------------------------

@test "ack=lines answers each line while the client goes on sending" {
	start_server
	py <<'END'
		with Conn() as c:
			c.send(c.head_bytes("POST", "/topics/t?ack=lines", CHUNKED))
			c.chunk(b"1\n")
			r = c.head()
			assert r.status == 200 and r.fields["content-type"] == "application/x-ndjson", r
			answers = c.lines()
			one = json.loads(next(answers))
			assert one["line"] == 1 and one["seq"] == 1 and one["ack"] == "synced", one
			for n in range(2, 50):	# in lockstep: nothing may be held back
				c.chunk(b"bad\n" if n % 7 == 0 else b"%d\n" % n)
				one = json.loads(next(answers))
				assert one["line"] == n and ("error" in one) == (n % 7 == 0), one
			c.chunk(b"\nlast")
			c.chunk(b"")
			assert json.loads(next(answers))["line"] == 51
			assert next(answers, None) is None
			assert c.do("GET", "/topics/t?limit=1").status == 200	# the connection goes on
		events = do("GET", "/topics/t").json
		assert [e["data"] for e in events] == [n for n in range(1, 50) if n % 7 != 0], events
END
}

@test "ack=lines: many lines at once are answered in order" {
	memory_server
	lines 20000 | sed '1~1000s/$/x/' >"$RT_TMP/in"
	fetch -H 'Content-Type: application/x-ndjson' -T - -X POST '/topics/t?ack=lines' <"$RT_TMP/in" >"$RT_TMP/acks"
	diff <(seq 20000) <(jq .line "$RT_TMP/acks")
	[ "$(grep -c error "$RT_TMP/acks")" -eq 20 ]
	diff <(seq 19980) <(jq -r 'select(.seq) | .seq' "$RT_TMP/acks")
}

@test "ack=lines: answers that nobody reads stop the reading, then end the request" {
	memory_server --max-unread 500ms
	py "$SERVER_PID" <<'END'
		import sys
		with Conn(timeout=8, rcvbuf=4096) as c:
			c.send(c.head_bytes("POST", "/topics/t?ack=lines", CHUNKED))
			sent, piece = 0, b"1\n" * 10000
			try:
				while sent < 500:
					c.chunk(piece)
					sent += 1
				raise SystemExit("five million unread answers were taken")
			except (ConnectionResetError, BrokenPipeError):
				pass
		assert do("GET", "/healthz").status == 200
		assert do("GET", "/stats").json["net"]["slow"] == 1
		peak = [l for l in open(f"/proc/{sys.argv[1]}/status") if l.startswith("VmHWM")][0]
		assert int(peak.split()[1]) < 200 << 10 << (SLOW > 1), peak
END
}

@test "ack=lines: a limit met on the way is the last line of a cut answer" {
	memory_server --max-body 1K
	py <<'END'
		with Conn() as c:
			c.send(c.head_bytes("POST", "/topics/t?ack=lines", CHUNKED))
			c.chunk(b"1\n")
			c.head()
			answers = c.lines()
			assert json.loads(next(answers))["line"] == 1
			c.chunk(b"2\n" * 600)
			assert "--max-body" in json.loads(next(answers))["error"]
			assert c.closed_within(5)
END
}

# --- Idempotency-Key -----------------------------------------------------------------------------------

@test "the same key: the same answer, and no second event; another body: 422" {
	start_server
	py <<'END'
		def post(key, body, target="/topics/t", more=None):
			return do("POST", target, body, {"Idempotency-Key": key, **(more or {})})
		first = post("k", b'{"n":1}')
		again = post("k", b'{"n":1}')
		assert first.status == again.status == 201 and first.body == again.body, (first, again)
		assert again.fields["idempotency-replayed"] == "true" and "idempotency-replayed" not in first.fields
		other = post("k", b'{"n":2}')
		assert other.status == 422 and "new key" in other.json["detail"], other
		assert post("k", b'{"n":1}', "/topics/u").json["seq"] == 1	# keys are by path
		assert post("l", b'{"n":1}').json["seq"] == 2
		body = b"1\nbad\n2\n"
		first, again = post("m", body, more=NDJSON), post("m", body, more=NDJSON)
		assert first.body == again.body and first.json["accepted"] == 2, (first, again)
		assert first.json["errors"][0]["line"] == 2 and first.status == 200, first
		assert len(do("GET", "/topics/t").json) == 4
		first, again = post("none", b"bad\n", more=NDJSON), post("none", b"bad\n", more=NDJSON)
		assert first.body == again.body and again.fields.get("idempotency-replayed") == "true", again
		assert post("none", b"1\n", more=NDJSON).status == 422
		assert post("bad", b"nonsense").status == 400	# nothing was done: the key is free
		assert post("bad", b"1").status == 201
		assert post("k" * 256, b"1").status == 400 and post("", b"1").status == 400
		with Conn() as c:
			c.send("POST /topics/t HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n"
				"Idempotency-Key: a\r\nIdempotency-Key: b\r\n\r\n1")
			assert c.answer().status == 400
		first, again = (post("x", b"1\nbad\n", "/topics/t?ack=lines", NDJSON) for _ in range(2))
		assert first.body == again.body and first.body.count(b"\n") == 2, (first, again)
		assert first.fields["content-type"] == again.fields["content-type"] == "application/x-ndjson"
		assert post("y", b"1\n" * 10001, "/topics/t?ack=lines", NDJSON).status == 413
END
	run fetch /stats
	assert_json '.store.replayed == 4'
}

@test "the ack of a keyed publish is worth what it says, ephemeral ones in memory" {
	start_server --sync normal
	py <<'END'
		def acks(target, body, more=None):
			fields = {"Idempotency-Key": target + str(body), **(more or {})}
			return [json.loads(line)["ack"] for _ in range(2)
				for line in do("POST", target, body, fields).body.splitlines()]
		assert acks("/topics/t", b"1") == ["written"] * 2
		assert acks("/topics/t", b"1\n2\n", NDJSON) == ["written"] * 2
		assert acks("/topics/t?ack=lines", b"1\n2\n", NDJSON) == ["written"] * 4
		assert acks("/topics/t?store=no", b"1") == ["memory"] * 2
END
	stop_server
	restart_server --sync full
	run fetch -H 'Idempotency-Key: k' -d 1 /topics/t
	assert_json '.ack == "synced"'
}

@test "retries at the same time make one event, and all get its answer" {
	start_server
	py <<'END'
		for round in range(20):
			key = {"Idempotency-Key": f"k{round}", **NDJSON}
			conns = [Conn() for _ in range(8)]
			for c in conns:
				c.ask("POST", "/topics/t", b"1\n" * 50, key)
			answers = [c.answer() for c in conns]
			assert len({a.body for a in answers}) == 1 and all(a.status == 200 for a in answers), answers
			assert sum("idempotency-replayed" not in a.fields for a in answers) == 1
			for c in conns:
				c.s.close()
		assert do("GET", "/topics").json["topics"][0]["seq"] == 20 * 50
END
}

@test "a key outlives kill -9 of the server, but not its age" {
	start_server --key-age $((4 * RT_SLOW))s
	first=$(fetch -H 'Idempotency-Key: k' -d '{"n":1}' /topics/t)
	kill_server
	restart_server
	run fetch -H 'Idempotency-Key: k' -d '{"n":1}' /topics/t
	assert_output "$first"
	run http_status -H 'Idempotency-Key: k' -d '{"n":2}' /topics/t
	assert_output 422
	key_is_free() { [ "$(http_status -H 'Idempotency-Key: k' -d '{"n":2}' /topics/t)" = 201 ]; }
	wait_for -t 20 key_is_free
	run fetch /topics/t
	assert_json 'map(.data.n) == [1, 2]'
}

@test "a keyed body over --max-keyed-body is refused as a whole" {
	memory_server --max-keyed-body 1K
	py <<'END'
		key = {"Idempotency-Key": "k"}
		r = do("POST", "/topics/t", b"1\n" * 600, {**key, **NDJSON})
		assert r.status == 413 and "--max-keyed-body" in r.json["detail"], r
		with Conn() as c:
			c.send(c.head_bytes("POST", "/topics/t", {**key, **CHUNKED}))
			c.chunk(b"1\n" * 400)
			c.chunk(b"1\n" * 400)
			r = c.answer()
			assert r.status == 413, r
		assert do("GET", "/topics/t").json == []
		assert do("POST", "/topics/t", b"1\n" * 500, {**key, **NDJSON}).json["accepted"] == 500
END
}

# --- much ------------------------------------------------------------------------------------------------

@test "lines that wait behind the publish rate stop the reading, refused ones, too" {
	start_server --store memory: --publish-rate 1
	py <<'END'
		with Conn(timeout=2) as c:
			c.send(c.head_bytes("POST", "/topics/t", CHUNKED))
			c.chunk(b"1\n" * 1000)	# the first group is a debt of many minutes
			c.chunk(b"1\n")
			sent = 0
			try:
				while sent < 64 << 20:
					c.chunk(b"x\n" * (32 << 10))
					sent += 64 << 10
			except socket.timeout:
				pass
			assert sent < 32 << 20, sent
END
}

@test "keyed bodies of short lines wait as bytes, not as events, while the store is full" {
	start_server --append-queue 1M --memory 4M
	py "$SERVER_PID" <<'END'
		import sys, threading
		body, answers = b"1\n" * (64 << 10), []
		posts = 24 // SLOW	# with a sanitizer memory is not looked at, and each takes a second
		def post(i):
			fields = {"Idempotency-Key": str(i), **NDJSON}
			answers.append(do("POST", f"/topics/t{i}", body, fields).json["accepted"])
		threads = [threading.Thread(target=post, args=(i,)) for i in range(posts)]
		[t.start() for t in threads]
		[t.join() for t in threads]
		assert answers == [64 << 10] * posts, answers
		peak = int([l for l in open(f"/proc/{sys.argv[1]}/status") if l.startswith("VmHWM")][0].split()[1])
		print(f"# peak {peak} kB")
		assert SLOW > 1 or peak < 200 << 10, peak
END
}

@test "a body of any length passes in bounded memory" {
	start_server --sync none --memory 16M --append-queue 8M --retain-bytes 32M
	py "$SERVER_PID" <<'END'
		import sys
		megabytes = 400 if SLOW == 1 else 60
		line = b'{"x":"' + b"y" * 2000 + b'"}\n'
		piece = line * 500	# a megabyte
		with Conn(timeout=60) as c:
			c.send(c.head_bytes("POST", "/topics/t", CHUNKED))
			for _ in range(megabytes):
				c.chunk(piece)
			c.chunk(b"")
			assert c.answer().json["accepted"] == megabytes * 500
		peak = int([l for l in open(f"/proc/{sys.argv[1]}/status") if l.startswith("VmHWM")][0].split()[1])
		print(f"# peak {peak} kB")
		assert SLOW > 1 or peak < 100 << 10, peak
END
}

@test "64 posts in a row are answered in order, and a GET behind them sees them all" {
	start_server
	py <<'END'
		with Conn() as c:
			for i in range(200):
				c.ask("POST", "/topics/t", b'{"n":%d}' % i if i % 10 else b"bad")
			c.ask("GET", "/topics/t?limit=1000")
			c.ask("POST", "/topics/t", b"1")
			seq = 0
			for i in range(200):
				r = c.answer()
				if i % 10 == 0:
					assert r.status == 400, (i, r)
					continue
				seq += 1
				assert r.status == 201 and r.json["seq"] == seq, (i, r)
			assert len(c.answer().json) == 180
			assert c.answer().json["seq"] == 181
END
}
