#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# What the judgement of rt-bench is worth: a server that stops, a proxy that spoils one event in ten thousand,
# subscribers that come and go. rt-test: alone

bats_require_minimum_version 1.5.0
load ../cli/helper

setup() {
	start_server --store memory:
}

has_events() {
	fetch /stats | is_true ".store.events >= $1"
}

# --- a server that stops --------------------------------------------------------------------------

# Of 2.5 s it stands still for 1 s: four of ten events are late by up to that, whatever was sent meanwhile.
stopped_for_a_second() {
	bg bench rt-bench --json --rate 200 --duration 2500ms --warmup 0s --subscribers 3 "$@"
	wait_for has_events 60
	kill -STOP "$SERVER_PID"
	sleep 1	# this is what is tested
	kill -CONT "$SERVER_PID"
	bg_wait bench 30
	[ "$BG_STATUS" -eq 0 ]
	assert_json '.publishers.sent == 500 and .all.latency_ns.count == 1500 and .publishers.ack_ns.count == 500' bench.out
	assert_json '.all.latency_ns | .p999 > 0.95e9 and .max > 0.99e9 and .p99 > 0.9e9 and .p90 > 0.6e9' bench.out
	assert_json '.publishers.ack_ns | .p999 > 0.95e9 and .max > 0.99e9 and .p99 > 0.9e9 and .p90 > 0.6e9' bench.out
}

@test "rt-bench: a server that stands still for a second is charged with all of it (endless request)" {
	stopped_for_a_second --publish lines
}

@test "rt-bench: the same, where answers keep the publisher from sending" {
	stopped_for_a_second --publish batch
}

# --- a proxy that spoils one event in ten thousand ------------------------------------------------

# spoiled FAULT TRANSPORT STATUS: 10,000 deliveries through it, its report is bench.out
spoiled() {
	local nth=$((RANDOM % 9000 + 1))
	echo "$1 by $2: the ${nth}th"
	bg proxy "$PYTHON" "$RT_ROOT/tests/helpers/proxy.py" tamper "$SERVER_PORT" "$1" "$nth"
	wait_lines proxy.out 1
	bg bench rt-bench --json -s "http://127.0.0.1:$(cat "$RT_TMP/proxy.out")" --transport "$2" \
		--subscribers 2 --count 5000 --window 500 --drain 1s
	bg_wait bench 60
	[ "$BG_STATUS" -eq "$([ "$1" = none ] && echo 0 || echo 8)" ]
	bg_kill proxy
	[ "$(cut -d ' ' -f 1 "$RT_TMP/proxy.err")" = "$3" ]
	assert_json '.all.connected == 2 and .all.broken == 0 and .publishers.acked == 5000' bench.out
}

# faults JQ: of both transports
each_way() {
	local t
	for t in sse ws; do
		spoiled "$1" "$t" "$1"
		assert_json ".all | $2 and .faulty_subscribers == 1" bench.out
		assert_json '.clean | not' bench.out
	done
}

@test "rt-bench: through a proxy that does nothing wrong, nothing is wrong" {
	local t
	for t in sse ws; do
		spoiled none "$t" ""
		assert_json '.clean and .all.received == 10000' bench.out
	done
}

@test "rt-bench: one event lost in 10,000 is found" {
	each_way lose '.lost == 1 and .doubled == 0 and .disordered == 0 and .corrupt == 0'
}

@test "rt-bench: one event doubled in 10,000 is found" {
	each_way double '.lost == 0 and .doubled == 1 and .disordered == 0 and .corrupt == 0'
}

@test "rt-bench: two events swapped in 10,000 are found" {
	each_way swap '.lost == 0 and .doubled == 0 and .disordered == 1 and .corrupt == 0'
}

@test "rt-bench: one bit flipped in 10,000 events is found" {
	each_way flip '.corrupt == 1 and .lost == 1 and .doubled == 0 and .disordered == 0'
}

# flipped TRANSPORT HOW: whichever bit it is of all that an event is on the wire, HOW it was published
flipped() {
	bg proxy "$PYTHON" "$RT_ROOT/tests/helpers/proxy.py" flip "$SERVER_PORT" $((RANDOM % 40 + 2)) "$RANDOM"
	wait_lines proxy.out 1
	bg bench rt-bench --json -s "http://127.0.0.1:$(cat "$RT_TMP/proxy.out")" --transport "$1" --publish "$2" \
		--poll-every 50ms --subscribers 2 --count 30 --rate 300 --drain 500ms
	bg_wait bench 30
	echo "$1, $2: $(cat "$RT_TMP/proxy.err")"
	[ "$BG_STATUS" -eq 8 ]
	bg_kill proxy
	grep -q '^flip ' "$RT_TMP/proxy.err"
	assert_json '.clean | not' bench.out
}

@test "rt-bench: one bit flipped anywhere on the wire is found" {
	local t how
	for t in sse ws ndjson longpoll poll; do
		for how in lines post batch ws; do
			flipped "$t" "$how"
		done
	done
}

