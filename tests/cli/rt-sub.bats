#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2030,SC2031  # set by bats' run; each test is a subshell
# shellcheck disable=SC2016  # commands of -x expand their variables themselves
#
# rt-sub against servers that misbehave as they are told (tests/helpers/scripted_server.py): other
# people's streams, cut connections, half-open ones, slow readers. With rt-serve: rt-sub-serve.bats.

bats_require_minimum_version 1.5.0
load helper

SSE='{"read":true},{"send":"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"}'
RT='{"read":true},{"send":"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nRt-Store: 0123456789abcdef\r\nLast-Event-ID: 100\r\nHeartbeat: 15\r\n\r\n"}'
WS='{"upgrade":true}'
HANG='{"hang":true}'

# Start a server that plays the given lists of steps, one a connection; sets URL and PORT. Several
# go by their names: NAME=other fake ...
fake() {
	local IFS=, name=${NAME:-fake}
	echo "[$*]" >"$RT_TMP/$name.json"
	bg "$name" "$PYTHON" "$RT_ROOT/tests/helpers/scripted_server.py" "$RT_TMP/$name.json"
	wait_lines "$name.out" 1
	PORT=$(cat "$RT_TMP/$name.out")
	URL=http://127.0.0.1:$PORT
}

# rt_event ID SEQ [TOPIC [MEMBERS]]: an SSE event of rt-serve's as a step
rt_event() {
	printf '{"send":"id: %s\\ndata: {\\"id\\":\\"%s\\",\\"topic\\":\\"%s\\",\\"seq\\":%s,\\"time\\":\\"2025-11-24T02:06:40.123Z\\",%s\\"data\\":{\\"n\\":%s}}\\n\\n"}' \
		"$1" "$1" "${3:-t}" "$2" "${4:-}" "$2"
}

# The N-th request that the server saw, as JSON
request() {
	grep '"request"' "$RT_TMP/fake.err" | sed -n "$1p"
}

requests_are() {
	[ "$(grep -c '"request"' "$RT_TMP/fake.err")" -ge "$1" ]
}

sub() {
	run -"${WANT:-0}" --separate-stderr timeout $((20 * RT_SLOW)) rt-sub "$@" </dev/null
}

# --- other people's streams ------------------------------------------------------------------

@test "any SSE stream becomes envelopes" {
	fake "[$SSE,{\"send\":\"\\ufeff: hi\\nevent: tick\\nid: 1\\ndata: {\\\"a\\\": 1}\\n\\ndata: x\\rdata: y\\r\\n\\r\\n\"},$HANG]"
	sub -n 2 "$URL/feed?x=1"
	assert_line -n 0 '{"id":"1","type":"tick","data":{"a": 1}}'
	assert_line -n 1 '{"data":"x\ny"}'
	assert_equal "$(request 1 | jq -r .request)" "GET /feed?x=1 HTTP/1.1"
	assert_equal "$(request 1 | jq -r .headers.accept)" "text/event-stream"
}

@test "a stream split at each byte gives the same" {
	fake "[{\"read\":true},{\"send\":\"HTTP/1.1 200 OK\\r\\nContent-Type: text/event-stream\\r\\n\\r\\nid: 1\\r\\ndata: a\\r\\n\\r\\ndata: b\\n\\n\",\"split\":true},$HANG]"
	sub -n 2 "$URL"
	assert_output $'{"id":"1","data":"a"}\n{"data":"b"}'
}

@test "a stream in a transfer coding that nobody asked for is refused, and one that is only chunked is read" {
	local fields
	local head='{"read":true},{"send":"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n'
	local chunk='\r\n\r\n16\r\nid: 1\ndata: a\n\nid: 2\n\r\n0\r\n\r\n"}'
	fake "[${head}Transfer-Encoding: Chunked$chunk,$HANG]"
	sub -n 1 -r "$URL"
	assert_output a
	for fields in 'gzip, chunked' 'gzip\r\nTransfer-Encoding: chunked' 'chunked, gzip'; do
		bg_kill fake
		fake "[${head}Transfer-Encoding: $fields$chunk,$HANG]"
		WANT=6 sub -n 1 --retry 1 "$URL"
		assert_output ""
		[[ $stderr == *'Transfer-Encoding'* ]]
	done
}

