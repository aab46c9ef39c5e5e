# SPDX-License-Identifier: MIT
# rt-serve as a process: addresses, sockets it is given, configuration, logs, standard input.
bats_require_minimum_version 1.5.0
load helper
load ../helpers/raw_http

# --- addresses ----------------------------------------------------------------------------------

@test "says where it listens in one line per address, at once, also into a pipe" {
	start_server --store memory:
	run cat "$RT_TMP/main.out"
	assert_output --regexp '^rt-serve: listening on http://127\.0\.0\.1:[1-9][0-9]*$'
	[ ! -s "$RT_TMP/main.err" ]
	run http_status /healthz
	assert_output 200
}

@test "listens at several addresses, IPv6 and unix sockets too" {
	start_server --store memory: --listen 127.0.0.1:0 -l 127.0.0.2:0 -l '[::1]:0' -l "unix:$RT_TMP/s"
	run cat "$RT_TMP/main.out"
	assert_line --index 0 --regexp '^rt-serve: listening on http://127\.0\.0\.1:[0-9]+$'
	assert_line --index 1 --regexp '^rt-serve: listening on http://127\.0\.0\.2:[0-9]+$'
	assert_line --index 2 --regexp '^rt-serve: listening on http://\[::1\]:[0-9]+$'
	assert_line --index 3 "rt-serve: listening on unix:$RT_TMP/s"
	for url in $(sed -n 's/.* on \(http.*\)/\1/p' "$RT_TMP/main.out"); do
		fetch -g -d 1 "$url/topics/t"
	done
	fetch --unix-socket "$RT_TMP/s" -d 1 http://localhost/topics/t
	run fetch /topics/t
	assert_json 'map(.seq) == [1, 2, 3, 4]'
}

# The cores that each of its threads may run on, a line each. A sanitizer may have a thread, too.
cores_of_threads() {
	sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' "/proc/$SERVER_PID"/task/*/status
}

@test "--pin binds each loop to a core of its own, among those it may use, and only then" {
	start_server --store memory: --threads 2
	all=$(cores_of_threads | sort -u)
	[ "$(wc -l <<<"$all")" -eq 1 ]
	stop_server
	start_server --store memory: --threads 2 --pin
	run cores_of_threads
	first=${all%%[-,]*}
	assert_line "$first"
	if [ "$(nproc)" -gt 1 ]; then
		[ "$(printf '%s\n' "${lines[@]}" | grep -cx '[0-9]*')" -eq 2 ]
		[ "$(printf '%s\n' "${lines[@]}" | grep -x '[0-9]*' | sort -u | wc -l)" -eq 2 ]
	fi
	stop_server
	# The number of loops is not what a reload would count, from the one core of the first.
	start_server --store memory: -v --pin
	[ "$(cores_of_threads | sort -u | wc -l)" -ge "$(nproc)" ]
	kill -HUP "$SERVER_PID"
	wait_for grep -q reloaded "$RT_TMP/main.err"
	run cat "$RT_TMP/main.err"
	assert_output 'rt-serve: reloaded'
	stop_server
	taskset -pc "$first" "$BASHPID" >/dev/null
	start_server --store memory: --threads 2 --pin
	run -0 cores_of_threads
	[ "$(printf '%s\n' "${lines[@]}" | sort -u)" = "$first" ]
}

@test "--threads is by default one for each core that it may use" {
	first=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*\([0-9]*\).*/\1/p' /proc/self/status)
	taskset -pc "$first" "$BASHPID" >/dev/null
	start_server --store memory: --threads 1
	one=$(cores_of_threads | wc -l)
	stop_server
	start_server --store memory:
	[ "$(cores_of_threads | wc -l)" -eq "$one" ]
}

@test "a unix socket is 0600; a stale one is replaced, a living one is not; the file goes at the end" {
	start_server --store memory: -l "unix:$RT_TMP/s"
	[ "$(stat -c %a "$RT_TMP/s")" = 600 ]
	run rt-serve --store memory: -l "unix:$RT_TMP/s"
	assert_failure 3
	assert_output --partial "$RT_TMP/s"
	run fetch --unix-socket "$RT_TMP/s" http://localhost/healthz
	assert_success
	kill_server
	[ -S "$RT_TMP/s" ]
	restart_server
	run fetch --unix-socket "$RT_TMP/s" http://localhost/healthz
	assert_success
	stop_server
	[ ! -e "$RT_TMP/s" ]
	start_server --store memory: -l "unix:$RT_TMP/s"
	rm "$RT_TMP/s"
	SERVER=next start_server --store memory: -l "unix:$RT_TMP/s"
	use_server main
	stop_server
	run fetch --unix-socket "$RT_TMP/s" http://localhost/healthz
	assert_success	# it is no longer the first one's to remove
	echo precious >"$RT_TMP/file"
	run rt-serve --store memory: -l "unix:$RT_TMP/file"
	assert_failure 3
	[ "$(cat "$RT_TMP/file")" = precious ]
}

