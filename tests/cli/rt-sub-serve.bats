#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2016  # set by bats' run; an inner shell expands its own
#
# rt-sub with rt-serve: every transport, resuming across every kind of interruption.

bats_require_minimum_version 1.5.0
load helper

TRANSPORTS="sse ws ndjson longpoll poll"

# through MODE PORT ARG...: tests/helpers/proxy.py in front of the server; sets PROXY_URL
through() {
	bg proxy "$PYTHON" "$RT_ROOT/tests/helpers/proxy.py" "$@"
	wait_lines proxy.out 1
	PROXY_URL=http://127.0.0.1:$(cat "$RT_TMP/proxy.out")
}

# Which connection of this many bytes a stream can survive: the head, and a few events.
CUT=1500

@test "all transports print the same bytes" {
	start_server
	publish a/x 1 300
	publish b 1 300 '"s":"\u00e4\u2028"'
	for t in $TRANSPORTS; do
		rt-sub --transport "$t" --since all -n 600 'a/*' b >"$RT_TMP/$t.out"
	done
	assert_same sse.out ws.out ndjson.out longpoll.out poll.out
	assert_equal "$(wc -l <"$RT_TMP/sse.out")" 600
}

@test "live events come on all transports, without any from before" {
	start_server
	publish chat 1 3
	for t in $TRANSPORTS; do
		bg "$t" rt-sub --transport "$t" --poll-interval 100ms -n 3 -S "$RT_TMP/$t.state" chat
	done
	for t in $TRANSPORTS; do
		wait_for test -s "$RT_TMP/$t.state"
	done
	publish chat 4 6
	for t in $TRANSPORTS; do
		bg_wait "$t"
		assert_seqs "$t.out" 4 6
	done
}

@test "-e stops at the end, also of nothing; --last, --latest, --since" {
	start_server
	run -0 --separate-stderr rt-sub -e empty
	assert_output ""
	publish chat 1 2500
	rt-sub -e chat >"$RT_TMP/all.out"
	assert_seqs all.out 1 2500
	rt-sub -e --last 5 chat >"$RT_TMP/last.out"
	assert_seqs last.out 2496 2500
	rt-sub --last 5 -n 5 chat >"$RT_TMP/last.out"
	assert_seqs last.out 2496 2500
	rt-sub -e --since "$(ids all.out | sed -n 2490p)" '**' >"$RT_TMP/since.out"
	assert_seqs since.out 2491 2500
	rt-sub -e --since 1h chat >"$RT_TMP/since.out"
	assert_seqs since.out 1 2500
	run -0 --separate-stderr rt-sub --latest -n 1 -F %s chat
	assert_output 2500
	[ -z "$stderr" ]
	run -4 --separate-stderr rt-sub --since yesterday chat
	[[ $stderr == *"since="* ]]
}

@test "the state carries on across runs and transports" {
	start_server
	publish chat 1 10
	rt-sub --since all -S "$RT_TMP/state" -n 3 chat >"$RT_TMP/out"
	for t in ws longpoll ndjson poll sse ws; do
		rt-sub --transport "$t" -S "$RT_TMP/state" -n 1 chat >>"$RT_TMP/out"
	done
	rt-sub -e -S "$RT_TMP/state" chat >>"$RT_TMP/out"
	assert_seqs out 1 10
	publish chat 11 12
	rt-sub -e -S "$RT_TMP/state" chat >>"$RT_TMP/out"
	assert_seqs out 1 12
}

@test "a server killed and started again is resumed, on all transports" {
	start_server
	for t in $TRANSPORTS; do
		bg "$t" rt-sub --transport "$t" --poll-interval 100ms -n 40 --since all a 'b/*'
	done
	publish a 1 10
	publish b/x 1 10
	for t in $TRANSPORTS; do
		wait_lines "$t.out" 20
	done
	kill_server
	restart_server
	publish a 11 20
	publish b/x 11 20
	for t in $TRANSPORTS; do
		bg_wait "$t" 20
	done
	assert_same sse.out ws.out ndjson.out longpoll.out poll.out
	jq -c 'select(.topic == "a")' "$RT_TMP/sse.out" >"$RT_TMP/a.out"
	assert_seqs a.out 1 20
}

@test "a memory store that starts anew is a gap, and then events" {
	start_server --store memory:
	publish chat 1 3
	bg sub rt-sub --since all -n 5 chat
	wait_lines sub.out 3
	kill_server
	restart_server
	publish chat 1 2
	bg_wait sub
	assert_equal "$BG_STATUS" 0
	grep -q '^{"gap":' "$RT_TMP/sub.out"
}

