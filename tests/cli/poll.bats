#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Polls and long polls with curl.

bats_require_minimum_version 1.5.0
load helper

# header NAME FILE: value of a field of an answer that curl -D wrote
header() {
	sed -n "s/^$1: \(.*\)\r$/\1/Ip" "$RT_TMP/$2"
}

# next FILE: URL of the next page
next() {
	header Link "$1" | sed -n 's/^<\(.*\)>; rel="next"$/\1/p'
}

# waiting N: so many long polls hang
waiting() {
	[ "$(fetch /connections | jq '[.connections[] | select(.transport == "longpoll")] | length')" = "$1" ]
}

@test "poll: a JSON array of envelopes, and where to go on" {
	start_server
	put chat/lobby '{"n":1}'
	put chat/lobby '{"n":2}'
	run -0 fetch -D "$RT_TMP/head" /topics/chat/lobby
	assert_json 'map(.data.n) == [1, 2] and map(.seq) == [1, 2] and all(.topic == "chat/lobby")'
	last=$(jq -r '.[-1].id' <<<"$output")
	[ "$(header ETag head)" = "\"$last\"" ]
	[ "$(next head)" = "/topics/chat/lobby?since=$last" ]
	[ "$(header Content-Type head)" = application/json ]
	[ "$(header Cache-Control head)" = no-cache ]
	[[ $(header Vary head) == "Accept, Prefer"* ]]
	[[ $(header Rt-Store head) =~ ^[0-9a-f]{16}$ ]]
	[ -n "$(header Last-Event-ID head)" ]
	run -0 fetch "$(next head)"
	[ "$output" = "[]" ]
}

@test "poll: a topic nobody knows is empty, and one's own publish is never missed" {
	start_server
	run -0 fetch -D "$RT_TMP/head" /topics/nothing/here
	[ "$output" = "[]" ]
	for k in 1 2 3 4 5; do	# not i: bats' run changes it
		put nothing/here "{\"n\":$k}"
		run -0 fetch -D "$RT_TMP/head" "$(next head)"
		assert_json "map(.data.n) == [$k]"
	done
}

@test "poll: limit= and the next pages bring everything once" {
	start_server
	lines 25 | fetch -o /dev/null -H 'Content-Type: application/x-ndjson' --data-binary @- '/topics/a%2Fb'
	url='/events?topic=a/**&topic=b&limit=10'
	: >"$RT_TMP/all"
	for pages in 1 2 3 4; do
		fetch -D "$RT_TMP/head" "$url" | jq -c '.[]' >>"$RT_TMP/all"
		url=$(next head)
	done
	[[ $url == '/events?topic=a%2F%2A%2A&topic=b&limit=10&since='* ]]
	assert_ns all 1 25
}

@test "poll: NDJSON on request, and format=data" {
	start_server
	put t '{"n":1}' 'type=x&key=k'
	put t '"two"'
	fetch -D "$RT_TMP/head" -H 'Accept: application/x-ndjson' /topics/t >"$RT_TMP/out"
	[ "$(header Content-Type head)" = application/x-ndjson ]
	[ "$(wc -l <"$RT_TMP/out")" = 2 ]
	[ "$(jq -c '[.type, .key, .data]' "$RT_TMP/out" | head -n 1)" = '["x","k",{"n":1}]' ]
	run -0 fetch '/topics/t?format=data'
	[ "$output" = $'[{"n":1},\n"two"]' ]
	run -0 fetch -H 'Accept: application/x-ndjson' '/topics/t?format=data'
	[ "$output" = $'{"n":1}\n"two"' ]
	run -0 fetch -H 'Accept: application/x-ndjson' '/topics/empty'
	[ "$output" = "" ]
}

@test "poll: bytes are data_base64, and stay what they were" {
	start_server
	printf '\377\000\376' | fetch -o /dev/null -H 'Content-Type: application/octet-stream' --data-binary @- /topics/b
	run -0 fetch /topics/b
	assert_json '.[0].data_base64 == "/wD+" and (.[0] | has("data") | not)'
	run -0 fetch '/topics/b?format=data'
	[ "$output" = '["/wD+"]' ]
}