@test "a cut stream is resumed by Last-Event-ID, and the event named is not repeated" {
	fake "[$SSE,{\"send\":\"retry: 10\\nid: 1\\ndata: a\\n\\nid: 2\\ndata: b\\n\\ndata: cut\"}]" \
		"[$SSE,{\"send\":\"id: 2\\ndata: b\\n\\nid: 3\\ndata: c\\n\\n\"},$HANG]"
	sub -r -n 3 "$URL"
	assert_output $'a\nb\nc'
	assert_equal "$(request 1 | jq -r '.headers["last-event-id"]')" null
	assert_equal "$(request 2 | jq -r '.headers["last-event-id"]')" 2
}

@test "a foreign stream that breaks is asked again no sooner than its retry says" {
	fake "[$SSE,{\"send\":\"retry: 1200\\ndata: a\\n\\n\"},{\"reset\":true}]" \
		"[$SSE,{\"send\":\"data: b\\n\\n\"},$HANG]"
	local began
	began=$(_now_ms)
	sub -r -n 2 "$URL"
	assert_output $'a\nb'
	[ $(($(_now_ms) - began)) -ge 1200 ]
}

# moved STATUS LOCATION [FIELD]: the steps of a connection that sends elsewhere and then stays open
moved() {
	printf '[{"read":true},{"send":"HTTP/1.1 %s x\\r\\nLocation: %s\\r\\n%s\\r\\nmoved"},{"hang":true}]' "$1" "$2" "${3:-}"
}

@test "redirects are followed from any status, without their bodies; each connection begins at the URL" {
	fake "$(moved 301 b)" "$(moved 302 '/c?d=1')" "$(moved 303 '?e')" "$(moved 307 'http://127.0.0.1:@PORT@/f')" \
		"$(moved 308 g 'Transfer-Encoding: gzip, chunked\r\n')" \
		"[$SSE,{\"send\":\"retry: 1\\nid: 7\\ndata: a\\n\\n\"}]" \
		"$(moved 302 /h)" "[$SSE,{\"send\":\"data: b\\n\\n\"},$HANG]"
	sub -r -n 2 "$URL/a/x?y=1"
	assert_output $'a\nb'
	run jq -r 'select(.request) | [(.request | split(" ")[1]), .headers["last-event-id"], .headers.accept] | join(" ")' \
		"$RT_TMP/fake.err"
	assert_output "/a/x?y=1  text/event-stream
/a/b  text/event-stream
/c?d=1  text/event-stream
/c?e  text/event-stream
/f  text/event-stream
/g  text/event-stream
/a/x?y=1 7 text/event-stream
/h 7 text/event-stream"
}

@test "redirects without end are an error, and so are those to other protocols: status 6" {
	fake "$(moved 302 /)"
	WANT=6 sub "$URL"
	[ "$stderr" = "rt-sub: HTTP 302: not followed after 20 redirects: it has moved to /" ]
	assert_equal "$(grep -c '"request"' "$RT_TMP/fake.err")" 21
	bg_kill fake
	fake "$(moved 308 ws://127.0.0.1:@PORT@/)"
	WANT=6 sub "$URL"
	[[ $stderr == *"not followed to what is no http or https URL: it has moved to ws://"* ]]
	bg_kill fake
	fake '[{"read":true},{"send":"HTTP/1.1 302 x\r\nContent-Length: 0\r\n\r\n"}]'
	WANT=4 sub "$URL"
	[ "$stderr" = "rt-sub: HTTP 302" ]
}

@test "a redirect to another origin takes neither token nor -H along, nor does one back from there" {
	local here seen='select(.request) | [.headers.authorization, .headers["x-secret"], .headers.accept] | join(" ")'
	NAME=other fake "[$SSE,{\"send\":\"data: a\\n\\n\"},$HANG]"
	fake "$(moved 302 http://127.0.0.1:@PORT@/b)" "$(moved 302 http://localhost:@PORT@/c)" \
		"$(moved 302 /d)" "$(moved 302 http://127.0.0.1:@PORT@/e)" "[$SSE,{\"send\":\"data: b\\n\\n\"},$HANG]" \
		"$(moved 302 "$URL")"
	here=$URL
	echo secret >"$RT_TMP/token"
	sub -r -n 1 --token-file "$RT_TMP/token" -H 'X-Secret: 1' "$here"
	assert_output b
	sub -r -n 1 --token-file "$RT_TMP/token" -H 'X-Secret: 1' "$here"
	assert_output a
	run jq -r "$seen" "$RT_TMP/fake.err"
	assert_output "Bearer secret 1 text/event-stream
Bearer secret 1 text/event-stream
  text/event-stream
  text/event-stream
  text/event-stream
Bearer secret 1 text/event-stream"
	run jq -r "$seen" "$RT_TMP/other.err"
	assert_output "  text/event-stream"
}

