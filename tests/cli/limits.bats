# SPDX-License-Identifier: MIT
# Every limit: what is beyond it is refused with a clear error, and nobody else suffers.
bats_require_minimum_version 1.5.0
load helper
load ../helpers/raw_http

@test "--max-head and --max-fields: 414 for the line, else 431, and the connection ends" {
	start_server --store memory: --max-head 2K --max-fields 10
	py <<'END'
		def refused(status, target="/topics/t", fields=None):
			with Conn() as c:
				c.ask("GET", target, None, fields)
				r = c.answer()
				assert r.status == status and r.json["status"] == status and r.json["detail"], r
				assert c.closed_within(5)
		refused(414, "/topics/" + "a" * 3000)
		refused(431, fields={"X": "a" * 3000})
		refused(431, fields={f"X{i}": "a" for i in range(10)})
		assert do("GET", "/topics/t", None, {f"X{i}": "a" for i in range(9)}).status == 200
		assert do("GET", "/topics/t", None, {"X": "a" * 1500}).status == 200
END
}

@test "--max-topics: 507 for one topic too many, by line in NDJSON; known ones go on" {
	start_server --store memory: --max-topics 3
	py <<'END'
		for i in range(3):
			assert do("POST", f"/topics/{i}", b"1").status == 201
		r = do("POST", "/topics/3", b"1")
		assert r.status == 507 and "--max-topics" in r.json["detail"], r
		assert do("POST", "/topics/0", b"1").status == 201
		r = do("POST", "/events", b'{"topic":"0","data":1}\n{"topic":"4","data":1}\n{"topic":"2","data":1}\n', NDJSON).json
		assert r["accepted"] == 2 and r["errors"][0]["line"] == 2 and "--max-topics" in r["errors"][0]["error"], r
END
}

@test "--max-subscriptions, --max-message on WebSockets and requests" {
	start_server --store memory: --max-subscriptions 3 --max-message 1K --max-event 500
	py <<'END'
		topics = "&".join(f"topic={i}" for i in range(4))
		r = do("GET", "/events?" + topics)
		assert r.status == 400 and "--max-subscriptions" in r.json["detail"], r
		assert do("GET", "/events?topic=1&topic=2&topic=3").status == 200
		with Conn() as c:
			assert c.ws_open("/ws").status == 101
			for i in range(4):
				c.ws_send('{"op":"subscribe","ref":%d,"topics":["t%d"]}' % (i, i))
			answers = [json.loads(c.ws_text()) for _ in range(4)]
			assert [a["op"] for a in answers] == ["ack"] * 3 + ["error"] and "--max-subscriptions" in answers[3]["error"], answers
			c.ws_send('{"op":"publish","ref":9,"topic":"t0","data":"%s"}' % ("x" * 600))
			answer = json.loads(c.ws_text())
			assert answer["op"] == "error" and "--max-event" in answer["error"], answer
			c.ws_send("x" * 2000)
			assert c.ws_close_code() == 1009
END
}

@test "--max-poll pages, --max-wait caps, too many parameters are refused" {
	start_server --store memory: --max-poll 5 --max-wait 300ms
	py <<'END'
		for i in range(12):
			do("POST", f"/topics/t?key={i}", b"1")
		r = do("GET", "/topics/t?limit=100")
		assert len(r.json) == 5 and 'rel="next"' in r.fields["link"], r
		started = time.monotonic()
		r = do("GET", "/topics/t?wait=50&since=now")
		assert r.json == [] and .2 < time.monotonic() - started < 5 * SLOW, r
		assert do("GET", "/topics/t?" + "a&" * 1025).status == 400
END
}

@test "--publish-rate: 429 with Retry-After for single events, a slower pace for NDJSON, per address" {
	start_server --store memory: --publish-rate 20 --trust-proxy 127.0.0.1
	py <<'END'
		with Conn() as c:
			# all at once: one by one they would be slow enough on a busy machine
			c.send((head_bytes("POST", "/topics/t", {"Content-Length": 1}) + b"1") * 40)
			codes = [c.answer() for _ in range(40)]
			refused = [r for r in codes if r.status == 429]
			assert 1 <= len(refused) <= 20 and {r.status for r in codes} == {201, 429}, codes
			r = refused[0]
			assert r.fields["retry-after"] == "1" and "--publish-rate" in r.json["detail"], r
			other = {"X-Forwarded-For": "203.0.113.5"}
			assert c.do("POST", "/topics/t", b"1", other).status == 201
			started = time.monotonic()
			r = c.do("POST", "/topics/u", b"1\n" * 15, {**NDJSON, **other})	# what is left of a second's worth
			assert r.json["accepted"] == 15, r
			r = c.do("POST", "/topics/u", b"1\n" * 30, {**NDJSON, **other})	# into debt
			r = c.do("POST", "/topics/u", b"1\n" * 2, {**NDJSON, **other})	# waits until it is paid
			assert r.json["accepted"] == 2 and time.monotonic() - started > .8, (r, time.monotonic() - started)
			keyed = {**NDJSON, "X-Forwarded-For": "203.0.113.6", "Idempotency-Key": "a"}
			assert c.do("POST", "/topics/u", b"1\n" * 2000, keyed).status == 200
			r = c.do("POST", "/topics/u", b"1\n", {**keyed, "Idempotency-Key": "b"})
			assert r.status == 429 and 90 <= int(r.fields["retry-after"]) <= 100, r	# 1980 events, 20 a second
		with Conn() as c:
			assert c.ws_open("/topics/t", {"X-Forwarded-For": "203.0.113.7"}).status == 101
			for _ in range(40):
				c.ws_send("1")
			refused = []
			while not refused:
				text = json.loads(c.ws_text())
				refused += [text["error"]] if "error" in text else []
			assert "--publish-rate" in refused[0], refused
		assert do("GET", "/stats").json["http"]["refused_rate"] > 2
END
}

