#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Endless NDJSON, for curl -N ... | jq.

bats_require_minimum_version 1.5.0
load helper

stream() {
	local name=$1 path=$2
	shift 2
	bg "$name" curl -sSN --max-time 60 -D "$RT_TMP/$name.head" "$@" "$RT_URL$path"
	wait_for grep -q '^' "$RT_TMP/$name.out"
}

@test "ndjson: one envelope a line, as it comes" {
	start_server
	put t '{"n":1}'
	stream s '/topics/t?follow&since=all' -H 'Accept: application/x-ndjson'
	stream as '/topics/t?as=ndjson&since=all'
	put t '{"n":2}'
	wait_for grep -q '"n":2' "$RT_TMP/s.out"
	wait_for grep -q '"n":2' "$RT_TMP/as.out"
	assert_ns s.out 1 2
	assert_same s.out as.out
	grep -qi '^content-type: application/x-ndjson' "$RT_TMP/s.head"
	grep -qi '^heartbeat: 15' "$RT_TMP/s.head"
	grep -qi '^last-event-id: [0-9]' "$RT_TMP/s.head"
}

@test "ndjson: an empty line at once, and with each heartbeat" {
	start_server --heartbeat 1
	stream s '/topics/t?follow'
	wait_lines s.out 3
	[ "$(sort -u "$RT_TMP/s.out")" = "" ]
	# jq does not mind
	put t '{"n":1}'
	wait_for grep -q '"n":1' "$RT_TMP/s.out"
	[ "$(jq .data.n "$RT_TMP/s.out")" = 1 ]
}

@test "ndjson: format=data, and until" {
	start_server
	stream s '/topics/t?follow&format=data&until=end'
	put t '{"n":1}'
	put t '"last"' type=end
	put t '"after"'
	bg_wait s
	[ "$BG_STATUS" = 0 ]
	[ "$(cat "$RT_TMP/s.out")" = $'\n{"n":1}\n"last"' ]
	last=$(fetch '/topics/t' | jq -r '.[1].id')
	[ "$(http_status "/topics/t?follow&until=end&since=$last")" = 204 ]
}

@test "ndjson: a gap is a line" {
	start_server
	stream s '/topics/t?follow&since=9007199254740000'
	wait_for grep -q '"reason":"ahead"' "$RT_TMP/s.out"
	assert_json '.gap.topic == "t"' s.out
}

@test "ndjson: HEAD says what it would be" {
	start_server
	run -0 fetch -I '/topics/t?follow'
	[[ $output == *"200 OK"* ]]
	[[ $output == *"Content-Type: application/x-ndjson"* ]]
	[[ $output == *"Heartbeat: 15"* ]]
}

@test "ndjson: who stops reading later gets everything" {
	start_server --store memory: --heartbeat "$RT_SLOW"
	run -0 flood many "$SERVER_PID" 4 10000 ndjson
	assert_json ".complete and .there == 4 and .grown < $((30 * RT_SHADOW))"
}
