#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# The net layer alone, in the program tests/helpers/ws_echo: raw bytes of HTTP/1.1, and the
# WebSocket echo with other people's clients. What each refusal is, tests/unit/net/test_guard.c
# has in full; here are those that a socket, a kernel and time have a part in.

bats_require_minimum_version 1.5.0
load helper
load ../helpers/raw_http

_echo_ready() {
	[ -s "$RT_TMP/echo.out" ]
}

# start_echo [OPTION=VALUE...]: sets RT_URL
start_echo() {
	bg echo "$RT_BIN/tests/helpers/ws_echo" 127.0.0.1:0 "$@"
	wait_for _echo_ready
	RT_URL=$(head -n 1 "$RT_TMP/echo.out")
	export RT_URL
}

@test "net: curl, with and without keep-alive, HEAD, HTTP/1.0" {
	start_echo
	run -0 curl -sS --max-time 15 "$RT_URL/hello" "$RT_URL/hello" -w '%{num_connects}'
	assert_output $'hello\n1hello\n0'
	run -0 curl -sS --max-time 15 -I "$RT_URL/hello"
	assert_line --partial "HTTP/1.1 200 OK"
	assert_line --partial "Content-Length: 6"
	run -0 fetch -0 -o /dev/null -w '%header{connection}' /hello
	assert_output "close"
	run -0 http_status /nothing
	assert_output 404
}

@test "net: large bodies go both ways, with a length and chunked" {
	start_echo
	head -c 20000000 /dev/urandom >"$RT_TMP/in"
	fetch --data-binary "@$RT_TMP/in" -o "$RT_TMP/a" /echo
	fetch --data-binary "@$RT_TMP/in" -H 'Transfer-Encoding: chunked' -o "$RT_TMP/b" /echo
	fetch --data-binary "@$RT_TMP/in" -0 -o "$RT_TMP/c" /echo
	assert_same in a b c
	run -0 fetch --data-binary "@$RT_TMP/in" -H 'Transfer-Encoding: chunked' /count
	assert_output 20000000
}