@test "--max-connections: 503 with Retry-After for new ones, nobody is evicted, and it recovers" {
	start_server --store memory: --max-connections 5
	py <<'END'
		held = [Conn() for _ in range(4)]
		for c in held:
			assert c.do("GET", "/healthz").status == 200
		stream = Conn()
		stream.ask("GET", "/topics/t?as=ndjson")
		assert stream.head().status == 200
		for _ in range(20):
			with Conn() as c:
				try:
					c.send(c.head_bytes("GET", "/healthz"))
					r = c.answer()
				except (Closed, BrokenPipeError, ConnectionResetError):
					raise SystemExit("closed without a word")
				assert r.status == 503 and r.fields["retry-after"] and r.fields["connection"] == "close", r
				assert c.closed_within(5)
		with Conn() as c:
			r = c.do("GET", "/topics/t")
			assert r.status == 503 and r.json["status"] == 503 and "--max-connections" in r.json["detail"], r
		browser = {"Accept": "text/event-stream", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}
		with Conn() as c:	# an EventSource gives up on a 503
			r = c.do("GET", "/topics/t", fields=browser)
			assert r.status == 200 and b"retry:" in r.body and c.closed_within(5), r
		plain = {"Accept": "text/event-stream", "User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"}
		with Conn() as c:	# without TLS, that is all a browser says to its own origin
			r = c.do("GET", "/topics/t", fields=plain)
			assert r.status == 200 and b"retry:" in r.body and c.closed_within(5), r
		silent = [Conn() for _ in range(80)]	# beyond 64 nobody waits for a request
		with Conn() as c:
			r = c.answer()
			assert r.status == 503 and r.json["status"] == 503 and r.fields["retry-after"], r
		r = silent[0].answer()	# did not ask in time
		assert r.status == 503 and r.fields["retry-after"], r
		for c in silent:
			c.s.close()
		for c in held:
			assert c.do("POST", "/topics/t", b"1").status == 201
		lines = (l for l in stream.lines() if l)
		assert [json.loads(next(lines))["seq"] for _ in range(4)] == [1, 2, 3, 4]
		assert held[0].do("GET", "/stats").json["net"]["refused_total"] >= 20
		held[0].s.close()
		assert wait_for(lambda: do("GET", "/healthz").status == 200)
END
}

@test "--max-per-address counts each address by itself, that of a proxied client too" {
	start_server --store memory: --max-per-address 3
	py <<'END'
		import socket
		held = [Conn() for _ in range(3)]
		for c in held:
			assert c.do("GET", "/healthz").status == 200
		with Conn() as c:
			c.send(c.head_bytes("GET", "/healthz"))
			r = c.answer()
			assert r.status == 503 and r.fields["retry-after"], r
		host, port = "127.0.0.1", int(os.environ["RT_URL"].rsplit(":", 1)[1])
		other = socket.create_connection((host, port), source_address=("127.0.0.9", 0), timeout=10)
		other.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
		assert b" 200 " in other.recv(1000)
		held.pop().s.close()
		assert wait_for(lambda: do("GET", "/healthz").status == 200)
END
}

