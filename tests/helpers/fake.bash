# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# tests/helpers/fake_server.py for tests of the clients; loaded after `load helper`.
#
#	start_fake [PLAN]     start it, wait until it listens; sets RT_URL and FAKE, its folder
#	stop_fake             end it; its port is kept in FAKE_PORT
#	restart_fake [PLAN]   on the same port again, with what it had recorded, not its events
#	plan JSON             what it does with the next requests
#	requests [JQ]         what came in: the requests through a jq filter, compact
#	published             the data of what it accepted, a line each
#	arrived N             succeeds once N requests have come in, answered or not
#	has_requests N        succeeds once N requests have been dealt with
#	has_read PID N        succeeds once process PID has read N bytes, not from sockets
#	bytes_read PID        how many it has

start_fake() {
	FAKE=$RT_TMP/fake
	mkdir -p "$FAKE"
	_run_fake "${1:-[]}" 0
}

_run_fake() {
	bg fake "$PYTHON" "$RT_ROOT/tests/helpers/fake_server.py" "$FAKE" --plan "$1" --port "$2"
	wait_lines fake.out 1
	FAKE_PORT=$(cat "$RT_TMP/fake.out")
	export RT_URL=http://127.0.0.1:$FAKE_PORT
}

stop_fake() {
	bg_kill fake KILL 2>/dev/null || :
}

restart_fake() {
	_run_fake "${1:-[]}" "$FAKE_PORT"
}

plan() {
	echo "$1" >"$FAKE/plan.new"
	mv "$FAKE/plan.new" "$FAKE/plan"
}

requests() {
	jq -c "${1:-.}" "$FAKE/requests"
}

published() {
	jq -c 'if has("data") then .data else .data_base64 end' "$FAKE/events"
}

arrived() {
	[ "$(wc -l <"$FAKE/arrived")" -ge "$1" ]
}

has_requests() {
	[ "$(wc -l <"$FAKE/requests")" -ge "$1" ]
}

bytes_read() {
	sed -n 's/^rchar: //p' "/proc/$1/io"
}

has_read() {
	[ "$(bytes_read "$1")" -ge "$2" ]
}
