#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# The clock jumps while the server runs. A server that starts with a clock set back:
# cli/durability.bats.

bats_require_minimum_version 1.5.0
load ../cli/helper

# with_clock OFFSET COMMAND...: start a server whose clock is set by set_clock from then on
with_clock() {
	set_clock "$1"
	shift
	FAKETIME_TIMESTAMP_FILE=$RT_TMP/clock with_faketime "$@"
}

set_clock() {
	echo "$1" >"$RT_TMP/clock.new"
	mv "$RT_TMP/clock.new" "$RT_TMP/clock"
}

ordered() {
	with_clock +0 start_server --heartbeat 1s "$@"
	for t in sse ws ndjson longpoll; do
		bg "$t" rt-sub -q --transport "$t" --since all -n 40 chat
	done
	publish chat 1 10
	set_clock -2h
	publish chat 11 20
	set_clock +3h
	publish chat 21 30
	set_clock -1d
	publish chat 31 40
	for t in sse ws ndjson longpoll; do
		bg_wait "$t"
		assert_seqs "$t.out" 1 40
	done
	assert_same sse.out ws.out ndjson.out longpoll.out
	ids sse.out >"$RT_TMP/ids"
	sort -nu "$RT_TMP/ids" | cmp - "$RT_TMP/ids"
	# time is the id's milliseconds
	run -0 jq -s 'map(select((.time | sub("\\.[0-9]*Z"; "Z") | fromdate) != (.id | tonumber / 1000000 | floor))) | length' "$RT_TMP/sse.out"
	assert_output 0
	# the jump forward was followed, the one back was not
	run -0 jq -s '(.[20].id | tonumber) - (.[19].id | tonumber) > 10000 * 1000000 and
		(.[30].id | tonumber) - (.[29].id | tonumber) < 1000 * 1000000' "$RT_TMP/sse.out"
	assert_output true
	run -0 fetch /stats
	assert_json '.net.dead == 0 and .net.slow == 0 and .hub.gaps == 0'
}

@test "a clock set back and forth while subscribers listen: ids grow, nobody is cut off (memory)" {
	ordered --store memory:
}

@test "the same with SQLite" {
	ordered
}

@test "a clock far ahead for a while: the next start warns, ids and resumption go on" {
	with_clock +0 start_server
	set_clock +2h
	publish chat 1 3
	rt-poll -S "$RT_TMP/state" chat >"$RT_TMP/out"
	kill_server
	restart_server
	run grep -c 'ahead of the clock' "$RT_TMP/main.err"
	assert_output 1
	publish chat 4 6
	rt-poll -S "$RT_TMP/state" chat >>"$RT_TMP/out"
	assert_seqs out 1 6
	ids out >"$RT_TMP/ids"
	sort -nu "$RT_TMP/ids" | cmp - "$RT_TMP/ids"
}

@test "a memory store that starts anew with its clock set back: a gap, then what comes" {
	with_clock +0 start_server --store memory:
	bg sub rt-sub -q --since all -n 5 chat
	publish chat 1 3
	wait_lines sub.out 3
	kill_server
	with_clock -2h restart_server
	wait_for -t 20 grep -q '^{"gap"' "$RT_TMP/sub.out"
	publish chat 1 2
	bg_wait sub 20
	run -0 jq -s -c 'map(if .gap then .gap.reason else .data.n end)' "$RT_TMP/sub.out"
	assert_output --regexp '^\[1,2,3,"(store|ahead|restart)",1,2\]$'
}

@test "an age in since= counts from the clock as it is: forward nothing is left out, back nothing hidden" {
	with_clock +0 start_server
	publish chat 1 3
	set_clock +2h
	run -0 fetch '/topics/chat?since=10m'
	assert_output '[]'
	publish chat 4 4
	run -0 fetch '/topics/chat?since=10m'
	assert_json '[.[].data.n] == [4]'
	run -0 fetch '/topics/chat?since=3h'
	assert_json '[.[].data.n] == [1, 2, 3, 4]'
	set_clock -1h
	publish chat 5 5
	run -0 fetch '/topics/chat?since=10m'
	assert_json '[.[].data.n] == [1, 2, 3, 4, 5]'
}
