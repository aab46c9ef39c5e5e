#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Server-Sent Events, with curl and with Node's EventSource.

bats_require_minimum_version 1.5.0
load helper
load ../helpers/raw_http

# stream NAME PATH [CURL-ARGS...]: read a stream in the background, its head in NAME.head
stream() {
	local name=$1 path=$2
	shift 2
	bg "$name" curl -sSN --max-time 60 -D "$RT_TMP/$name.head" -H 'Accept: text/event-stream' "$@" "$RT_URL$path"
	wait_for grep -q '^' "$RT_TMP/$name.out"
}

header() {
	sed -n "s/^$1: \(.*\)\r$/\1/Ip" "$RT_TMP/$2"
}

# data NAME: the payloads of data: lines
data() {
	sed -n 's/^data: //p' "$RT_TMP/$1.out"
}

has_data() {
	[ "$(data "$1" | wc -l)" -ge "$2" ]
}

streams() {
	[ "$(fetch /connections | jq '[.connections[] | select(.transport == "sse")] | length')" = "$1" ]
}

@test "sse: the head stops whoever buffers, and names where it begins" {
	start_server
	put t 1
	stream s /topics/t
	head=$RT_TMP/s.head
	[[ $(head -n 1 "$head") == "HTTP/1.1 200 OK"* ]]
	[ "$(header Content-Type s.head)" = text/event-stream ]
	[ "$(header Cache-Control s.head)" = "no-store, no-transform" ]
	[ "$(header Incremental s.head)" = "?1" ]
	[ "$(header X-Accel-Buffering s.head)" = no ]
	[ "$(header Heartbeat s.head)" = 15 ]
	[ "$(header Transfer-Encoding s.head)" = chunked ]
	[[ $(header Vary s.head) == "Accept, Prefer"* ]]
	[[ $(header Rt-Store s.head) =~ ^[0-9a-f]{16}$ ]]
	cursor=$(header Last-Event-ID s.head)
	[ "$cursor" = "$(fetch /topics/t | jq -r '.[0].id')" ]
	wait_lines s.out 3
	[[ $(sed -n 1p "$RT_TMP/s.out") =~ ^retry:\ [0-9]+$ ]]
	[ "$(sed -n 2p "$RT_TMP/s.out")" = "id: $cursor" ]
	[ "$(sed -n 3p "$RT_TMP/s.out")" = "" ]
}

@test "sse: id is the cursor, data the envelope, byte for byte what a poll gives" {
	start_server
	stream s '/events?topic=a&topic=b/**'
	put a '{"text" : "h\u00e9llo",  "n":1.50}'
	put b/c '"x"' 'type=note&key=k'
	put z 0
	put a '[1,
		2]'
	wait_for has_data s 3
	fetch '/events?topic=a&topic=b/**' | jq -c '.[]' >/dev/null
	fetch -H 'Accept: application/x-ndjson' '/events?topic=a&topic=b/**' >"$RT_TMP/poll"
	diff "$RT_TMP/poll" <(data s)
	diff <(jq -r .id "$RT_TMP/poll") <(sed -n '3,$s/^id: //p' "$RT_TMP/s.out")
	grep -q '"data":{"text" : "h\\u00e9llo",  "n":1.50}}' <(data s)
}

@test "sse: heartbeats move the cursor of a quiet subscription" {
	start_server --heartbeat 1
	stream s /topics/quiet
	[ "$(header Heartbeat s.head)" = 1 ]
	first=$(header Last-Event-ID s.head)
	put other 1
	newest=$(fetch /topics/other | jq -r '.[0].id')
	wait_for grep -q "^id: $newest$" "$RT_TMP/s.out"
	[ "$first" != "$newest" ]
	[ "$(data s)" = "" ]
	# with it the client resumes without a gap, and misses nothing
	put quiet '{"n":1}'
	stream again /topics/quiet -H "Last-Event-ID: $newest"
	wait_for has_data again 1
	[ "$(data again | jq .data.n)" = 1 ]
}

