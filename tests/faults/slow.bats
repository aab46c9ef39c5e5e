#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Slow is not dead: a reader who stops keeps his place, costs next to nothing, and is told what he
# missed if it was not his choice to miss nothing. A single one on each transport: cli/{sse,ws,
# ndjson,mux}.bats.

bats_require_minimum_version 1.5.0
load ../cli/helper

# rt-test: alone
@test "two hundred readers stop for three heartbeats of a flood: cheap, still there, later complete" {
	start_server --memory 4M --heartbeat "$RT_SLOW" --threads 2
	run -0 flood many "$SERVER_PID" 200 5000
	# A gigabyte in all that they do not read; each may have --max-output for a moment, and what the
	# server has freed since still counts here.
	assert_json ".there == 200 and .complete and .grown < $((RT_SLOW > 1 ? 500 : 64))"
}

@test "rt-sub that is stopped for three heartbeats: the same connection, and nothing missing" {
	start_server --heartbeat 1s
	for t in sse ws ndjson; do
		bg "$t" rt-sub --transport "$t" --since all -n 30000 chat
	done
	publish chat 1 10
	for t in sse ws ndjson; do
		wait_lines "$t.out" 10
		kill -STOP "$(bg_pid "$t")"
	done
	before=$(fetch /connections | jq -c '[.connections[] | select(.topics == ["chat"]) | .peer] | sort')
	publish chat 11 30000 '"pad":"'"$(printf '%0300d' 0)"'"'
	sleep 3.2	# the silence is the test
	after=$(fetch /connections | jq -c '[.connections[] | select(.topics == ["chat"]) | .peer] | sort')
	assert_equal "$after" "$before"
	for t in sse ws ndjson; do
		kill -CONT "$(bg_pid "$t")"
	done
	for t in sse ws ndjson; do
		bg_wait "$t" 20
		assert_equal "$(tail -n 1 "$RT_TMP/$t.out" | jq .seq)" 30000
		assert_equal "$(wc -l <"$RT_TMP/$t.out")" 30000
	done
	assert_seqs sse.out 1 30000
	assert_same sse.out ws.out ndjson.out
	run cat "$RT_TMP/sse.err" "$RT_TMP/ws.err" "$RT_TMP/ndjson.err"
	assert_output ''
}

@test "--slow newest: a gap record stands where events were skipped" {
	start_server --heartbeat 1s --slow newest
	for t in sse ws ndjson; do
		[ "$t" = sse ] || { stop_server && rm "$RT_TMP"/main.db* && restart_server; }
		run -0 flood skipped "$t" slow
		assert_json '.gaps >= 1 and .events < 2000 and .last == 4010'
	done
}

@test "retention that passes a slow reader: a gap record says so, then the rest" {
	start_server --heartbeat 1s --store memory: --retain-bytes 2M
	run -0 flood skipped sse retention
	# More than one, if the system's buffers take a little more while retention goes on.
	assert_json '.gaps >= 1 and .events < 2500 and .last == 4010'
	stop_server
	restart_server
	run -0 flood skipped ws retention
	assert_json '.gaps >= 1 and .events < 2500 and .last == 4010'
	stop_server
	start_server --heartbeat 1s --memory 1M --retain-bytes 2M
	run -0 flood skipped ndjson retention
	assert_json '.gaps >= 1'
}

@test "--slow close: the connection ends, its client resumes and has everything" {
	start_server --heartbeat 1s --slow close
	for t in ws ndjson; do
		run -0 flood closed "$t"
		[ "$t" = ws ] || continue
		stop_server
		rm "$RT_TMP"/main.db*
		restart_server
	done
	run -0 fetch /stats
	assert_json '.net.slow == 1'
	bg sub rt-sub --since all -n 9000 chat
	publish chat 1 10
	wait_lines sub.out 10
	kill -STOP "$(bg_pid sub)"
	publish chat 11 9000 '"pad":"'"$(printf '%01000d' 0)"'"'
	wait_for _slow_ones 2
	kill -CONT "$(bg_pid sub)"
	bg_wait sub 20
	assert_seqs sub.out 1 9000
}

_slow_ones() {
	fetch /stats | is_true ".net.slow == $1"
}