@test "redirects are followed by NDJSON and polls of a URL, not by topics or WebSocket handshakes" {
	fake "$(moved 302 /b)" '[{"read":true},{"send":"HTTP/1.1 200 OK\r\n\r\n{\"a\":1}\n"},{"hang":true}]'
	sub -n 1 --transport ndjson "$URL"
	assert_output '{"data":{"a":1}}'
	bg_kill fake
	fake "$(moved 302 /b)" '[{"read":true},{"send":"HTTP/1.1 200 OK\r\nRt-Store: 0123456789abcdef\r\nContent-Length: 0\r\n\r\n"}]'
	sub -e "$URL"
	assert_equal "$(request 2 | jq -r .request)" "GET /b HTTP/1.1"
	bg_kill fake
	fake '[{"read":true},{"send":"HTTP/1.1 302 x\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n"}]'
	WANT=4 sub -s "$URL" topic
	[ "$stderr" = "rt-sub: HTTP 302: it has moved to $URL/b" ]
	WANT=4 sub --transport ws "$URL"
	[[ $stderr == *"HTTP 302: it has moved to"*"/b" ]]
}

@test "204 ends the stream, status 0" {
	fake "[$SSE,{\"send\":\"retry: 1\\ndata: a\\n\\n\"}]" \
		'[{"read":true},{"send":"HTTP/1.1 204 No Content\r\n\r\n"}]'
	sub -r "$URL"
	assert_output a
}

@test "--retry 0: a stream that ends in good order is all there is" {
	fake "[$SSE,{\"send\":\"data: a\\n\\n\"}]"
	sub -r --retry 0 "$URL"
	assert_output a
}

@test "errors: refused, wrong type, unreachable, usage" {
	fake '[{"read":true},{"send":"HTTP/1.1 403 x\r\nContent-Length: 19\r\n\r\n{\"detail\":\"go away\"}"}]'
	WANT=4 sub "$URL"
	[[ $stderr == *"go away"* ]]
	bg_kill fake
	fake '[{"read":true},{"send":"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi"}]'
	WANT=6 sub "$URL"
	[[ $stderr == *"no event stream"* ]]
	bg_kill fake
	WANT=5 sub --retry 1 "$URL"
	[[ $stderr == *"giving up"* ]]
	WANT=2 sub
	WANT=2 sub 'a//b'
	WANT=2 sub "$URL" topic
	WANT=2 sub 'http://[::1'
	WANT=2 sub -s 'http://a b' topic
	WANT=3 sub -s https://127.0.0.1:1 --cacert "$RT_TMP/none.pem" topic
	[ "$stderr" = "rt-sub: --cacert $RT_TMP/none.pem: No such file or directory" ]
	WANT=2 sub -F %q topic
	WANT=2 sub -P 2 topic
	WANT=2 sub --since now --last 3 topic
	WANT=2 sub -e ws://127.0.0.1:1/
}

@test "503 with Retry-After is tried again" {
	fake '[{"read":true},{"send":"HTTP/1.1 503 x\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n"}]' \
		"[$SSE,{\"send\":\"data: a\\n\\n\"},$HANG]"
	sub -r -n 1 "$URL"
	assert_output a
}

@test "an event over --max-event ends it, status 6" {
	fake "[$SSE,{\"send\":\"data: ok\\n\\ndata: \"},{\"repeat\":3000,\"send\":\"x\"},{\"send\":\"\\n\\n\"},$HANG]"
	WANT=6 sub -r --max-event 2K "$URL"
	assert_output ok
	[[ $stderr == *"--max-event"* ]]
}

# --- WebSocket -------------------------------------------------------------------------------