@test "an address that cannot be had ends it with 3 and a sentence" {
	start_server --store memory:
	run rt-serve --store memory: -l "127.0.0.1:$SERVER_PORT"
	assert_failure 3
	assert_output --regexp "^rt-serve: .*127\.0\.0\.1:$SERVER_PORT.*[Aa]ddress already in use"
	for bad in 192.0.2.1:1 "unix:$RT_TMP/no/such"; do
		run timeout 5 rt-serve --store memory: -l "$bad"
		assert_failure 3
		assert_output --regexp '^rt-serve: .+'
		[ "${#lines[@]}" -eq 1 ]
	done
}

@test "what is no address at all is wrong usage, which -t finds as well" {
	for bad in 127.0.0.1:65536 127.0.0.1:x unix: '[::1:5' foo; do
		for check in "" -t; do
			run timeout 5 rt-serve $check --store memory: -l "$bad"
			assert_failure 2
			assert_output --regexp '^rt-serve: --listen .+ must be .+'
			[ "${#lines[@]}" -eq 1 ]
		done
		echo "listen $bad" >"$RT_TMP/conf"
		run rt-serve -t -c "$RT_TMP/conf"
		assert_failure 3
		assert_output --regexp "^rt-serve: $RT_TMP/conf:1: listen .+ must be .+"
	done
}

@test "takes sockets that a service manager passes, and only those meant for it" {
	cat >"$RT_TMP/pass.py" <<'END'
import os, socket, sys
fds = []
for i in range(2):
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen()
    print(s.getsockname()[1], file=sys.stderr, flush=True)
    fds.append(s.detach())
for i, fd in enumerate(fds):	# out of the way of 3 and 4 first
    fds[i] = os.dup2(fd, 10 + i)
for i, fd in enumerate(fds):
    os.dup2(fd, 3 + i)
    os.close(fd)
os.environ.update(LISTEN_FDS="2", LISTEN_PID=str(os.getpid() + int(sys.argv[1])))
os.execvp("rt-serve", ["rt-serve", "--store", "memory:", "-l", "127.0.0.1:0"])
END
	bg given "$PYTHON" "$RT_TMP/pass.py" 0
	wait_lines given.out 2
	run cat "$RT_TMP/given.out"
	assert_output "$(sed 's/^/rt-serve: listening on http:\/\/127.0.0.1:/' "$RT_TMP/given.err")"
	for port in $(cat "$RT_TMP/given.err"); do
		run fetch "http://127.0.0.1:$port/readyz"
		assert_json '.status == "ready"'
	done
	bg other "$PYTHON" "$RT_TMP/pass.py" 1
	wait_lines other.out 1
	[ "$(wc -l <"$RT_TMP/other.out")" -eq 1 ]
	run grep -f "$RT_TMP/other.err" "$RT_TMP/other.out"
	assert_failure
}

@test "a second server on the same store refuses to start, and the first goes on" {
	start_server
	run rt-serve --store "$RT_TMP/main.db" -l 127.0.0.1:0
	assert_failure 3
	assert_output --regexp "^rt-serve: .*$RT_TMP/main.db.*another"
	run http_status -d 1 /topics/t
	assert_output 201
	for f in "$RT_TMP"/main.db*; do
		[ "$(stat -c %a "$f")" = 600 ]
	done
}

# --- configuration -------------------------------------------------------------------------------

@test "a configuration file, and the command line on top of it" {
	cat >"$RT_TMP/rt.conf" <<-END
		# where
		listen = 127.0.0.1:0
		listen = unix:$RT_TMP/s
		store  = memory:
		max-event 10	# bytes
		max-topic = 5
	END
	bg main rt-serve -c "$RT_TMP/rt.conf" --max-topic 6
	wait_lines main.out 2
	RT_URL=$(sed -n 's/.* on \(http.*\)/\1/p' "$RT_TMP/main.out")
	run http_status -d 12345678901 /topics/t
	assert_output 413
	run http_status -d 1 /topics/123456
	assert_output 201
	run http_status -d 1 /topics/1234567
	assert_output 400
	run rt-serve -t -c "$RT_TMP/rt.conf"
	assert_success
	assert_output ''
}

