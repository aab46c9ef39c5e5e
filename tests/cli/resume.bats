#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Promise 3: a subscription resumed at any event gets exactly what came after it, on every
# transport, from memory and from disk.

bats_require_minimum_version 1.5.0
load helper

transports="poll longpoll sse sse10 ndjson ws wsping mux"

# everywhere TOPICS...: resume at every event of the subscription
everywhere() {
	local t
	for t in $transports; do
		"$PYTHON" "$RT_ROOT/tests/helpers/resume.py" "$RT_URL" "$t" "$@" || return 1
	done
}

# push everything else out of a memory of 1 MiB
filler() {
	head -c 3000 /dev/zero | tr '\0' x | sed 's/.*/"&"/' >"$RT_TMP/one"
	for k in $(seq 1000); do cat "$RT_TMP/one"; done |
		fetch -o /dev/null -H 'Content-Type: application/x-ndjson' --data-binary @- /topics/filler
}

# 1,000 events over four topics
mixed() {
	seq 250 | sed 's/.*/{"topic":"a\/x","data":&}\n{"topic":"a\/y\/z","data":&}\n{"topic":"b","data":&}\n{"topic":"c","data":&}/' |
		fetch -H 'Content-Type: application/x-ndjson' --data-binary @- /events
}

@test "resume: at every id of a 1,000-event topic the remainder is identical (memory)" {
	start_server --store memory:
	lines 1000 | fetch -o /dev/null -H 'Content-Type: application/x-ndjson' --data-binary @- /topics/chat
	run -0 everywhere chat
	[ "$(grep -c ': 1000 resumed' <<<"$output")" = 8 ]
}

@test "resume: the same from disk, after a restart" {
	start_server --memory 1M
	lines 1000 | fetch -o /dev/null -H 'Content-Type: application/x-ndjson' --data-binary @- /topics/chat
	filler
	stop_server
	restart_server
	transports="poll sse ws"
	run -0 everywhere chat
	[ "$(grep -c ': 1000 resumed' <<<"$output")" = 3 ]
}

@test "resume: a subscription of several topics and patterns (memory)" {
	start_server --store memory:
	run -0 mixed
	run -0 everywhere 'a/**' b 'a/*'
	[ "$(grep -c ': 750 resumed' <<<"$output")" = 8 ]
}

@test "resume: a subscription of several topics and patterns (from disk)" {
	start_server --memory 1M
	run -0 mixed
	filler
	stop_server
	restart_server
	transports="longpoll ndjson mux"
	run -0 everywhere 'a/**' b 'a/*'
	[ "$(grep -c ': 750 resumed' <<<"$output")" = 3 ]
}