@test "any WebSocket becomes envelopes; pings are answered, the close is said" {
	fake "[$WS,{\"frame\":\"{\\\"a\\\":1}\"},{\"frame\":\"now\",\"op\":9},{\"expect\":10},{\"frame\":\"te\",\"fin\":false},{\"frame\":\"xt\",\"op\":0,\"split\":true},{\"hex\":\"ff00\",\"op\":2},{\"expect\":8}]"
	sub -n 3 "ws://127.0.0.1:$PORT/x"
	assert_output $'{"data":{"a":1}}\n{"data":"text"}\n{"data_base64":"/wA="}'
	wait_for grep -q '"op": 8' "$RT_TMP/fake.err"
	grep -q '"op": 10, "masked": true, "data": "now"' "$RT_TMP/fake.err"
}

@test "a WebSocket goes through an HTTP proxy by CONNECT" {
	fake '[{"read":true},{"send":"HTTP/1.1 200 OK\r\n\r\n"},{"upgrade":true},{"frame":"7"},{"hang":true}]'
	http_proxy=$URL sub -n 1 ws://far.example:81/a
	assert_output '{"data":7}'
	assert_equal "$(request 1 | jq -r .request)" "CONNECT far.example:81 HTTP/1.1"
	assert_equal "$(request 2 | jq -r .request)" "GET /a HTTP/1.1"
}

@test "a WebSocket that breaks is opened again; a wrong accept is an error" {
	fake "[$WS,{\"frame\":\"1\"},{\"reset\":true}]" "[$WS,{\"frame\":\"2\"},$HANG]"
	sub -r -n 2 "ws://127.0.0.1:$PORT/"
	assert_output $'1\n2'
	bg_kill fake
	fake '[{"upgrade":true,"accept":"wrong"}]'
	WANT=6 sub "ws://127.0.0.1:$PORT/"
}

@test "rt over WebSocket resumes by the last id, or by the cursor of a later ping" {
	local head='{"upgrade":true,"head":"Rt-Store: 0123456789abcdef\r\nLast-Event-ID: 5\r\n"}'
	local ev='{\"id\":\"8\",\"topic\":\"t\",\"seq\":1,\"time\":\"x\",\"data\":1}'
	fake "[$head,{\"reset\":true}]" "[$head,{\"frame\":\"$ev\"},{\"reset\":true}]" \
		"[$head,{\"frame\":\"9\",\"op\":9},{\"expect\":10},{\"reset\":true}]" \
		"[$head,{\"frame\":\"$ev\"},{\"frame\":\"${ev/\\\"seq\\\":1/\\\"seq\\\":2}\"},$HANG]"
	sub --transport ws -s "$URL" -n 2 -F %s t
	assert_output $'1\n2'
	[[ $(request 1) == *"/topics/t?as=ws HTTP"* ]]
	[[ $(request 2) == *"/topics/t?as=ws&last_event_id=5 HTTP"* ]]
	[[ $(request 3) == *"/topics/t?as=ws&since=8 HTTP"* ]]
	[[ $(request 4) == *"/topics/t?as=ws&last_event_id=9 HTTP"* ]]
	[[ $(request 4) == *'"rt-store": "0123456789abcdef"'* ]]
}

# --- resuming from rt-serve ------------------------------------------------------------------

@test "a connection that dies before its first event resumes from where it began" {
	fake "[$RT,{\"send\":\"id: 100\\n\\n\"},{\"reset\":true}]" "[$RT,$(rt_event 101 1),$HANG]"
	sub -s "$URL" -n 1 t
	assert_equal "$(request 2 | jq -r '.headers["last-event-id"]')" 100
	assert_equal "$(request 2 | jq -r '.headers["rt-store"]')" 0123456789abcdef
}

@test "id-only frames move the cursor, also of the state file" {
	fake "[$RT,$(rt_event 101 1),{\"send\":\"id: 150\\n\\n\"},$HANG]"
	bg sub rt-sub -s "$URL" -S "$RT_TMP/state" t
	wait_for grep -q '"150"' "$RT_TMP/state"
	bg_kill sub
	assert_equal "$BG_STATUS" 143
	assert_json '.cursor == "150" and .store == "0123456789abcdef"' state
	bg sub rt-sub -s "$URL" -S "$RT_TMP/state" t
	wait_for requests_are 2
	bg_kill sub HUP
	assert_equal "$BG_STATUS" 129
	assert_equal "$(request 2 | jq -r '.headers["last-event-id"]')" 150
}