@test "poll: If-None-Match decides between 200 and 304, since is the position" {
	start_server
	put t 1
	fetch -D "$RT_TMP/head" /topics/t >"$RT_TMP/out"
	tag=$(header ETag head)
	[ "$(http_status -H "If-None-Match: $tag" /topics/t)" = 304 ]
	[ "$(http_status -H "If-None-Match: \"1\", W/$tag" /topics/t)" = 304 ]
	[ "$(http_status -H 'If-None-Match: "1"' /topics/t)" = 200 ]
	# what goes on elsewhere changes nothing here
	put other 1
	[ "$(http_status -H "If-None-Match: $tag" /topics/t)" = 304 ]
	[ "$(http_status -H "If-None-Match: $tag" "$(next head)")" = 304 ]
	run -0 fetch -D "$RT_TMP/head304" -H "If-None-Match: $tag" "$(next head)"
	[ "$output" = "" ]
	[ "$(header ETag head304)" = "$tag" ]
	[ -n "$(header Last-Event-ID head304)" ]
	[ -n "$(header Rt-Store head304)" ]
	put t 2
	run -0 fetch -H "If-None-Match: $tag" /topics/t
	assert_json 'map(.data) == [1, 2]'
	run -0 fetch -H "If-None-Match: $tag" "$(next head)"
	assert_json 'map(.data) == [2]'
}

@test "poll: HEAD is the head of GET" {
	start_server
	put t 1
	fetch -D "$RT_TMP/get" /topics/t >/dev/null
	run -0 fetch -I /topics/t
	diff <(grep '^[^D].*:' "$RT_TMP/get") <(grep '^[^D].*:' <<<"$output")
	# it waits for nothing
	run -0 fetch -I --max-time 5 '/topics/empty?wait=30'
	[[ $output == *"200 OK"* ]]
}

@test "poll: where it begins" {
	start_server
	for i in 1 2 3 4 5; do put t "{\"n\":$i}"; done
	fetch /topics/t | jq -c '.[]' >"$RT_TMP/all"
	third=$(sed -n 3p "$RT_TMP/all")
	id=$(jq -r .id <<<"$third")
	time=$(jq -r .time <<<"$third")
	run -0 fetch "/topics/t?since=$id"
	assert_json 'map(.data.n) == [4, 5]'
	run -0 fetch "/topics/t?since=$time"
	assert_json 'map(.data.n) | index(3) != null and index(5) != null'
	for zone in UTC Asia/Kolkata; do	# its "+" is a space in a query
		run -0 fetch "/topics/t?since=$(TZ=$zone date --iso-8601=ns -d "$time" | tr , .)"
		assert_json 'map(.data.n) | index(3) != null and index(5) != null'
	done
	run -0 fetch '/topics/t?since=1h'
	assert_json 'length == 5'
	run -0 fetch '/topics/t?since=now'
	assert_json 'length == 0'
	run -0 fetch '/topics/t?last=2'
	assert_json 'map(.data.n) == [4, 5]'
	run -0 fetch -H "Last-Event-ID: $id" '/topics/t?since=all&last=1'
	assert_json 'map(.data.n) == [4, 5]'
	run -0 fetch "/topics/t?last_event_id=$id"
	assert_json 'map(.data.n) == [4, 5]'
}

@test "poll: latest is the newest event of each topic and key" {
	start_server
	put a '{"n":1}' key=x
	put a '{"n":2}' key=y
	put a '{"n":3}' key=x
	put b '{"n":4}'
	put b '{"n":5}'
	run -0 fetch '/events?topic=a&topic=b&latest'
	assert_json 'map(.data.n) == [2, 3, 5]'
}

@test "poll: gaps don't count against limit=, so that every page goes on" {
	start_server --retain '**:count=2'
	since=$(fetch -d '{"n":0}' /topics/a | jq -r .id)
	publish a 1 5
	publish b 6 9
	url="/events?topic=a&topic=b&limit=1&since=$since"
	for pages in 1 2 3 4 5; do
		fetch -D "$RT_TMP/head" "$url" >"$RT_TMP/page"
		jq -c '.[]' "$RT_TMP/page" >>"$RT_TMP/all"
		url=$(next head)
	done
	[ "$(cat "$RT_TMP/page")" = "[]" ]
	[ "$(ns all | tr '\n' ' ')" = "4 5 8 9 " ]
	[ "$(jq -r 'select(.gap).gap.reason' "$RT_TMP/all" | sort -u)" = retention ]
}