@test "sse: format=data sends the payload, the type as event" {
	start_server
	stream s '/topics/t?format=data'
	put t '{"n":1}' type=news
	put t '{"n":2}'
	put t '{"n":3}' type=error
	put t '{"n":4}' type=open
	put t '{"n":5}' 'type=typing&store=no'
	wait_for has_data s 5
	sed -n '4,$p' "$RT_TMP/s.out" | grep -v '^id: ' >"$RT_TMP/got"
	diff "$RT_TMP/got" - <<-'END'
		event: news
		data: {"n":1}

		data: {"n":2}

		data: {"n":3}

		data: {"n":4}

		event: typing
		data: {"n":5}

	END
	# the ephemeral one has no id
	[ "$(grep -B 2 '^data: {"n":5}' "$RT_TMP/s.out" | head -n 1)" = "" ]
}

@test "sse: a gap is announced, as an event of its own with format=data" {
	start_server
	put t 1
	stream s '/topics/t?since=9007199254740000'
	wait_for has_data s 1
	[ "$(data s | jq -r '.gap.reason + " " + .gap.topic')" = "ahead t" ]
	! grep -q '^event:' "$RT_TMP/s.out" || fail "an event name"
	stream d '/topics/t?since=5&format=data' -H 'Rt-Store: 0123456789abcdef'
	wait_for has_data d 1
	grep -q '^event: gap$' "$RT_TMP/d.out"
	[ "$(data d | jq -r .gap.reason)" = store ]
	# and it goes on live
	put t 2
	wait_for has_data s 2
	wait_for has_data d 2
	[ "$(data d | tail -n 1)" = 2 ]
}

@test "sse: an HTTP/1.0 client gets it without framing" {
	start_server
	put t 1
	bg old curl -sSN0 --raw --max-time 30 -D "$RT_TMP/old.head" "$RT_URL/topics/t?as=sse&since=all"
	wait_for has_data old 1
	[ "$(header Transfer-Encoding old.head)" = "" ]
	diff <(tr -d '\r' <"$RT_TMP/old.out" | sed '1d;2d') - <<-END

		id: $(fetch /topics/t | jq -r '.[0].id')
		data: $(fetch /topics/t | jq -c '.[0]')

	END
}

@test "sse: until ends the stream after an event of that type, and 204 keeps it from coming back" {
	start_server
	stream s '/topics/answer?until=done&format=data'
	put answer '"a"' type=token
	put answer '"b"' type=done
	put answer '"c"' type=token
	bg_wait s
	[ "$BG_STATUS" = 0 ]
	[ "$(data s)" = $'"a"\n"b"' ]
	mapfile -t ids < <(fetch /topics/answer | jq -r '.[].id')
	[ "$(http_status -H 'Accept: text/event-stream' -H "Last-Event-ID: ${ids[1]}" '/topics/answer?until=done')" = 204 ]
	# after it, however far
	[ "$(http_status -H 'Accept: text/event-stream' -H "Last-Event-ID: ${ids[2]}" '/topics/answer?until=done')" = 204 ]
	publish answer 1 2000
	last=$(fetch '/topics/answer?last=1' | jq -r '.[0].id')
	[ "$(http_status -H 'Accept: text/event-stream' -H "Last-Event-ID: $last" '/topics/answer?until=done')" = 204 ]
	# before it: the rest, and the end
	stream r '/topics/answer?until=done&format=data' -H "Last-Event-ID: ${ids[0]}"
	bg_wait r
	[ "$(data r)" = '"b"' ]
	# without until it is any other place
	stream u '/topics/answer?format=data' -H "Last-Event-ID: ${ids[1]}"
	wait_for has_data u 2001
	[ "$(data u | head -n 1)" = '"c"' ]
}

