# SPDX-License-Identifier: MIT
# Going down: nobody is cut off without a word, nothing acknowledged is lost.
bats_require_minimum_version 1.5.0
load helper
load ../helpers/raw_http

@test "streams end spread over --drain, whole, with a jittered retry" {
	start_server --store memory: --drain 1s --retry 2s
	py "$SERVER_PID" <<'END'
		import os, select, signal, sys
		conns = []
		for i in range(30):
			c = Conn()
			c.ask("GET", "/topics/t?as=" + ("sse" if i % 3 else "ndjson"))
			assert c.head().status == 200
			conns.append(c)
		started = time.monotonic()
		os.kill(int(sys.argv[1]), signal.SIGTERM)
		ends, retries, open_ = [], set(), {c.s: c for c in conns}
		while open_:
			ready, _, _ = select.select(list(open_), [], [], 10)
			assert ready, f"{len(open_)} streams never ended"
			for s in ready:
				try:
					open_[s].more()
				except Closed as e:
					assert str(e) == "closed", e  # no reset
					ends.append(time.monotonic() - started)
					del open_[s]
		for i, c in enumerate(conns):
			assert c.buf.endswith(b"0\r\n\r\n"), c.buf
			if i % 3:
				retries.add(re.findall(rb"retry: ?(\d+)", c.buf)[-1])
		print("ends", [round(e, 2) for e in ends], "retries", retries)
		assert ends[-1] - ends[0] > 0.5 and ends[-1] < 4 * SLOW, ends
		assert sum(e < 0.6 for e in ends) > 5 or SLOW > 1, ends
		assert len(retries) > 5, retries	# not all of them at the same moment
END
	bg_wait main
	[ "$BG_STATUS" -eq 143 ]
}

@test "long polls are answered at once, however long --drain is, and then it ends" {
	start_server --store memory: --drain 30s
	py "$SERVER_PID" <<'END'
		import os, signal, sys
		polls = [Conn() for _ in range(3)]
		for c in polls:
			c.ask("GET", "/topics/t?wait=30&since=now")
		wait_for(lambda: len(do("GET", "/connections").json["connections"]) == 3)
		started = time.monotonic()
		os.kill(int(sys.argv[1]), signal.SIGTERM)
		for c in polls:
			r = c.answer()
			assert r.status == 200 and r.json == [] and r.fields["last-event-id"], r
			assert r.fields["connection"] == "close", r
		assert time.monotonic() - started < 3 * SLOW
END
	bg_wait main 5
	[ "$BG_STATUS" -eq 143 ]
}

@test "while draining: not ready but alive, nothing new begins, browsers are told to come back" {
	start_server --store memory: --drain 3s
	py "$SERVER_PID" <<'END'
		import os, signal, sys
		stream, kept = Conn(), [Conn() for _ in range(8)]
		stream.ask("GET", "/topics/t?as=sse")
		others = [Conn() for _ in range(8)]	# so that the drain takes a while
		for c in others:
			c.ask("GET", "/topics/t?as=sse")
			assert c.head().status == 200
		for c in kept:
			assert c.do("GET", "/readyz").status == 200
		os.kill(int(sys.argv[1]), signal.SIGTERM)
		assert wait_for(lambda: do("GET", "/readyz").status == 503)	# by a new connection
		with Conn() as c:
			r = c.do("POST", "/topics/t", b"1")
			assert r.status == 201 and r.fields["connection"] == "close", r
		with Conn() as c:
			assert c.do("GET", "/topics/t?as=sse").status == 503
		r = kept[0].do("GET", "/readyz")
		assert r.status == 503 and r.fields["retry-after"] and r.fields["connection"] == "close", r
		assert kept[0].closed_within(5)
		assert kept[1].do("GET", "/healthz").status == 200
		r = kept[2].do("GET", "/topics/t?as=sse")
		assert r.status == 503 and r.fields["retry-after"], r
		r = kept[3].do("GET", "/topics/t?as=sse", fields={"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"})
		assert r.status == 200 and b"retry:" in r.body, r	# an EventSource gives up on a 503
		assert kept[4].do("GET", "/topics/t?wait=20").status == 200
		assert kept[5].ws_open("/topics/t").status == 503
		r = kept[6].do("POST", "/topics/t", b"1")
		assert r.status == 201 and r.fields["connection"] == "close", r	# taken, and acknowledged
END
}

@test "WebSockets are closed with a code that says so" {
	start_server --store memory: --drain 300ms
	py "$SERVER_PID" <<'END'
		import os, signal, sys
		topic, mux = Conn(), Conn()
		assert topic.ws_open("/topics/t").status == 101
		assert mux.ws_open("/ws").status == 101
		os.kill(int(sys.argv[1]), signal.SIGTERM)
		codes = topic.ws_close_code(), mux.ws_close_code()
		assert codes in [(1001, 1001), (1012, 1012)], codes
END
	bg_wait main
}

