#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Promises 3 and 4 with rt-sub and rt-pub, while connections are cut at random or fall silent, and
# the server and the clients are killed. One fault at a time: cli/rt-sub-serve.bats, cli/rt-pub.bats.

bats_require_minimum_version 1.5.0
load ../cli/helper

TRANSPORTS="sse ws ndjson longpoll poll"

# through NAME MODE ARG...: a proxy of tests/helpers/proxy.py in front of the server; sets PROXY
through() {
	local name=$1 mode=$2
	shift 2
	bg "$name" "$PYTHON" "$RT_ROOT/tests/helpers/proxy.py" "$mode" "$SERVER_PORT" "$@"
	wait_lines "$name.out" 1
	PROXY=http://127.0.0.1:$(cat "$RT_TMP/$name.out")
}

# feed N: numbers 1 ... N, in bursts over a while
feed() {
	local i
	for ((i = 1; i <= $1; i++)); do
		echo "{\"n\":$i}"
		[ $((i % 25)) -ne 0 ] || sleep 0.02
	done
}

# subscribe COUNT [OPTION...]: one rt-sub on each transport, through the proxy, all from the start
subscribe() {
	local count=$1
	shift
	for t in $TRANSPORTS; do
		bg "$t" rt-sub -q -s "$PROXY" --transport "$t" --poll-interval 100ms --since all \
			-n "$count" "$@" chat
	done
}

# complete COUNT: each of them has 1 ... COUNT
complete() {
	for t in $TRANSPORTS; do
		bg_wait "$t" 60
		assert_equal "$BG_STATUS" 0
		assert_ns "$t.out" 1 "$1"
	done
	assert_same sse.out ws.out ndjson.out longpoll.out poll.out
}

@test "connections cut at random and a server killed three times: rt-pub and rt-sub lose and double nothing" {
	start_server --heartbeat 1s --retry 100ms
	through cut random 2000 60000
	subscribe 2500
	bg pub bash -c "$(declare -f feed); feed 2500 | rt-pub -q -s '$PROXY' chat"
	for n in 500 1000 1500; do
		wait_lines ndjson.out "$n" 30
		kill_server
		restart_server
	done
	bg_wait pub 40
	assert_equal "$BG_STATUS" 0
	complete 2500
	assert_seqs sse.out 1 2500
	[ "$(grep -c cut "$RT_TMP/cut.err")" -ge 10 ]
}

# To libcurl, what ends within a head is a whole answer without a body.
@test "an answer cut within its head is no answer: rt-pub, rt-poll and rt-sub ask again" {
	local n=0
	start_server
	for bytes in 10 17 40 100; do
		through "pub$bytes" first "$bytes"
		n=$((n + 1))
		echo "{\"n\":$n}" | rt-pub -q -s "$PROXY" chat
	done
	for bytes in 17 40 100; do
		through "once$bytes" first "$bytes"
		rt-poll -q -s "$PROXY" -S "$RT_TMP/state$bytes" chat >"$RT_TMP/poll.out"
		assert_seqs poll.out 1 4
		for t in sse ws ndjson longpoll poll; do
			through "$t$bytes" first "$bytes"
			rt-sub -q -s "$PROXY" --transport "$t" --since all -n 4 chat >"$RT_TMP/sub.out"
			assert_seqs sub.out 1 4
		done
	done
	through page first 40
	rt-poll -q -S "$RT_TMP/page.state" "$PROXY/topics/chat" >"$RT_TMP/page.out"
	assert_json '.data | map(.seq) == [1, 2, 3, 4]' page.out
}

# The long poll takes its time: what it waits for, and then some.
@test "half-open connections: whoever hears nothing comes back, and misses nothing" {
	start_server --heartbeat 1s --retry 100ms
	through quiet silent "$RT_TMP/now"
	subscribe 40
	mkfifo "$RT_TMP/lines"
	BG_STDIN=$RT_TMP/lines bg pub rt-pub -q -s "$PROXY" --timeout 2 chat
	exec 7>"$RT_TMP/lines"
	lines 20 >&7
	for t in $TRANSPORTS; do
		wait_lines "$t.out" 20
	done
	touch "$RT_TMP/now"
	wait_lines quiet.err 5
	lines 40 21 >&7
	exec 7>&-
	bg_wait pub 30
	assert_equal "$BG_STATUS" 0
	complete 40
	assert_seqs ws.out 1 40
}

# --- rt-sub killed, run again with -S: may repeat what it had written, never skip ---------------

# run_again TRANSPORT: begin again from the state, keep what the killed one had written
run_again() {
	[ ! -e "$RT_TMP/$1.out" ] || sed '/}$/!d' "$RT_TMP/$1.out" >>"$RT_TMP/$1.all"
	bg "$1" rt-sub -q --transport "$1" --poll-interval 50ms --since all -S "$RT_TMP/$1.state" chat
}

_some_or_all() {
	[ -s "$RT_TMP/$1.out" ] || _gone "${BG_PIDS[pub]}"
}

_has_newest() {
	tail -n 1 "$RT_TMP/$1.out" | grep -q "\"n\":$2}}\$"
}

@test "rt-sub killed under load, run again with -S, on every transport: may repeat, never skips" {
	local round=0
	start_server
	for t in $TRANSPORTS; do
		run_again "$t"
	done
	bg pub bash -c "$(declare -f feed); feed 5000 | rt-pub -q chat"
	until _gone "${BG_PIDS[pub]}"; do
		for t in $TRANSPORTS; do
			wait_for _some_or_all "$t"
			bg_kill "$t" KILL 2>/dev/null
			run_again "$t"
		done
		round=$((round + 1))
	done
	bg_wait pub
	[ "$round" -ge 2 ]
	publish chat 5001 5001
	for t in $TRANSPORTS; do
		wait_for _has_newest "$t" 5001
		bg_kill "$t"
		sed '/}$/!d' "$RT_TMP/$t.out" >>"$RT_TMP/$t.all"
		ns "$t.all" | sort -nu >"$RT_TMP/$t.seen"
		cmp "$RT_TMP/$t.seen" <(seq 5001)
	done
}