@test "sse: every= keeps the newest of each key" {
	start_server
	stream s '/topics/t?every=1s'
	for k in 1 2 3; do
		put t "{\"n\":$k}" key=a
		put t "{\"n\":$((k + 10))}" key=b
	done
	wait_for grep -q '"n":13' "$RT_TMP/s.out"
	[ "$(data s | wc -l)" -lt 6 ]
	[ "$(data s | jq .data.n | tail -n 2 | paste -sd ' ')" = "3 13" ]
	diff <(data s | jq -r .id) <(data s | jq -r .id | sort -n)
}

@test "sse: batch= loses nothing" {
	start_server
	stream s '/topics/t?batch=200ms'
	publish t 1 100
	wait_for has_data s 100
	data s >"$RT_TMP/events"
	assert_ns events 1 100
}

@test "sse: latest begins with the newest of each key, then goes on live" {
	start_server
	put t '{"n":1}' key=a
	put t '{"n":2}' key=b
	put t '{"n":3}' key=a
	stream s '/topics/t?latest'
	wait_for has_data s 2
	put t '{"n":4}' key=c
	wait_for has_data s 3
	[ "$(data s | jq .data.n | paste -sd ' ')" = "2 3 4" ]
}

@test "sse: Node's EventSource gets everything across a restart of the server" {
	start_server --retry 100ms
	cat >"$RT_TMP/client.js" <<-'END'
		const EventSource = require('eventsource');
		const source = new EventSource(process.argv[2] + '/topics/t?since=all');
		source.onmessage = e => {
			const envelope = JSON.parse(e.data);
			if (e.lastEventId !== envelope.id) throw new Error('id ' + e.lastEventId);
			console.log(e.data);
			if (envelope.data.n === 200) process.exit(0);
		};
	END
	publish t 1 50
	bg node node "$RT_TMP/client.js" "$RT_URL"
	wait_lines node.out 50
	publish t 51 100
	stop_server
	[ "$SERVER_STATUS" = 143 ]	# by the signal, after all was done
	restart_server
	publish t 101 150
	wait_lines node.out 150 20
	kill_server
	restart_server
	publish t 151 200
	bg_wait node 20
	assert_seqs node.out 1 200
}

@test "sse: Node's EventSource stops at 204" {
	start_server --retry 100ms
	put t '"only"' type=done
	cat >"$RT_TMP/client.js" <<-'END'
		const EventSource = require('eventsource');
		const source = new EventSource(process.argv[2] + '/topics/t?since=all&until=done');
		let errors = 0;
		source.onmessage = e => console.log(e.data);
		source.onerror = e => {
			if (source.readyState === EventSource.CLOSED) process.exit(0);
			if (++errors > 20) process.exit(1);
		};
	END
	bg node node "$RT_TMP/client.js" "$RT_URL"
	bg_wait node 20
	[ "$BG_STATUS" = 0 ]
	[ "$(wc -l <"$RT_TMP/node.out")" = 1 ]
}

@test "sse: --max-stream ends streams, with a time to come back" {
	start_server --max-stream 1s
	stream s /topics/t
	bg_wait s
	[ "$BG_STATUS" = 0 ]
	[ "$(grep -c '^retry: [0-9]*$' "$RT_TMP/s.out")" = 2 ]
	wait_for streams 0
}

@test "sse: a draining server ends streams kindly" {
	start_server
	for k in 1 2 3 4; do stream "s$k" /topics/t; done
	put t '{"n":1}'
	stop_server
	[ "$SERVER_STATUS" = 143 ]	# by the signal, after all was done
	for k in 1 2 3 4; do
		bg_wait "s$k"
		[ "$BG_STATUS" = 0 ]
		[ "$(data "s$k" | jq .data.n)" = 1 ]
		[ "$(grep -c '^retry: [0-9]*$' "$RT_TMP/s$k.out")" = 2 ]
	done
	# not all at the same time
	[ "$(sed -n 's/^retry: //p' "$RT_TMP"/s?.out | sort -u | wc -l)" -gt 2 ]
}