@test "what comes twice is printed once; a hole is reported, with --strict it is status 8" {
	local steps
	steps="$RT,$(rt_event 101 1),$(rt_event 101 1),$(rt_event 102 2),$(rt_event 105 5),$HANG"
	fake "[$steps]"
	sub -s "$URL" -F %s -n 3 t
	assert_output $'1\n2\n5'
	[[ $stderr == *'2 events before seq 5'* ]]
	WANT=8 sub -s "$URL" -F %s --strict t
	assert_output $'1\n2'
	sub -s "$URL" -F %s -n 3 --every 100 t
	[ -z "$stderr" ]
}

@test "gaps: a line among envelopes, a message with -r; --strict ends with 8 and keeps the cursor" {
	local gap='{"send":"data: {\"gap\":{\"topic\":\"t\",\"after\":\"101\",\"until\":\"104\",\"reason\":\"retention\"}}\n\n"}'
	fake "[$RT,$(rt_event 101 1),$gap,$(rt_event 105 5),$HANG]"
	sub -s "$URL" -n 2 t
	assert_line -n 1 '{"gap":{"topic":"t","after":"101","until":"104","reason":"retention"}}'
	[ -z "$stderr" ]
	sub -s "$URL" -n 2 -F %s t
	assert_output $'1\n5'
	[[ $stderr == *retention* ]]
	WANT=8 sub -s "$URL" --strict -S "$RT_TMP/state" t
	assert_json '.cursor == "101"' state
}

@test "silence for two heartbeats is a dead connection" {
	fake "[${RT/Heartbeat: 15/Heartbeat: 0.3},$(rt_event 101 1),$HANG]" "[$RT,$(rt_event 102 2),$HANG]"
	sub -s "$URL" -n 2 -F %s t
	assert_output $'1\n2'
	[[ $stderr == *heartbeats* ]]
	assert_equal "$(request 2 | jq -r '.headers["last-event-id"]')" 101
}

@test "silence for two heartbeats is a dead WebSocket, too" {
	local head='{"upgrade":true,"head":"Rt-Store: 0123456789abcdef\r\nLast-Event-ID: 100\r\nHeartbeat: 0.4\r\n"}'
	local ev='{\"id\":\"101\",\"topic\":\"t\",\"seq\":1,\"time\":\"x\",\"data\":1}'
	local ping='{"sleep":0.3},{"frame":"100","op":9}'
	fake "[$head,$ping,$ping,$ping,$ping,{\"frame\":\"$ev\"},$HANG]" \
		"[$head,{\"frame\":\"${ev//1/2}\"},$HANG]"
	sub --transport ws -s "$URL" -n 2 -F %s t
	assert_output $'1\n2'
	[[ $stderr == *heartbeats* ]]
	[[ $(request 2) == *"&since=101 HTTP"* ]]
}

@test "a WebSocket message that comes slowly is a sign of life" {
	local head='{"upgrade":true,"head":"Heartbeat: 0.3\r\n"}' part='{"sleep":0.2},{"hex":"78"}'
	fake "[$head,{\"hex\":\"8106\"},$part,$part,$part,$part,$part,$part,$HANG]"
	sub -r -n 1 "ws://127.0.0.1:$PORT/"
	assert_output xxxxxx
	[ -z "$stderr" ]
}

@test "a refused WebSocket is judged as any answer: Retry-After, detail" {
	fake '[{"read":true},{"send":"HTTP/1.1 503 x\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"}]' \
		"[$WS,{\"frame\":\"1\"},$HANG]"
	local start=$EPOCHREALTIME
	sub -r -n 1 "ws://127.0.0.1:$PORT/"
	assert_output 1
	[ $((${EPOCHREALTIME/./} - ${start/./})) -ge 1000000 ]
	bg_kill fake
	fake '[{"read":true},{"send":"HTTP/1.1 403 x\r\nContent-Length: 20\r\n\r\n{\"detail\":\"go away\"}"}]'
	WANT=4 sub "ws://127.0.0.1:$PORT/"
	[[ $stderr == *"HTTP 403 Forbidden: go away"* ]]
	bg_kill fake
	fake '[{"read":true},{"send":"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}]'
	WANT=6 sub "ws://127.0.0.1:$PORT/"
}