@test "an event that was acknowledged just before is sent to the streams before they end" {
	py "$RT_BIN/rt-serve" <<'END'
		import signal, subprocess, sys
		short = 0
		for _ in range(50):
			server = subprocess.Popen([sys.argv[1], "--listen", "127.0.0.1:0", "--store", "memory:",
				"--threads", "2", "--drain", "0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
			url = server.stdout.readline().decode().split()[-1]
			streams = [Conn(url) for _ in range(8)]
			for c in streams:
				c.ask("GET", "/topics/t?as=ndjson")
				assert c.head().status == 200
			assert Conn(url).do("POST", "/topics/t", b"1").status == 201
			server.send_signal(signal.SIGTERM)
			for c in streams:
				try:
					while True:
						c.more()
				except Closed:
					short += b'"data":1' not in c.buf
			server.communicate()
		print("streams that ended too soon", short)
		assert short == 0
END
}

@test "an answer on its way is sent to its end" {
	start_server --store memory: --drain 0 -l "unix:$RT_TMP/s"
	py "$SERVER_PID" "unix:$RT_TMP/s" <<'END'
		import os, select, signal, sys
		url = sys.argv[2]	# the kernel keeps less of it for us than of a TCP connection
		for _ in range(4):
			assert do("POST", "/topics/t", b'"' + b"x" * 500000 + b'"', url=url).status == 201
		with Conn(url) as c, Conn(url) as stream:
			stream.ask("GET", "/topics/t?as=ndjson")
			assert stream.head().status == 200
			c.ask("GET", "/topics/t")
			r = c.head()
			process = os.pidfd_open(int(sys.argv[1]))
			os.kill(int(sys.argv[1]), signal.SIGTERM)
			assert stream.closed_within(5)
			gone, _, _ = select.select([process], [], [], .5)
			assert not gone, "it waits for us, for a while"
			c.exactly(int(r.fields["content-length"]))
END
	bg_wait main
}

@test "publishes in progress get their answers; what was acknowledged is there afterwards" {
	start_server --drain 500ms
	py "$SERVER_PID" "$RT_TMP/acked" <<'END'
		import os, signal, sys, threading
		acked, lock = [], threading.Lock()
		def publisher(me):
			n = 0
			try:
				c = Conn()
				while True:
					r = c.do("POST", "/topics/t", b'{"by":%d,"n":%d}' % (me, n))
					if r.status != 201:
						return
					with lock:
						acked.append(r.json["id"])
					n += 1
			except (Closed, OSError):
				pass
		stream = Conn()	# an endless body, in the middle of a line
		stream.send(stream.head_bytes("POST", "/topics/t", CHUNKED))
		stream.chunk(b'{"s":1}\n{"s":2}\n{"s":')
		threads = [threading.Thread(target=publisher, args=(i,)) for i in range(6)]
		[t.start() for t in threads]
		wait_for(lambda: len(acked) > 200)
		os.kill(int(sys.argv[1]), signal.SIGTERM)
		r = stream.answer()
		assert r.status == 200 and r.json["accepted"] == 2 and r.json["ack"] == "synced", r
		[t.join() for t in threads]
		acked.append(r.json["last"])
		open(sys.argv[2], "w").write("".join(i + "\n" for i in acked))
END
	bg_wait main
	restart_server
	fetch -H 'Accept: application/x-ndjson' '/topics/t?as=poll&limit=1000' >"$RT_TMP/all"
	py "$RT_TMP/acked" <<'END'
		import sys
		want, have, since = set(open(sys.argv[1]).read().split()), set(), "all"
		while True:
			page = do("GET", f"/topics/t?limit=1000&since={since}").json
			if not page:
				break
			have |= {e["id"] for e in page}
			since = page[-1]["id"]
		assert len(want) > 200 and want <= have, (len(want), len(want - have))
END
}

@test "ends by the signal that asked for it; a second one ends it at once" {
	for signal in TERM INT; do
		start_server --store memory:
		kill -$signal "$SERVER_PID"
		bg_wait main
		[ "$BG_STATUS" -eq $((128 + $(kill -l $signal))) ]
	done
	start_server --store memory: --drain 60s
	for i in 1 2 3 4 5 6; do
		bg sub$i curl -sN "$RT_URL/topics/t?as=sse"
	done
	wait_for bash -c "curl -s $RT_URL/connections | grep -c sse | grep -q 6"
	kill -TERM "$SERVER_PID"
	wait_for bash -c "curl -s $RT_URL/readyz | grep -q 503"
	kill -0 "$SERVER_PID"
	kill -TERM "$SERVER_PID"
	bg_wait main 3
	[ "$BG_STATUS" -eq 143 ]
}

@test "a keyed body that is half in is refused with 503, so that a retry is safe" {
	start_server --drain 300ms
	py "$SERVER_PID" <<'END'
		import os, signal, sys
		c = Conn()
		c.send(c.head_bytes("POST", "/topics/t", {"Idempotency-Key": "k", **CHUNKED}))
		c.chunk(b"1\n2\n")
		wait_for(lambda: len(do("GET", "/connections").json["connections"]) == 1)
		os.kill(int(sys.argv[1]), signal.SIGTERM)
		r = c.answer()
		assert r.status == 503 and r.fields["retry-after"], r
END
	bg_wait main
	restart_server
	run fetch /topics/t
	assert_output --regexp '^\[[[:space:]]*\]$'
}