@test "net: a malformed request gets 400, Connection: close, and the end" {
	start_echo
	py <<-'END'
		for bad in (b"GET / HTTP/1.1\n\n", b"GET /hello HTTP/1.1\r\n\r\n",
		            b"GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
		            b"GET /hello HTTP/1.1\r\nHost: a\r\n x: y\r\n\r\n",
		            b"POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
		            b"POST /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
		            b"POST /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1 \r\na\r\n0\r\n\r\n",
		            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"):
		    with Conn() as c:
		        # What follows must not be taken for another request.
		        c.send(bad + b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n" * 1000)
		        r = c.answer()
		        assert r.status == 400 and r.fields["connection"] == "close", (bad, r)
		        assert c.closed_within(5) and c.buf == b"", (bad, c.buf)
	END
}

@test "net: a head that is too long, or has too many fields, gets 414 or 431" {
	start_echo
	py <<-'END'
		for bad, status in ((b"GET /" + b"x" * 100000, 414), (b"GET / HTTP/1.1\r\nX: " + b"x" * 100000, 431),
		                    (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 101 + b"\r\n", 431)):
		    with Conn() as c:
		        c.send(bad)
		        assert c.answer().status == status, bad[:40]
		        assert c.closed_within(5)
	END
}

@test "net: pipelined requests are answered in order, a GET behind POSTs too" {
	start_echo
	py <<-'END'
		with Conn() as c:
		    c.send(b"".join(b"POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s"
		           % (n, b"x" * n) for n in range(200)) + b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
		    assert [c.answer().body for _ in range(200)] == [b"%d\n" % n for n in range(200)]
		    assert c.answer().body == b"hello\n"
	END
}

@test "net: the end of the input ends a wait; what was sent before is answered" {
	start_echo
	run -0 nc -N -w 10 127.0.0.1 "${RT_URL##*:}" < <(printf 'GET /hold HTTP/1.1\r\nHost: a\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n')
	assert_line --partial bye
	assert_line --partial hello
}

@test "net: slow heads and bodies get 408, idle connections are closed" {
	start_echo head_ms=300 body_ms=300 idle_ms=600
	py <<-'END'
		with Conn() as silent, Conn() as head, Conn() as body, Conn() as idle:
		    head.send(b"GET /hello HT")
		    body.send(b"POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
		    idle.send(b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
		    assert head.answer().status == 408 and head.closed_within(5)
		    assert body.answer().status == 408 and body.closed_within(5)
		    assert silent.closed_within(5) and silent.buf == b""
		    assert idle.answer().status == 200 and idle.closed_within(5)
		# Bytes that come slowly, but come, are no reason.
		with Conn() as c:
		    c.send(b"POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n")
		    for _ in range(8):
		        time.sleep(0.1)
		        c.send(b"x")
		    assert c.answer().body == b"8\n"
	END
}

@test "net: limits on connections in all and per address" {
	start_echo max_connections=3
	py <<-'END'
		held = [Conn() for _ in range(3)]
		for c in held:
		    assert c.do("GET", "/hello").status == 200
		with Conn() as c:
		    r = c.answer()
		    assert r.status == 503 and r.fields["retry-after"] == "1" and c.closed_within(5), r
		held.pop().s.close()
		def room():
		    with Conn() as c:
		        return c.do("GET", "/hello").status == 200
		wait_for(room)
	END
}

@test "net: a client that asks and does not read costs little memory" {
	start_echo
	py "$(bg_pid echo)" <<-'END'
		import sys
		def rss():
		    return int(open(f"/proc/{sys.argv[1]}/statm").read().split()[1]) * 4096
		before = rss()
		held = []
		for _ in range(20):
		    c = Conn()
		    c.s.setblocking(False)
		    held.append(c)
		sent = 0
		end = time.monotonic() + 2
		while time.monotonic() < end:
		    for c in held:
		        try:
		            sent += c.s.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n" + b"x" * 60000)
		        except BlockingIOError:
		            pass
		assert sent > 20 * 1000 * 1000, sent
		assert rss() - before < 60 << 20, rss() - before
	END
}

@test "net: Python's websockets gets everything back, in fragments and large" {
	start_echo
	cat >"$RT_TMP/echo.py" <<-'END'
		import asyncio, os, sys, websockets
		async def main(url):
		    async with websockets.connect("ws" + url[4:] + "/", max_size=None) as w:
		        messages = ["", "x", "é" * 1000, "y" * 65536, b"", bytes(range(256)), os.urandom(3000000)]
		        for m in messages:
		            await w.send(m)
		            assert await w.recv() == m
		        await w.send(["frag", "men", "ted"])
		        assert await w.recv() == "fragmented"
		        async def send():
		            for i in range(3000):
		                await w.send(f"message {i}")
		        task = asyncio.create_task(send())
		        for i in range(3000):
		            assert await w.recv() == f"message {i}"
		        await task
		        await asyncio.wait_for(await w.ping(b"payload"), 5)
		        await w.close(4002, "enough")
		        assert w.close_code == 4002, w.close_code
		asyncio.run(asyncio.wait_for(main(sys.argv[1]), 60))
	END
	run -0 "$PYTHON" "$RT_TMP/echo.py" "$RT_URL"
}

@test "net: Node's ws gets everything back" {
	start_echo
	cat >"$RT_TMP/echo.js" <<-'END'
		const WebSocket = require("ws");
		const ws = new WebSocket("ws" + process.argv[2].slice(4) + "/", {perMessageDeflate: true});
		const sent = ["", "hi", "é".repeat(5000), Buffer.alloc(0), Buffer.alloc(2000000, 7)];
		let got = 0;
		ws.on("open", () => { for (const m of sent) ws.send(m); ws.ping("p"); });
		ws.on("pong", (p) => { if (p.toString() !== "p") process.exit(1); });
		ws.on("message", (m, binary) => {
			const want = sent[got++];
			if (binary !== Buffer.isBuffer(want) || Buffer.compare(m, Buffer.from(want)) !== 0)
				process.exit(2);
			if (got === sent.length)
				ws.close(1000, "done");
		});
		ws.on("close", (code) => { console.log("closed", code, ws.extensions); });
		ws.on("error", (e) => { console.log(e.message); process.exit(3); });
	END
	run -0 timeout 30 node "$RT_TMP/echo.js" "$RT_URL"
	assert_output --partial "closed 1000"
}

@test "net: wrong frames and handshakes are refused on a real socket" {
	start_echo max_message=1000
	py <<-'END'
		for frame, code in ((b"\x81\x02hi", 1002), (b"\xc1\x82\0\0\0\0hi", 1002), (b"\x83\x80\0\0\0\0", 1002),
		                    (b"\x81\x82\0\0\0\0\xc3(", 1007), (b"\x82\xfe\x03\xe9\0\0\0\0" + b"x" * 1001, 1009)):
		    with Conn() as c:
		        assert c.ws_open("/").status == 101
		        c.send(frame)
		        assert c.ws_close_code() == code, frame
		        assert c.closed_within(5)
		for fields, status in (({"Sec-WebSocket-Version": "8"}, 426), ({"Sec-WebSocket-Key": "short"}, 400),
		                       ({"Connection": "close"}, 400)):
		    with Conn() as c:
		        r = c.ws_open("/", fields)
		        assert r.status == status, r
		        assert status != 426 or r.fields["sec-websocket-version"] == "13"
	END
}

@test "net: Chromium's WebSocket gets everything back" {
	start_echo
	cat >"$RT_TMP/page.html" <<-END
		<body>waiting<script>
		const ws = new WebSocket("ws${RT_URL#http}/");
		ws.onopen = () => ws.send("from the browser");
		ws.onmessage = (m) => { document.body.innerText = "echo: " + m.data; ws.close(4003); };
		ws.onclose = (e) => { document.body.innerText += " closed " + e.code; };
		</script>
	END
	browser "file://$RT_TMP/page.html"
	wait_for -t 30 page_shows "echo: from the browser closed 4003"
}

@test "net: SIGTERM ends it at once, with clients connected" {
	start_echo
	py "$(bg_pid echo)" <<-'END'
		import sys
		with Conn() as kept, Conn() as ws, Conn() as held:
		    assert kept.do("GET", "/hello").status == 200
		    assert ws.ws_open("/").status == 101
		    held.ask("GET", "/hold")
		    os.kill(int(sys.argv[1]), 15)
		    for c in (kept, ws, held):
		        assert c.closed_within(10)
	END
	bg_wait echo
	[ "$BG_STATUS" = 0 ]
}