@test "-t and the start name file and line of a mistake, and touch nothing" {
	printf 'store = %s/t.db\n\nthreads = many\n' "$RT_TMP" >"$RT_TMP/rt.conf"
	for more in -t ''; do
		run rt-serve $more -c "$RT_TMP/rt.conf"
		assert_failure 3
		assert_output "rt-serve: $RT_TMP/rt.conf:3: threads many must be a number from 1 to 128"
	done
	sed -i '$d' "$RT_TMP/rt.conf"
	run rt-serve -t -c "$RT_TMP/rt.conf"
	assert_success
	assert_output ''
	assert_file_not_exists "$RT_TMP/t.db"
	run rt-serve -t -c "$RT_TMP/nothing.conf"
	assert_failure 3
	assert_output "rt-serve: $RT_TMP/nothing.conf: No such file or directory"
	run rt-serve -t --threads many
	assert_failure 2
	assert_output 'rt-serve: --threads many must be a number from 1 to 128'
	run rt-serve -t operand
	assert_failure 2
	run rt-serve -t --proxy-protocol
	assert_failure 3
	assert_output --partial --trust-proxy
}

# --- access log ----------------------------------------------------------------------------------

log_has() {
	grep -q -- "$1" "$RT_TMP/access"
}

@test "the access log has a line per request: what, status, bytes, time, how it ended" {
	start_server --store memory: --access-log "$RT_TMP/access" --trust-proxy 127.0.0.1 --heartbeat 200ms
	fetch -d '{"n":1}' '/topics/t?key=%22x' >/dev/null
	http_status -d nonsense /topics/t
	fetch -H 'X-Forwarded-For: 203.0.113.9' /topics/t >/dev/null
	printf 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n' >"/dev/tcp/127.0.0.1/$SERVER_PORT"
	wait_for log_has '" 400 .*protocol'
	run cat "$RT_TMP/access"
	time='\[20[0-9-]+T[0-9:.]+Z\]'
	assert_line --index 0 --regexp "^127\.0\.0\.1 - - $time \"POST /topics/t\?key=%22x HTTP/1\.1\" 201 [1-9][0-9]* [0-9]+ms done$"
	assert_line --index 1 --regexp "\"POST /topics/t HTTP/1\.1\" 400 [1-9][0-9]* [0-9]+ms done$"
	assert_line --index 2 --regexp "^203\.0\.113\.9 - - $time \"GET /topics/t HTTP/1\.1\" 200 "
	bg stream curl -sN "$RT_URL/topics/t?as=sse"
	wait_for test -s "$RT_TMP/stream.out"
	bg_kill stream
	wait_for log_has 'as=sse HTTP/1.1" 200 [1-9]'
}

@test "the access log as JSON is JSON, whatever is asked for; SIGHUP opens it anew" {
	start_server --store memory: --access-log "$RT_TMP/access" --access-log-format json
	py <<'END'
		do("GET", '/topics/a"\\b?x=<&>')
		do("POST", "/topics/t", b"1")
		with Conn() as c:
			c.send(b"GET /topics/\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n")
			c.answer()
END
	wait_for log_has '/topics/t'
	assert_json '.time and .client == "127.0.0.1" and .method and .target and .status and .bytes >= 0 and .ms >= 0 and .end' access
	run jq 'select(.target == "/topics/t") | .method == "POST" and .status == 201' "$RT_TMP/access"
	assert_output true
	mv "$RT_TMP/access" "$RT_TMP/access.1"
	before=$(wc -l <"$RT_TMP/access.1")
	kill -HUP "$SERVER_PID"
	wait_for test -e "$RT_TMP/access"
	fetch /healthz
	wait_for log_has healthz
	[ "$(wc -l <"$RT_TMP/access.1")" -eq "$before" ]
}

@test "an access log that cannot be opened ends the start with 3" {
	run rt-serve --store memory: -l 127.0.0.1:0 --access-log "$RT_TMP/no/such/access"
	assert_failure 3
	assert_output "rt-serve: access log $RT_TMP/no/such/access: No such file or directory"
}

# --- standard input ------------------------------------------------------------------------------

@test "--stdin publishes each line: JSON as it is, anything else as text; its end is not the server's" {
	mkfifo "$RT_TMP/in"
	BG_STDIN=$RT_TMP/in
	exec 7<>"$RT_TMP/in"
	start_server --store memory: --stdin host/io --max-event 1000 7>&-
	printf '{"a": 1.0}\nplain text\n\n"str"\n%01001d\n{"cut":' 0 >&7
	read_from_stdin() { fetch /topics/host/io | is_true "$1"; }
	wait_for read_from_stdin 'length == 4'
	run fetch /topics/host/io
	assert_json 'map(.data) == [{"a": 1}, "plain text", "", "str"]'
	exec 7>&-
	wait_for read_from_stdin '.[4].data == "{\"cut\":"'
	run http_status /readyz
	assert_output 200
	run cat "$RT_TMP/main.err"
	assert_output 'rt-serve: stdin: line 5: longer than --max-event'
}