@test "who comes back to a memory store after its first events gets them, on all transports" {
	start_server --store memory:
	publish chat 1 3
	for t in $TRANSPORTS; do
		bg "$t" rt-sub --transport "$t" --poll-interval 100ms --since all -n 5 -S "$RT_TMP/$t.state" chat
	done
	for t in $TRANSPORTS; do
		wait_lines "$t.out" 3
		kill -STOP "$(bg_pid "$t")"
	done
	kill_server
	restart_server
	publish chat 4 5
	for t in $TRANSPORTS; do
		kill -CONT "$(bg_pid "$t")"
		bg_wait "$t"
		assert_equal "$BG_STATUS" 0
		assert_ns "$t.out" 1 5
		assert_equal "$(grep -c '"reason":"restart"' "$RT_TMP/$t.out")" 1
		assert_equal "$(sed -n 4p "$RT_TMP/$t.out" | cut -c 1-7)" '{"gap":'
	done
}

@test "connections cut after a few bytes, again and again, lose and repeat nothing" {
	start_server
	publish chat 1 60
	through cut "$SERVER_PORT" $CUT
	for t in sse ws ndjson longpoll; do
		timeout $((60 * RT_SLOW)) rt-sub -s "$PROXY_URL" -q --transport "$t" --since all -n 60 chat >"$RT_TMP/$t.out"
		assert_seqs "$t.out" 1 60
	done
	assert_same sse.out ws.out ndjson.out longpoll.out
}

@test "a proxy that buffers: long polling, from where the subscriber began to wait" {
	local topic
	start_server
	for mode in "" --head; do
		# one of its own: the server may not know yet that the subscriber before is gone
		topic=chat/buffered$mode
		publish "$topic" 1 3
		# shellcheck disable=SC2086  # no argument if empty
		through hold "$SERVER_PORT" $mode
		bg "sub$mode" rt-sub -s "$PROXY_URL" --buffer-timeout 1s -n 3 "$topic"
		wait_for _asked "$topic"
		publish "$topic" 4 6
		bg_wait "sub$mode" 15
		assert_equal "$(jq -r .data.n "$RT_TMP/sub$mode.out" | xargs)" "4 5 6"
		assert_equal "$(grep -c 'long polling' "$RT_TMP/sub$mode.err")" 1
		bg_kill proxy
	done
}

_asked() {
	fetch /connections | is_true 'any(.connections[].topics[]; . == $topic)' --arg topic "$1"
}

@test "killed under load and run again with -S, it may repeat, and never skips" {
	local round=0
	start_server
	bg sub rt-sub --since all -S "$RT_TMP/state" chat
	bg pub bash -c 'for i in {1..3000}; do
		echo "{\"n\":$i}"
		[ $((i % 10)) -ne 0 ] || sleep 0.01
	done | rt-pub chat'
	: >"$RT_TMP/all"
	while ! _gone "${BG_PIDS[pub]}"; do
		wait_for _some_or_all
		bg_kill sub KILL
		# What the kill cut off is no line.
		sed '/}$/!d' "$RT_TMP/sub.out" >>"$RT_TMP/all"
		bg sub rt-sub --since all -S "$RT_TMP/state" chat
		round=$((round + 1))
	done
	bg_wait pub
	bg_kill sub
	cat "$RT_TMP/sub.out" >>"$RT_TMP/all"
	rt-sub -e -S "$RT_TMP/state" chat >>"$RT_TMP/all"
	[ "$round" -ge 3 ]
	jq .seq "$RT_TMP/all" | sort -nu >"$RT_TMP/seen"
	cmp "$RT_TMP/seen" <(seq 3000)
}

_some_or_all() {
	_has_lines "$RT_TMP/sub.out" 100 || _gone "${BG_PIDS[pub]}"
}

@test "a URL of rt-serve's is as good as its topics" {
	start_server
	publish chat 1 5
	rt-sub -n 5 "$RT_URL/topics/chat?since=all" >"$RT_TMP/url.out"
	assert_seqs url.out 1 5
	rt-sub -n 3 "ws://127.0.0.1:$SERVER_PORT/topics/chat?last=3" >"$RT_TMP/url.out"
	assert_seqs url.out 3 5
	rt-sub -e "$RT_URL/events?topic=chat" >"$RT_TMP/url.out"
	assert_seqs url.out 1 5
}

@test "bytes, text, ephemeral events, and what can be published again" {
	start_server
	bg sub rt-sub -n 3 -S "$RT_TMP/state" chat
	wait_for test -s "$RT_TMP/state"
	printf '\0\377' | rt-pub -b chat
	rt-pub -m 'a "b"' chat
	rt-pub --ephemeral chat <<<'{"typing":true}'
	bg_wait sub
	assert_equal "$(jq -c '[.seq, .data, .data_base64]' "$RT_TMP/sub.out" | xargs -d '\n')" \
		'[1,null,"AP8="] [2,"a \"b\"",null] [null,{"typing":true},null]'
}