@test "poll: latest of more keys than --max-latest is refused, not cut short" {
	start_server --max-latest 2
	put a 1 key=x
	put a 2 key=y
	run -0 fetch '/topics/a?latest'
	assert_json 'map(.data) == [1, 2]'
	put a 3 key=z
	run -0 fetch '/topics/a?latest'
	assert_json '.status == 413 and (.detail | contains("--max-latest"))'
	[ "$(http_status '/topics/a?latest&follow')" = 413 ]
	[ "$(http_status '/topics/a?latest&wait=1')" = 413 ]
}

@test "poll: --max-topic and --max-subscriptions hold for topic=, too" {
	start_server --max-topic 5 --max-subscriptions 600
	run -0 fetch '/events?topic=abcdef'
	assert_json '.status == 400 and (.detail | contains("long"))'
	many=$(seq -s '&topic=' 600)
	[ "$(http_status "/events?topic=$many")" = 200 ]
	run -0 fetch "/events?topic=$many&topic=601"
	assert_json '.status == 400 and (.detail | contains("--max-subscriptions"))'
	run -0 fetch "/events?topic=t$(printf '&x%.0s' {1..1024})"
	assert_json '.status == 400 and (.detail | contains("over 1024 parameters"))'
}

@test "poll: mistakes are answered with what would be right" {
	start_server
	while read -r query hint; do
		run -0 fetch -D "$RT_TMP/head" "/topics/t?$query"
		[[ $(head -n 1 "$RT_TMP/head") == *" 400 "* ]] || fail "$query: $(head -n 1 "$RT_TMP/head")"
		[ "$(header Content-Type head)" = application/problem+json ]
		assert_json ".status == 400 and (.detail | contains(\"$hint\"))"
	done <<-'END'
		since=yesterday since= is
		since=no-1 since=all
		limit=0 limit= is
		wait=soon wait= is
		as=pigeon poll, sse
		last=many last= is
		format=xml format= is
		topic=a//b level
		as=sse&every=7 unit
		as=ws handshake
	END
	run -0 fetch -H 'Last-Event-ID: nonsense' /topics/t
	assert_json '.status == 400 and (.detail | contains("since=all"))'
	run -0 fetch /events
	assert_json '.status == 400 and (.detail | contains("topic="))'
}

@test "poll: a cursor of another store, and one from the future, get a gap" {
	start_server
	put t 1
	run -0 fetch -H 'Rt-Store: 0123456789abcdef' '/topics/t?since=5'
	assert_json 'length == 1 and .[0].gap.reason == "store" and .[0].gap.topic == "t"'
	run -0 fetch -D "$RT_TMP/head" '/topics/t?since=9007199254740000'
	assert_json 'length == 1 and .[0].gap.reason == "ahead"'
	# and then it goes on from now
	put t 2
	run -0 fetch "$(next head)"
	assert_json 'map(.data) == [2]'
	run -0 fetch -H "Rt-Store: $(header Rt-Store head)" '/topics/t?since=5'
	assert_json 'all(.gap.reason? != "store") and map(.data // empty) == [1, 2]'
}

@test "poll: a cursor from before a restart of a memory store, with its identity: all since" {
	start_server --store memory:
	put t 1
	run -0 fetch -H 'Rt-Store: 0123456789abcdef' '/topics/t?since=1763950000000000'
	assert_json 'length == 2 and .[0].gap.reason == "restart" and .[1].data == 1'
	run -0 fetch -H 'Rt-Store: 0123456789abcdef' "/topics/t?since=$(jq -r '.[1].id' <<<"$output")"
	assert_json 'length == 1 and .[0].gap.reason == "store"'
}