@test "auto: a stream that does not begin is given up for long polling, said once" {
	local poll='{"read":true},{"send":"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nContent-Length: 76\r\nRt-Store: 0123456789abcdef\r\nLast-Event-ID: 100\r\n'
	local e='\"topic\":\"t\",\"time\":\"2025-11-24T02:06:40.1Z\"'
	fake "[{\"read\":true},$HANG]" \
		"[$poll"'ETag: \"101\"\r\n\r\n{\"id\":\"101\",'"$e"',\"seq\":1,\"data\":123}\n"},'"$poll"'ETag: \"102\"\r\n\r\n{\"id\":\"102\",'"$e"',\"seq\":2,\"data\":345}\n"},'"$HANG]"
	sub -s "$URL" --buffer-timeout 300ms -r -n 2 t
	assert_output $'123\n345'
	assert_equal "$(grep -c "long polling" <<<"$stderr")" 1
	# What was published meanwhile is asked for by its age, and then by the cursor.
	[[ $(request 2) =~ since=3[0-9][0-9]ms|since=[4-9][0-9][0-9]ms|since=[0-9]{4}ms ]]
	assert_equal "$(request 3 | jq -r '.headers["last-event-id"]')" 101
}

@test "auto: a foreign stream may be silent for as long as it likes" {
	fake "[$SSE,{\"sleep\":0.6},{\"send\":\"data: a\\n\\n\"},$HANG]"
	sub --buffer-timeout 200ms -r -n 1 "$URL"
	assert_output a
}

# --- when it ends ----------------------------------------------------------------------------

@test "--until TYPE, -w, -W, --require" {
	fake "[$RT,$(rt_event 101 1),$(rt_event 102 2 t '\"type\":\"end\",'),$(rt_event 103 3),$HANG]"
	sub -s "$URL" -F %s --until end t
	assert_output $'1\n2'
	[[ $(request 1) == *"until=end"* ]]
	WANT=124 sub -s "$URL" -F %s -w 0.3 t
	assert_output $'1\n2\n3'
	WANT=124 sub -s "$URL" -F %s -W 300ms t
	assert_output $'1\n2\n3'
	bg_kill fake
	fake "[$RT,$HANG]"
	WANT=1 sub -s "$URL" -W 200ms --require t
}

@test "a closed stdout ends it at once and quietly, also when nothing more comes" {
	fake "[$RT,$(rt_event 101 1),$HANG]"
	run -0 --separate-stderr bash -c "timeout 10 rt-sub -s $URL t | head -n 1"
	assert_line -n 0 --partial '"seq":1'
	[ -z "$stderr" ]
}

@test "what cannot be written is status 10, also at the end, and the cursor stays before it" {
	fake "[$RT,$(rt_event 101 1),$HANG]"
	for more in "" "-n 1" "--until t"; do
		run -10 --separate-stderr bash -c "timeout 10 rt-sub -s $URL -S $RT_TMP/state $more t >/dev/full"
		[ "$stderr" = "rt-sub: stdout: No space left on device" ]
	done
	mkfifo "$RT_TMP/gone"
	exec 7<>"$RT_TMP/gone" 8>"$RT_TMP/gone" 7>&-	# no reader is left
	run -141 --separate-stderr timeout 10 bash -c "exec rt-sub -s $URL -S $RT_TMP/state -n 1 t >&8"
	exec 8>&-
	[ -z "$stderr" ]
	run ! grep 101 "$RT_TMP/state"
}

@test "stdin is never read" {
	fake "[$RT,$(rt_event 101 1),$HANG]"
	run -0 bash -c "printf 'one\ntwo\n' | { rt-sub -s $URL -n 1 t >/dev/null; cat; }"
	assert_output $'one\ntwo'
}