@test "sse: while draining, a browser's EventSource is told to come back, others get 503" {
	start_server --drain 5s
	stream hold /topics/t
	cat >"$RT_TMP/ask.py" <<-'END'
		import http.client, os, signal, sys, time
		# connections that are open already may still ask
		port, server = int(sys.argv[1]), int(sys.argv[2])
		waiting = [http.client.HTTPConnection("127.0.0.1", port, timeout=10) for _ in range(2)]
		for c in waiting:
		    c.request("GET", "/healthz")
		    c.getresponse().read()
		os.kill(server, signal.SIGTERM)
		deadline = time.monotonic() + 5
		while time.monotonic() < deadline:
		    fresh = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
		    fresh.request("GET", "/readyz")
		    if fresh.getresponse().status == 503:
		        break
		browser = {"Accept": "text/event-stream", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}
		for c, fields in zip(waiting, (browser, {"Accept": "text/event-stream"})):
		    c.request("GET", "/topics/t", headers=fields)
		    r = c.getresponse()
		    print(r.status, r.headers.get("Content-Type"), r.headers.get("Retry-After"), r.read())
	END
	run -0 "$PYTHON" "$RT_TMP/ask.py" "$SERVER_PORT" "$SERVER_PID"
	[[ ${lines[0]} =~ ^200\ text/event-stream\ None\ b\'retry:\ [0-9]+ ]]
	[[ ${lines[1]} =~ ^503\ application/problem\+json\ [0-9]+ ]]
}

@test "sse: clients that leave are forgotten, with the next heartbeat at the latest" {
	start_server --heartbeat 1
	for k in 1 2 3; do stream "s$k" /topics/t; done
	wait_for streams 3
	for k in 1 2 3; do bg_kill "s$k" KILL; done
	wait_for streams 0
}

@test "sse: /connections tells topics, lag and bytes" {
	start_server
	stream s '/events?topic=a'
	run -0 fetch /connections
	assert_json '.connections[] | select(.transport == "sse") |
		.topics == ["a"] and .state == "live" and .lag == 0 and .bytes_out > 100'
}

# rt-test: alone
@test "sse: who stops reading for three heartbeats costs bounded memory and later gets everything" {
	start_server --store memory: --heartbeat "$RT_SLOW"
	run -0 flood many "$SERVER_PID" 4 20000 sse
	# the events themselves are in memory, once
	assert_json ".complete and .there == 4 and .grown < $((40 * RT_SHADOW))"
}

@test "sse: --slow close ends who does not read" {
	start_server --heartbeat 1 --slow close --store memory:
	bg slow "$PYTHON" -c '
import os, socket, sys, time
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
s.connect(("127.0.0.1", int(sys.argv[1])))
s.sendall(b"GET /topics/t?as=sse HTTP/1.0\r\n\r\n")
time.sleep(60)
' "$SERVER_PORT"
	wait_for streams 1
	head -c 900000 /dev/zero | tr '\0' x | sed 's/.*/"&"/' >"$RT_TMP/large"
	for k in 1 2 3 4 5 6 7 8; do fetch -o /dev/null --fail -d "@$RT_TMP/large" /topics/t; done
	wait_for streams 0
}

@test "who shuts down his sending side keeps his stream; who closed is gone at the next heartbeat" {
	start_server --store memory: --heartbeat 1s
	py <<'END'
		import socket
		def listed():
			return len(do("GET", "/connections").json["connections"])

		for kind in ("text/event-stream", "application/x-ndjson"):
			with Conn() as c:
				c.ask("GET", "/topics/t?follow", fields={"Accept": kind})
				assert c.head().status == 200
				c.s.shutdown(socket.SHUT_WR)
				for n in (b"1", b"2"):
					assert do("POST", "/topics/t", b'"after the end %s"' % n).status == 201
					c.until(b"after the end " + n)
				assert listed() == 1
			assert wait_for(lambda: listed() == 0)
END
}
