# SPDX-License-Identifier: MIT
# What pages in a browser may do: their own origin, those that --origin names, and nothing else.
bats_require_minimum_version 1.5.0
load helper
load ../helpers/raw_http

@test "a page of another origin is refused before its request has any effect" {
	start_server --store memory:
	py <<'END'
		evil = {"Origin": "https://evil.example"}
		form = {"Content-Type": "application/x-www-form-urlencoded"}
		text = {"Content-Type": "text/plain"}
		tries = [("POST", "/topics/t", b"1", evil),
			("POST", "/topics/t", b"1", {**evil, **form}),	# what a page may send without asking
			("POST", "/topics/t", b"1", {**evil, **text}),
			("POST", "/topics/t", b"1\n", {**evil, **NDJSON}),
			("POST", "/events", b'{"topic":"t","data":1}', {**evil, **text}),
			("POST", "/topics/t", b"1", {**text, "Origin": "null"}),
			("POST", "/topics/t", b"1", {**text, "Origin": ""}),
			("POST", "/topics/t", b"1", {**form, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}),
			("POST", "/topics/t", b"1", {**evil, "Sec-Fetch-Site": "same-origin"}),
			("POST", "/topics/t", b"1", {"Origin": "http://127.0.0.1:1"}),	# another port of this machine
			("GET", "/topics/t", None, evil),
			("GET", "/topics/t?as=sse", None, evil),
			("GET", "/topics/t", None, {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}),
			("GET", "/stats", None, evil),
			("GET", "/", None, evil),
			("DELETE", "/topics/t", None, evil)]
		with Conn() as c:
			for method, target, body, fields in tries:
				r = c.do(method, target, body, fields)
				assert r.status == 403 and "--origin" in r.json["detail"], (method, target, fields, r)
				assert not [f for f in r.fields if f.startswith("access-control")], r
			assert c.do("GET", "/topics/t").json == []
			assert c.do("GET", "/stats").json["http"]["refused_origin"] == len(tries)
END
}

@test "a page of a refused origin stays refused when its body is large and still comes in" {
	start_server --store memory:
	py <<'END'
		with Conn() as c:
			c.send(c.head_bytes("POST", "/topics/t", {**CHUNKED, "Origin": "https://evil.example"}))
			c.chunk(b"1\n2\n")
			assert c.answer().status == 403
		assert do("GET", "/topics/t").json == []
END
}

@test "the server's own origin works, and so does whoever is no page" {
	start_server --store memory:
	py <<'END'
		me = RT_URL = os.environ["RT_URL"]
		host = me[7:]
		own = {"Origin": me, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
		assert do("POST", "/topics/t", b"1", own, host=host).status == 201
		assert do("GET", "/topics/t", None, {"Sec-Fetch-Site": "same-origin"}, host=host).status == 200
		assert do("GET", "/", None, {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}, host=host).status == 200
		assert do("POST", "/topics/t", b"1").status == 201
		with Conn() as c:
			assert c.ws_open("/topics/t", {"Origin": me}, host=host).status == 101
END
}

@test "--origin lets its pages in, with CORS and preflight" {
	start_server --store memory: --origin https://app.example --origin http://localhost:8000
	py <<'END'
		app = {"Origin": "https://app.example", "Sec-Fetch-Site": "cross-site"}
		ask = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,idempotency-key"}
		r = do("OPTIONS", "/topics/t", None, {**app, **ask})
		assert r.status == 204 and r.fields["access-control-allow-origin"] == "https://app.example", r
		assert "POST" in r.fields["access-control-allow-methods"], r
		allowed = {h.strip().lower() for h in r.fields["access-control-allow-headers"].split(",")}
		assert {"content-type", "idempotency-key", "last-event-id", "prefer", "if-none-match", "authorization"} <= allowed, r
		assert "origin" in r.fields["vary"].lower(), r
		r = do("OPTIONS", "/topics/t", None, {"Origin": "https://evil.example", **ask})
		assert r.status == 403 and "access-control-allow-origin" not in r.fields, r
		r = do("POST", "/topics/t", b"1", {**app, "Content-Type": "application/json"})
		assert r.status == 201 and r.fields["access-control-allow-origin"] == "https://app.example", r
		r = do("GET", "/topics/t", None, {"Origin": "http://localhost:8000"})
		assert r.fields["access-control-allow-origin"] == "http://localhost:8000", r
		assert "origin" in r.fields["vary"].lower(), r	# or a cache would mix origins up
		exposed = r.fields["access-control-expose-headers"].lower()
		assert "last-event-id" in exposed and "etag" in exposed and "link" in exposed, r
		r = do("POST", "/topics/t", b"nonsense", app)
		assert r.status == 400 and r.fields["access-control-allow-origin"] == "https://app.example", r
		for target in "/", "/topics", "/presence?topic=t", "/connections", "/stats", "/metrics", "/healthz", "/nothing":
			r = do("GET", target, None, app)
			assert r.fields["access-control-allow-origin"] == "https://app.example", (target, r)
		for target in "/topics/t?as=sse", "/topics/t?as=ndjson":
			with Conn() as c:
				c.ask("GET", target, None, app)
				r = c.head()
				assert r.status == 200 and r.fields["access-control-allow-origin"] == "https://app.example", r
		r = do("GET", "/topics/t")
		assert "access-control-allow-origin" not in r.fields, r
		for wrong in "http://app.example", "https://app.example:444", "https://app.example.evil", "null":
			assert do("GET", "/topics/t", None, {"Origin": wrong}).status == 403, wrong
END
}

@test "the same rules for WebSockets, which CORS would not guard" {
	start_server --store memory: --origin https://app.example
	py <<'END'
		for target in "/topics/t", "/ws":
			for origin, status in ("https://evil.example", 403), ("null", 403), ("https://app.example", 101), (None, 101):
				with Conn() as c:
					r = c.ws_open(target, {"Origin": origin} if origin else {})
					assert r.status == status, (target, origin, r)
END
}

@test "only a Host that is served is answered (DNS rebinding)" {
	start_server --store memory: --host rt.example
	py <<'END'
		port = os.environ["RT_URL"].rsplit(":", 1)[1]
		for host in "127.0.0.1", f"127.0.0.1:{port}", "localhost", f"LocalHost:{port}", "[::1]", "rt.example", f"rt.example:{port}":
			assert do("POST", "/topics/t", b"1", host=host).status == 201, host
		with Conn() as c:
			for host in "evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", "localhost.evil.example", "rt.example.evil.example":
				r = c.do("POST", "/topics/u", b"1", {"Origin": f"http://{host}"}, host=host)
				assert r.status == 403 and "--host" in r.json["detail"], (host, r)
				assert c.do("GET", "/topics/t", host=host).status == 403, host
				assert Conn().ws_open("/ws", host=host).status == 403, host
			assert c.do("GET", "/topics/u").json == []
			assert c.do("GET", "/stats").json["http"]["refused_host"] == 15
END
}