@test "rt-bench: an acknowledgement that names another event is found" {
	local how
	for how in lines post ws; do
		bg proxy "$PYTHON" "$RT_ROOT/tests/helpers/proxy.py" misname "$SERVER_PORT" 20
		wait_lines proxy.out 1
		bg bench rt-bench --json -s "http://127.0.0.1:$(cat "$RT_TMP/proxy.out")" --publish "$how" --subscribers 2 \
			--count 100 --rate 300
		bg_wait bench 30
		[ "$BG_STATUS" -eq 8 ]
		bg_kill proxy
		grep -q '^misname ' "$RT_TMP/proxy.err"
		assert_json '.all | .corrupt == 1 and .lost == 0 and .doubled == 0 and .disordered == 0 and .received == 200' bench.out
	done
}

# --- subscribers that come and go -----------------------------------------------------------------

@test "rt-bench: --churn: who comes back with a cursor has lost nothing" {
	run -0 --separate-stderr rt-bench --json --rate 300 --duration 2s --warmup 0s --subscribers 20 --churn 100 \
		--transport sse:1,ws:1,ndjson:1,longpoll:1
	assert_json '.clean and .all.received == 12000 and .all.reconnects > 100 and .all.reconnects < 300
		and .all.broken == 0 and .all.recover_ns.count == .all.reconnects'
}

@test "rt-bench: --no-resume: who comes back without one has gaps, which are no loss" {
	run -0 --separate-stderr rt-bench --json --rate 300 --duration 2s --warmup 0s --subscribers 20 --churn 100 \
		--resume-after 50ms --no-resume --transport sse:1,ws:1,ndjson:1,longpoll:1
	# 50 ms of 300 events a second for each.
	assert_json '.clean and .all.reconnects > 100 and .all.received < 12000 - .all.reconnects * 5'
}

@test "rt-bench: --herd: all reconnect at once, halfway, and it says how long that took" {
	run -0 --separate-stderr rt-bench --json --rate 200 --duration 2s --warmup 0s --subscribers 40 --herd \
		--resume-after 200ms
	assert_json '.clean and .all.received == 16000 and .all.reconnects == 40 and .all.broken == 0
		and .all.recover_ns.count == 40 and .all.recover_ns.min >= 0.2e9'
	run -0 --separate-stderr rt-bench --rate 200 --duration 1s --warmup 0s --subscribers 40 --herd
	assert_line --regexp '^connected .*; then 40 reconnections'
	assert_line --regexp '^(re|coming back).*[0-9]'
}

@test "rt-bench: --slow: who stops reading gets everything later, and others are as fast as before" {
	# 12 MB for each: more than sockets hold.
	bg bench rt-bench --json --rate 500 --size 16000 --duration 1500ms --warmup 0s --subscribers 6 --slow 2 \
		--slow-for 10s --transport sse:1,ws:1
	wait_for lagging 2
	bg_wait bench 30
	[ "$BG_STATUS" -eq 0 ]
	assert_json '.clean and .all.received == 4500 and .all.latency_ns.count == 3000 and .all.broken == 0' bench.out
}

@test "rt-bench: --slow-for: for so long, though publishing has ended before" {
	run -0 --separate-stderr rt-bench --json --rate 50 --duration 500ms --warmup 0s --subscribers 2 --slow 1 --slow-for 1500ms
	assert_json '.clean and .all.received == 50 and .publish_s > 1.4 and .publish_s < 4'
	# Rates are of the half second in which there was something to publish, and somebody to read it.
	assert_json '.published_per_s > 40 and .published_per_s < 60 and .deliveries_per_s > 40 and .deliveries_per_s < 60'
}

@test "rt-bench: a signal ends slowness, too: who was slow gets all there is" {
	bg bench rt-bench --json --rate 200 --duration 60s --subscribers 3 --slow 2 --slow-for 60s --size 20000
	wait_for lagging 2
	bg_kill bench TERM
	[ "$BG_STATUS" -eq 143 ]
	assert_json '.interrupted and .clean and .publishers.sent > 50 and .all.received == 3 * .publishers.sent' bench.out
}

lagging() {
	[ "$(fetch /connections | jq '[.connections[] | select(.lag > 50)] | length')" = "$1" ]
}

# --- itself ---------------------------------------------------------------------------------------

@test "rt-bench: it says so when it was late itself" {
	bg bench rt-bench --json --rate 200 --duration 2s --warmup 0s --subscribers 3
	wait_for has_events 60
	kill -STOP "$BG_PID"
	sleep 0.8	# this is what is tested
	kill -CONT "$BG_PID"
	bg_wait bench 30
	[ "$BG_STATUS" -eq 0 ]
	# The schedule went on without it; its own lateness is known, and is not hidden.
	assert_json '.publishers.sent == 400 and .clean and (.generator.limit | contains("late"))
		and .publishers.lateness_ns.p99 > 0.6e9 and .all.latency_ns.p99 > 0.6e9' bench.out
}

@test "rt-bench: 15,000 subscribers in one process, with less of it for an event than the server needs" {
	[ "$(ulimit -Hn)" -ge 15100 ] || skip "not enough descriptors"
	[ "$RT_SLOW" -eq 1 ] || skip "nothing to measure with sanitizers"
	run -0 --separate-stderr rt-bench --json --subscribers 15000 --count 10 --rate 10 --pid "$SERVER_PID" --drain 20s
	assert_json '.clean and .all.connected == 15000 and .all.received == 150000 and .all.broken == 0
		and .generator.cpu_ns_per_delivery < .server.cpu_ns_per_delivery'
}
