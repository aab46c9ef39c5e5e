# SPDX-License-Identifier: MIT
# SIGHUP: what may change does, also for connections that are open; what may not is refused by name.
bats_require_minimum_version 1.5.0
load helper
load ../helpers/raw_http

# conf LINE...: the configuration file
conf() {
	printf '%s\n' 'listen = 127.0.0.1:0' "$@" >"$RT_TMP/rt.conf"
}

start_with_conf() {
	bg main rt-serve -v -c "$RT_TMP/rt.conf" "$@"
	wait_lines main.out 1
	SERVER_PID=$BG_PID
	export RT_URL
	RT_URL=$(sed -n 's/.* on \(http.*\)/\1/p' "$RT_TMP/main.out")
}

# reload N: send SIGHUP, wait until N answers to it are in the log
reload() {
	kill -HUP "$SERVER_PID"
	wait_for bash -c "[ \$(grep -c reloaded '$RT_TMP/main.err') -ge $1 ]"
}

@test "limits, origins and hosts change for open connections; the command line still wins" {
	conf 'store = memory:' 'max-event = 10' 'max-topic = 5'
	start_with_conf --max-topic 6
	py "$SERVER_PID" "$RT_TMP" <<'END'
		import os, signal, sys
		pid, tmp = int(sys.argv[1]), sys.argv[2]
		c = Conn()
		app = {"Origin": "https://app.example"}
		assert c.do("POST", "/topics/t", b"12345678901").status == 413
		assert c.do("GET", "/topics/t", fields=app).status == 403
		assert c.do("GET", "/topics/t", host="rt.example").status == 403
		with open(tmp + "/rt.conf", "a") as f:
			f.write("max-event = 1K\nmax-topic = 100\norigin = https://app.example\nhost = rt.example\n")
		os.kill(pid, signal.SIGHUP)
		assert wait_for(lambda: "reloaded" in open(tmp + "/main.err").read())
		assert c.do("POST", "/topics/t", b"12345678901").status == 201
		r = c.do("GET", "/topics/t", fields=app)
		assert r.status == 200 and r.fields["access-control-allow-origin"] == "https://app.example", r
		assert c.do("GET", "/topics/t", host="rt.example").status == 200
		assert c.do("POST", "/topics/1234567", b"1").status == 400
END
	run cat "$RT_TMP/main.err"
	assert_output 'rt-serve: reloaded'
}

@test "what cannot change is refused by name, and nothing else changes then" {
	conf 'store = memory:' 'threads = 1'
	start_with_conf
	conf 'store = memory:' 'threads = 2' 'max-event = 1'
	reload 1
	run cat "$RT_TMP/main.err"
	assert_output 'rt-serve: not reloaded: threads cannot change while running; restart, or take the change back'
	run http_status -d 12 /topics/t
	assert_output 201
	conf "store = $RT_TMP/other.db" 'threads = 1'
	reload 2
	run cat "$RT_TMP/main.err"
	assert_line --index 1 --partial 'not reloaded: store cannot change'
	conf 'store = memory:' 'threads = 1' 'max-event = 1'
	reload 3
	run http_status -d 12 /topics/t
	assert_output 413
}

@test "a file with a mistake, or none, leaves the server as it was" {
	conf 'store = memory:' 'max-event = 10'
	start_with_conf
	conf 'store = memory:' 'max-event = much'
	reload 1
	rm "$RT_TMP/rt.conf"
	reload 2
	run cat "$RT_TMP/main.err"
	assert_line --index 0 --partial "not reloaded: $RT_TMP/rt.conf:3: max-event much must be a size"
	assert_line --index 1 "rt-serve: not reloaded: $RT_TMP/rt.conf: No such file or directory"
	run http_status -d 12345678901 /topics/t
	assert_output 413
	run http_status -d 1 /topics/t
	assert_output 201
}

@test "new retention takes hold" {
	conf "store = $RT_TMP/main.db" 'sync = none'
	start_with_conf
	publish t 1 100
	publish u 1 100
	conf "store = $RT_TMP/main.db" 'sync = none' 'retain = t:count=10'
	reload 1
	kept() { [ "$(fetch "/topics/$1?limit=1000" | jq length)" -eq "$2" ]; }
	wait_for -t 15 kept t 10
	kept u 100
}

@test "reloads under traffic disturb nobody" {
	conf 'store = memory:' 'max-event = 100'
	start_with_conf
	py "$SERVER_PID" "$RT_TMP" <<'END'
		import os, signal, sys, threading
		done = threading.Event()
		def hup():
			i = 0
			while not done.is_set():
				i += 1
				with open(sys.argv[2] + "/new", "w") as f:
					f.write(f"listen = 127.0.0.1:0\nstore = memory:\nmax-event = {100 + i}\norigin = http://a{i}\n")
				os.rename(sys.argv[2] + "/new", sys.argv[2] + "/rt.conf")
				os.kill(int(sys.argv[1]), signal.SIGHUP)
				time.sleep(.002)
		t = threading.Thread(target=hup)
		t.start()
		stream = Conn()
		stream.ask("GET", "/topics/t?as=ndjson")
		stream.head()
		with Conn() as c:
			for n in range(600):
				assert c.do("POST", "/topics/t", b'{"n":%d}' % n).status == 201
				c.do("GET", "/topics/t?last=1", fields={"Origin": "http://a1"})
		done.set()
		t.join()
		got = [json.loads(l)["data"]["n"] for _, l in zip(range(600), (l for l in stream.lines() if l))]
		assert got == list(range(600)), got[:10]
END
}