@test "--head-timeout, --body-timeout and --idle-timeout end what stands still, not what moves" {
	# Longer with a sanitizer, where the client may stand still for so long, too.
	start_server --store memory: --head-timeout $((600 * RT_SLOW))ms --body-timeout $((600 * RT_SLOW))ms \
		--idle-timeout $((800 * RT_SLOW))ms
	py <<'END'
		slow_head, slow_body, idle, moving = (Conn() for _ in range(4))
		slow_head.send(b"GET /topics/t HTTP/1.1\r\nHost: localhost\r\nX: ")
		slow_body.send(slow_body.head_bytes("POST", "/topics/t", {"Content-Length": 100}) + b'"abc')
		assert idle.do("GET", "/healthz").status == 200
		moving.send(moving.head_bytes("POST", "/topics/t", CHUNKED))
		started = time.monotonic()
		for _ in range(20):
			moving.chunk(b"1\n")
			time.sleep(.08 * SLOW)
		moving.chunk(b"")
		assert moving.answer().json["accepted"] == 20
		r = slow_head.answer()
		assert r.status == 408 and "head" in r.json["detail"], r
		r = slow_body.answer()
		assert r.status == 408 and "body" in r.json["detail"], r
		assert slow_head.closed_within(5) and slow_body.closed_within(5) and idle.closed_within(5)
		assert idle.buf == b"", idle.buf
		def ended():
			net = do("GET", "/stats").json["net"]
			return net["timeout_head"], net["timeout_body"], net["timeout_idle"]
		assert wait_for(lambda: min(ended()) >= 1), ended()
		import select
		with Conn() as drip:	# a byte at a time is no progress of a head
			drip.send(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ")
			for _ in range(100 * SLOW):
				if select.select([drip.s], [], [], .05)[0]:
					break
				drip.send(b"x")
			else:
				raise SystemExit("a head may take for ever")
			assert drip.answer().status == 408
END
}

@test "--max-pipelined: more than that waits, and is answered all the same" {
	start_server --store memory: --max-pipelined 2
	py <<'END'
		with Conn() as c:
			for i in range(50):
				c.ask("POST", "/topics/t", b"%d" % i)
			assert [c.answer().json["seq"] for _ in range(50)] == list(range(1, 51))
END
}

@test "--append-queue: publishers are slowed down, not refused" {
	start_server --append-queue 1M --sync full
	py "$SERVER_PID" <<'END'
		import sys, threading
		body = b'"' + b"x" * 900000 + b'"'
		codes = []
		def publisher():
			with Conn(timeout=60) as c:
				for _ in range(6):
					c.ask("POST", "/topics/t", body)
				for _ in range(6):
					codes.append(c.answer().status)
		threads = [threading.Thread(target=publisher) for _ in range(8)]
		[t.start() for t in threads]
		[t.join() for t in threads]
		assert codes == [201] * 48, codes
END
}

@test "out of descriptors: refuses, serves who is there, says so, and recovers" {
	bg main bash -c "ulimit -n 48; exec rt-serve --store memory: --listen 127.0.0.1:0 --threads 1"
	wait_lines main.out 1
	export RT_URL
	RT_URL=$(sed -n 's/.* on //p' "$RT_TMP/main.out")
	py <<'END'
		first = Conn()
		assert first.do("GET", "/healthz").status == 200
		crowd = [Conn() for _ in range(100)]
		assert first.do("POST", "/topics/t", b"1").status == 201
		served = refused = 0
		for c in crowd:
			c.s.settimeout(.02)
			try:
				c.send(c.head_bytes("GET", "/healthz"))
				r = c.head()
				served += r.status == 200
				refused += r.status == 503
			except (Closed, OSError):
				refused += 1
		assert served > 5 and refused > 20, (served, refused)
		assert first.do("GET", "/healthz").status == 200
		for c in crowd:
			c.s.close()
		def back():
			try:
				with Conn(timeout=1) as c:
					return c.do("GET", "/healthz").status == 200
			except (Closed, OSError):
				return False
		assert wait_for(back)
END
}

@test "out of descriptors: who comes then is closed at once, not left waiting" {
	bg main bash -c "ulimit -n 48; exec rt-serve --store memory: --listen 127.0.0.1:0 --threads 1"
	wait_lines main.out 1
	export RT_URL
	RT_URL=$(sed -n 's/.* on //p' "$RT_TMP/main.out")
	py <<'END'
		served = []
		while len(served) < 60:
			c = Conn()
			c.ask("GET", "/healthz")
			c.s.settimeout(5 * SLOW)
			try:
				assert c.answer().status == 200
			except (Closed, OSError) as e:
				assert not isinstance(e, TimeoutError), "nobody answers, nobody hangs up"
				break
			served.append(c)
		assert 5 < len(served) < 60, len(served)
END
}

@test "--max-gather: more than that does not wait for its tick" {
	start_server --max-gather 10
	py <<'END'
		with Conn() as c:
			c.ask("GET", "/topics/t?as=ndjson&batch=60s&format=data")
			assert c.head().status == 200
			body = b"".join(b"%d\n" % n for n in range(25))
			fields = {"Content-Type": "application/x-ndjson"}
			assert do("POST", "/topics/t", body, fields).status == 200
			lines = c.lines()
			got = []
			while len(got) < 20:
				got += [int(line) for line in [next(lines)] if line]
			assert got == list(range(20)), got
END
}