@test "--stdin takes a flood in order, from a file too" {
	lines 50000 >"$RT_TMP/in"
	BG_STDIN=$RT_TMP/in
	start_server --stdin t --sync normal
	fifty_thousand() { [ "$(fetch /topics | jq '.topics[0].seq')" = 50000 ]; }
	wait_for -t 20 fifty_thousand
	run fetch '/topics/t?last=1'
	assert_json '.[0].data.n == 50000 and .[0].seq == 50000'
	run fetch '/topics/t?limit=1000'
	assert_json '[.[].data.n] == [range(1; 1001)]'
}

@test "--trust-proxy unix: believes a proxy on a unix socket, by field and by PROXY header" {
	start_server --store memory: --access-log "$RT_TMP/access" --listen "unix:$RT_TMP/rt.sock" --trust-proxy unix:
	curl -sS --max-time 10 --unix-socket "$RT_TMP/rt.sock" -H 'X-Forwarded-For: 203.0.113.9' http://localhost/topics
	wait_for log_has '^203\.0\.113\.9 .*GET /topics '
	stop_server
	start_server --store memory: --access-log "$RT_TMP/access2" --listen "unix:$RT_TMP/rt.sock" --trust-proxy unix: \
		--proxy-protocol --max-per-address 1
	py "$RT_TMP/rt.sock" <<'END'
		import sys
		def proxied(address):
			c = Conn("unix:" + sys.argv[1])
			c.send(f"PROXY TCP4 {address} 192.0.2.1 5555 80\r\n")
			return c
		with proxied("203.0.113.7") as a, proxied("203.0.113.8") as b:
			assert a.do("GET", "/topics").status == b.do("GET", "/topics").status == 200
			with proxied("203.0.113.7") as c:
				r = c.do("GET", "/topics")
				assert r.status == 503 and "--max-per-address" in r.json["detail"], r
END
	run -0 grep -c '^203\.0\.113\.[78] .*GET /topics ' "$RT_TMP/access2"
}

@test "OPTIONS * says what can be asked at all" {
	start_server --store memory:
	run -0 fetch -i -X OPTIONS --request-target '*' "$RT_URL"
	assert_line --partial "HTTP/1.1 204"
	assert_line --partial "Allow: GET, HEAD, POST, OPTIONS"
}

@test "localhost is 127.0.0.1, where the tools look, though it is ::1 as well" {
	printf '::1 localhost\n127.0.0.1 localhost\n' >"$RT_TMP/hosts"
	with_hosts=(unshare --map-root-user --mount sh -c 'mount --bind "$0" /etc/hosts && exec "$@"' "$RT_TMP/hosts")
	"${with_hosts[@]}" true 2>/dev/null || skip "needs unshare"
	bg main "${with_hosts[@]}" rt-serve --store memory: -l localhost:0
	wait_lines main.out 1
	run -0 cat "$RT_TMP/main.out"
	assert_output --partial "on http://127.0.0.1:"
}

# --- how it sends -----------------------------------------------------------------------------

# Twenty streams get three events; how many of the writes went through the ring?
ring_sends() {
	start_server --store memory: --threads 1 "$@"
	for n in $(seq 20); do
		bg "sub$n" rt-sub -q --since all -n 3 chat
	done
	_all_there() { fetch /stats | is_true '.hub.live == 20'; }
	wait_for _all_there
	publish chat 1 3
	for n in $(seq 20); do
		bg_wait "sub$n"
		assert_seqs "sub$n.out" 1 3
	done
	RING_SENDS=$(fetch /stats | jq .net.ring_sends)
	stop_server
}

@test "--io: many sends in one call where that is allowed, one by one otherwise, the same for all" {
	ring_sends --io epoll
	[ "$RING_SENDS" -eq 0 ]
	ring_sends --io auto
	auto=$RING_SENDS
	run --separate-stderr timeout 5 rt-serve --io uring --store memory: --listen "127.0.0.1:0"
	if [ "$auto" -eq 0 ]; then
		assert_failure 3
		[[ $stderr == *"--io uring: "* ]]
	else
		assert_failure 124	# it ran
		ring_sends --io uring
		[ "$RING_SENDS" -ge 20 ]
	fi
}