@test "a reader that stops costs no more memory, and loses nothing" {
	local n=200000
	fake "[$RT,{\"repeat\":$n,\"send\":\"id: 1\\ndata: {\\\"id\\\":\\\"1\\\",\\\"topic\\\":\\\"t\\\",\\\"seq\\\":%d,\\\"time\\\":\\\"2025-11-24T02:06:40.123Z\\\",\\\"data\\\":\\\"0123456789012345678901234567890123456789\\\"}\\n\\n\"},$HANG]"
	mkfifo "$RT_TMP/fifo"
	rt-sub -s "$URL" -n $n -F %s t >"$RT_TMP/fifo" 2>"$RT_TMP/sub.err" 3>&- 4>&- &
	BG_PIDS[slow]=$!
	exec 7<"$RT_TMP/fifo"
	# It has filled the pipe and sleeps, without having read on.
	wait_for _blocked "${BG_PIDS[slow]}"
	[ "$(awk '/VmRSS/ {print $2}' "/proc/${BG_PIDS[slow]}/status")" -lt $((60000 * RT_SLOW)) ]
	cat <&7 >"$RT_TMP/slow.out"
	exec 7<&-
	bg_wait slow
	assert_equal "$BG_STATUS" 0
	cmp <(seq $n) "$RT_TMP/slow.out"
}

# It has written what fits into the pipe (descriptor 7), and uses no time on a processor.
_blocked() {
	local before
	"$PYTHON" -c 'import array, fcntl, sys, termios
n = array.array("i", [0])
fcntl.ioctl(7, termios.FIONREAD, n)
sys.exit(n[0] < 4096)' || return 1
	read -r before _ <"/proc/$1/schedstat"
	sleep 0.3
	[ "$before" = "$(cut -d ' ' -f 1 "/proc/$1/schedstat")" ]
}

# How often it got a processor; while it is blocked only the timer wakes it that looks for silence.
_runs() {
	cut -d ' ' -f 3 "/proc/$1/schedstat"
}

_woke() {
	[ "$(_runs "$1")" -ge "$2" ]
}

@test "a silent server is not blamed while stdout is blocked" {
	fake "[${RT/Heartbeat: 15/Heartbeat: 0.2},{\"repeat\":20000,\"send\":\"id: 1\\ndata: {\\\"id\\\":\\\"1\\\",\\\"topic\\\":\\\"t\\\",\\\"seq\\\":%d,\\\"time\\\":\\\"x\\\",\\\"data\\\":1}\\n\\n\"},$HANG]"
	mkfifo "$RT_TMP/fifo"
	rt-sub -s "$URL" -n 20000 t >"$RT_TMP/fifo" 2>"$RT_TMP/sub.err" 3>&- 4>&- &
	BG_PIDS[slow]=$!
	exec 7<"$RT_TMP/fifo"
	wait_for _blocked "${BG_PIDS[slow]}"
	wait_for _woke "${BG_PIDS[slow]}" $(($(_runs "${BG_PIDS[slow]}") + 2))
	[ "$(wc -l <&7)" -eq 20000 ]
	exec 7<&-
	bg_wait slow
	requests_are 1 && ! requests_are 2
}

@test "the flags of a shared stdout stay as they were" {
	fake "[$RT,$(rt_event 101 1),$HANG]"
	run -0 bash -c "{ rt-sub -s $URL -n 1 t; grep flags /proc/self/fdinfo/1 >&2; } 2>&1 | cat"
	refute_output --regexp 'flags:.*4...$'
}

@test "SIGTERM flushes, saves the cursor, and ends by the signal" {
	fake "[$RT,$(rt_event 101 1),$(rt_event 102 2),$HANG]"
	bg sub rt-sub -s "$URL" -S "$RT_TMP/state" -F %s t
	wait_lines sub.out 2
	bg_kill sub TERM
	assert_equal "$BG_STATUS" 143
	assert_json '.cursor == "102"' state
}

@test "the state is bound to its question, and locked" {
	fake "[$RT,$(rt_event 101 1),$HANG]"
	bg sub rt-sub -s "$URL" -S "$RT_TMP/state" t
	wait_for test -s "$RT_TMP/state"
	WANT=3 sub -s "$URL" -S "$RT_TMP/state" t
	bg_kill sub
	WANT=3 sub -s "$URL" -S "$RT_TMP/state" other
}