@test "long poll: answers once there is an event" {
	start_server
	put t 1
	bg poll fetch -D "$RT_TMP/head" '/topics/t?wait=30'
	wait_for waiting 1
	put other 1
	put t '{"n":2}'
	bg_wait poll
	assert_json 'map(.data.n) == [2]' poll.out
	[ "$(next head)" = "/topics/t?wait=30&since=$(jq -r '.[0].id' "$RT_TMP/poll.out")" ]
	# what is there already is not waited for
	put t '{"n":3}'
	run -0 fetch --max-time 5 "$(next head)"
	assert_json 'map(.data.n) == [3]'
}

@test "long poll: a burst is one answer" {
	start_server
	bg poll fetch '/topics/t?wait=30'
	wait_for waiting 1
	lines 50 | fetch -o /dev/null -H 'Content-Type: application/x-ndjson' --data-binary @- /topics/t
	bg_wait poll
	assert_json 'map(.data.n) == [range(1; 51)]' poll.out
}

@test "long poll: when time is up, an empty list, or 304 if asked conditionally" {
	start_server
	put t 1
	tag=$(fetch -I /topics/t | sed -n 's/^ETag: \(.*\)\r$/\1/p')
	run -0 fetch -D "$RT_TMP/head" -H 'Prefer: wait=1' "/topics/t?since=${tag//\"/}"
	[ "$output" = "[]" ]
	[ "$(header Preference-Applied head)" = wait=1 ]
	[ "$(http_status -H 'Prefer: wait=1' -H "If-None-Match: $tag" "/topics/t?since=${tag//\"/}")" = 304 ]
	start=$(_now_ms)
	run -0 fetch '/topics/t?wait=500ms'
	[ "$output" = "[]" ]
	[ $(($(_now_ms) - start)) -ge 450 ]
}

@test "long poll: the wait is capped" {
	start_server --max-wait 1s
	start=$(_now_ms)
	run -0 fetch -D "$RT_TMP/head" -H 'Prefer: wait=600' '/topics/t'
	[ "$output" = "[]" ]
	[ $(($(_now_ms) - start)) -lt $((8000 * RT_SLOW)) ]
	[ "$(header Preference-Applied head)" = wait=1 ]
}

@test "long poll: an ephemeral event reaches whoever waits, and is not kept" {
	start_server
	bg poll fetch -D "$RT_TMP/head" '/topics/t?wait=30'
	wait_for waiting 1
	put t '{"typing":true}' store=no
	bg_wait poll
	assert_json 'length == 1 and .[0].data.typing and (.[0] | has("id") | not)' poll.out
	run -0 fetch "/topics/t"
	[ "$output" = "[]" ]
}

@test "long poll: the end of the client's side ends the wait" {
	start_server
	# nc keeps reading after it has shut down its side
	printf 'GET /topics/t?wait=30 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n' >"$RT_TMP/request"
	BG_STDIN=$RT_TMP/request bg eof "$PYTHON" -c '
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
s.sendall(sys.stdin.buffer.read())
s.shutdown(socket.SHUT_WR)
while True:
    piece = s.recv(4096)
    if not piece:
        break
    sys.stdout.buffer.write(piece)
' "$SERVER_PORT"
	bg_wait eof 8
	[ "$BG_STATUS" = 0 ]
	wait_for waiting 0
}

@test "long poll: a client that is gone leaves nothing behind" {
	start_server
	for i in 1 2 3; do bg "poll$i" curl -sS "$RT_URL/topics/t?wait=30"; done
	wait_for waiting 3
	for i in 1 2 3; do bg_kill "poll$i" KILL; done
	wait_for waiting 0
	put t 1
}

@test "long poll: a draining server answers at once" {
	start_server
	bg poll fetch -D "$RT_TMP/head" '/topics/t?wait=30'
	wait_for waiting 1
	stop_server
	bg_wait poll
	[ "$BG_STATUS" = 0 ]
	[ "$(cat "$RT_TMP/poll.out")" = "[]" ]
}

@test "long poll: /connections tells what hangs, and on which topics" {
	start_server
	bg poll fetch '/events?topic=a&topic=b/**&wait=30'
	wait_for waiting 1
	run -0 fetch /connections
	assert_json '.connections[] | select(.transport == "longpoll") |
		(.topics | sort) == ["a", "b/**"] and .lag == 0 and .state == "live"'
}
