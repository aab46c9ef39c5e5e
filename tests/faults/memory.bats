# SPDX-License-Identifier: MIT
# Short of memory: a request or a connection ends, the server does not, and loses nothing.
bats_require_minimum_version 1.5.0
load ../cli/helper
load ../helpers/raw_http

@test "short of memory: requests fail, the server stays and keeps what it acknowledged" {
	if nm -D "$RT_BIN/rt-serve" | grep -Eq '__(asan|tsan)_init'; then
		skip "sanitizers have their own malloc"
	fi
	cc -std=gnu11 -D_GNU_SOURCE -shared -fPIC -O1 -o "$RT_TMP/fail_malloc.so" "$RT_ROOT/tests/faults/fail_malloc.c"
	export LD_PRELOAD="$RT_TMP/fail_malloc.so" FAIL_MALLOC=37
	start_server --sync none --retain 'rule/**:count=20' --presence '**'
	unset LD_PRELOAD
	kill -USR2 "$SERVER_PID"
	py <<'END'
		acked, tries = [], 0
		def publish(c, n):
			r = c.do("POST", "/topics/kept", b"%d" % n, {"Idempotency-Key": f"k{n}"})
			if r.status == 201:
				acked.append(n)
		def lines(c, n):
			c.do("POST", "/topics/rule/a?ack=lines", b'"x"\n' * 30, NDJSON)
		def poll(c, n):
			c.do("GET", "/events?topic=**&limit=5&last=5")
		def stream(c, n):
			c.ask("GET", "/events?topic=**&since=all", None, {"Accept": "text/event-stream"})
			if c.head().status == 200:
				c.read_chunk()
		def socket_of_topic(c, n):
			c.ws_open("/topics/kept")
			c.ws_send("{")
			c.ws_text()
		def mux(c, n):
			c.ws_open("/ws")
			c.ws_send('{"op":"subscribe","ref":1,"topics":["**"],"since":"all"}')
			c.ws_send('{"op":"publish","ref":2,"topic":"rule/b","data":[1,2]}')
			c.ws_text()
		def figures(c, n):
			for target in "/stats", "/connections", "/topics", "/presence?topic=kept":
				c.do("GET", target)
		for n in range(240):
			for what in publish, (lines, poll, stream, socket_of_topic, mux, figures)[n % 6]:
				try:
					with Conn(timeout=1) as c:
						what(c, n)
				except (Closed, OSError, AssertionError, ValueError):
					pass	# whatever it is, it is this request's trouble
		print("#", len(acked), "acknowledged")
		assert 20 < len(acked) < 240, len(acked)	# else nothing failed, or nothing worked
		open(os.environ["BATS_TEST_TMPDIR"] + "/acked", "w").write("".join(f"{n}\n" for n in acked))
END
	kill -USR2 "$SERVER_PID"
	wait_for publish again 1 1
	fetch '/topics/kept?limit=1000' | jq '.[].data' | sort >"$RT_TMP/stored"
	run -0 comm -13 "$RT_TMP/stored" <(sort "$RT_TMP/acked")
	assert_output ""
	run -0 uniq -d "$RT_TMP/stored"
	assert_output ""
	run ! grep damaged "$RT_TMP/main.err"
	stop_server
}

@test "short of memory: a reload fails, says so, and the server goes on" {
	if nm -D "$RT_BIN/rt-serve" | grep -Eq '__(asan|tsan)_init'; then
		skip "sanitizers have their own malloc"
	fi
	cc -std=gnu11 -D_GNU_SOURCE -shared -fPIC -O1 -o "$RT_TMP/fail_malloc.so" "$RT_ROOT/tests/faults/fail_malloc.c"
	export LD_PRELOAD="$RT_TMP/fail_malloc.so" FAIL_MALLOC=11
	start_server --retain 'rule/**:count=20' --presence '**' --host a.example -v
	unset LD_PRELOAD
	kill -USR2 "$SERVER_PID"
	reloads() { grep -c 'not reloaded: .*out of memory\|: reloaded$' "$RT_TMP/main.err"; }
	has_reloaded() { [ "$(reloads)" -ge "$1" ]; }
	for ((i = 1; i <= 60; i++)); do
		kill -HUP "$SERVER_PID"
		wait_for has_reloaded "$i"
	done
	kill -USR2 "$SERVER_PID"
	run -0 grep -c 'not reloaded: .*out of memory' "$RT_TMP/main.err"
	run -0 grep -c 'rt-serve: reloaded$' "$RT_TMP/main.err"
	stop_server
}