@test "the state holds no password, and the question is the same without it" {
	fake "[$RT,$(rt_event 101 1),$HANG]"
	sub -s "http://me:secret@127.0.0.1:$PORT" -S "$RT_TMP/state" -n 1 t
	run ! grep secret "$RT_TMP/state"
	sub -s "$URL" -S "$RT_TMP/state" -n 1 t
	WANT=3 sub -s "$URL" --unix-socket "$RT_TMP/socket" -S "$RT_TMP/state" -n 1 t
}

# --- how it prints ---------------------------------------------------------------------------

@test "-r, -F, -0" {
	local ev='\"type\":\"k\",\"key\":\"x\\ny\",'
	fake "[$RT,$(rt_event 101 1 a/b "$ev"),$(rt_event 102 2 a/b),$HANG]"
	sub -s "$URL" -n 2 -r a/b
	assert_output $'{"n":1}\n{"n":2}'
	sub -s "$URL" -n 1 -F '%t|%i|%e|%k|%I|%p|%%|%l' a/b
	assert_output $'a/b|101|k|x\ny|2025-11-24T02:06:40.123Z|{"n":1}|%|7'
	run -0 bash -c "rt-sub -s $URL -n 2 -r -0 a/b | tr '\\0' '#'"
	assert_output '{"n":1}#{"n":2}#'
}

@test "control characters are escaped on a terminal, and exact in a pipe" {
	fake "[$SSE,{\"send\":\"data: \\u001b]0;x\\u0007\\u202e\\n\\n\"},$HANG]"
	sub -n 1 -r "$URL"
	assert_output $'\e]0;x\a\u202e'
	run -0 script -qec "rt-sub -n 1 -r $URL" /dev/null
	assert_output --partial '\x1b]0;x\x07\u202e'
	refute_output --partial $'\e]0'
}

# --- -x --------------------------------------------------------------------------------------

@test "-x: stdin, environment, order" {
	fake "[$RT,$(rt_event 101 1 a/b '\"type\":\"ty\",\"key\":\"k k\",\"from\":\"me\",'),$(rt_event 102 2 a/b),$HANG]"
	sub -s "$URL" -n 2 -x 'printf "%s " "$RT_TOPIC" "$RT_ID" "$RT_SEQ" "${RT_TYPE-none}" "${RT_KEY-none}" "$RT_TIME" "${RT_FROM-none}"; cat' a/b
	assert_line -n 0 --regexp '^a/b 101 1 ty k k 2025-11-24T02:06:40.123Z me \{"id":"101".*\}$'
	assert_line -n 1 --regexp '^a/b 102 2 none none 2025-11-24T02:06:40.123Z none \{"id":"102".*\}$'
	sub -s "$URL" -n 1 -r -x cat a/b
	assert_output '{"n":1}'
}

@test "-x: a failure is status 11, and the cursor stays before it" {
	fake "[$RT,$(rt_event 101 1),$(rt_event 102 2),$(rt_event 103 3),$HANG]"
	WANT=11 sub -s "$URL" -S "$RT_TMP/state" -x 'test $RT_SEQ != 2' t
	[[ $stderr == *"event 102"* ]]
	assert_json '.cursor == "101"' state
	WANT=11 sub -s "$URL" -n 3 --keep-going -S "$RT_TMP/going" -x 'test $RT_SEQ != 2' t
	assert_json '.cursor == "103"' going
}

@test "-x -P: several at once; the cursor waits for the slowest" {
	fake "[$RT,$(rt_event 101 1),$(rt_event 102 2),$(rt_event 103 3),$HANG]"
	export GO=$RT_TMP/go
	bg sub rt-sub -s "$URL" -S "$RT_TMP/state" -P 3 -x 'echo $RT_SEQ; [ $RT_SEQ != 1 ] || while [ ! -e "$GO" ]; do sleep 0.02; done' t
	wait_lines sub.out 3
	run ! grep -q '"10[123]"' "$RT_TMP/state"
	touch "$GO"
	wait_for grep -q '"103"' "$RT_TMP/state"
}

@test "-x: commands do not inherit the connection, nor an ignored SIGPIPE" {
	fake "[$RT,$(rt_event 101 1),$HANG]"
	sub -s "$URL" -n 1 -x 'ls -l /proc/self/fd | grep -c socket; yes | head -n 1' t
	assert_output $'0\ny'
}
