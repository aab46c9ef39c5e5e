#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# rt-bench against an rt-serve: every way to subscribe, to publish and to spread the load, and what it
# says when something is wrong with the server, or with the machine. tests/faults/honest.bats has what
# its judgement is worth.

bats_require_minimum_version 1.5.0
load helper
load ../helpers/fake.bash

setup() {
	start_server --store memory:
}

# bench [OPTION...]: run it, its JSON is $output
bench() {
	run -0 --separate-stderr rt-bench --json "$@"
	[ -z "$stderr" ] || echo "stderr: $stderr"
}

# Each subscriber got each event once, and all of them count.
assert_all_came() {
	assert_json ".clean and .all.deliveries == $1 and .all.received == $1 and .all.latency_ns.count == $1
		and .undelivered == 0 and .publishers.refused == 0"
}

# --- subscribers --------------------------------------------------------------------------------

@test "rt-bench: every transport alone: all come, and each event counts" {
	local t
	for t in sse ws ndjson longpoll; do
		bench --transport "$t" --subscribers 5 --count 300
		assert_all_came 1500
		assert_json ".by_transport.$t.connected == 5 and .by_transport.$t.latency_ns.count == 1500
			and .publishers.acked == 300 and .publishers.ack_ns.count == 300 and .bytes_per_event > 100"
	done
}

@test "rt-bench: poll: asks by its own schedule, and gets all" {
	bench --transport poll --poll-every 100ms --subscribers 4 --rate 200 --count 100
	assert_all_came 400
	# Half a second of publishing, four that ask ten times a second: far fewer questions than answers.
	assert_json '.by_transport.poll.requests >= 8 and .by_transport.poll.requests < 400'
}

@test "rt-bench: a mix has as many of each as it says" {
	bench --transport sse:50,ws:40,longpoll:10 --subscribers 20 --count 200
	assert_all_came 4000
	assert_json '.by_transport | .sse.connected == 10 and .ws.connected == 8 and .longpoll.connected == 2
		and .sse.deliveries == 2000 and .ws.deliveries == 1600 and .longpoll.deliveries == 400'
}

@test "rt-bench: topics: one each, several each, and more of the first with --zipf" {
	bench --topics 6 --subscribers 12 --count 600
	assert_all_came 1200
	bench --topics 6 --topics-each 4 --subscribers 6 --transport sse:1,ndjson:1,longpoll:1 --count 600
	assert_all_came 2400
	# One subscriber on the first of 50 topics, of which --zipf 1 makes more than a fiftieth.
	bench --topics 50 --zipf 1 --subscribers 1 --count 1000
	assert_json '.clean and .all.received > 100 and .all.received < 500'
}

@test "rt-bench: several publishers and threads, from several addresses" {
	bench --threads 2 --publishers 3 --source-ip 127.0.0.2-3 --subscribers 10 --count 900
	assert_all_came 9000
	assert_json '.generator.threads == 2 and .publishers.publishers == 3'
	bg bench rt-bench --json --source-ip 127.0.0.2-3 --subscribers 10 --rate 100 --duration 60s
	wait_for peers_are 127.0.0.2 127.0.0.3
	bg_kill bench
}

# Whoever is connected to the server comes from these addresses, and none else.
peers_are() {
	diff <(printf '%s\n' "$@") <(fetch /connections |
		jq -r '.connections[] | select(.transport == "sse") | .peer | sub(":[0-9]+$"; "")' | sort -u)
}

@test "rt-bench: --ramp holds the rate of connecting" {
	bench --ramp 50 --subscribers 40 --count 1
	# The last of 40 begins 0.78 s after the first.
	assert_json '.connect_s > 0.75 and .all.connected == 40'
}

# --- publishers ---------------------------------------------------------------------------------

@test "rt-bench: every way to publish is acknowledged, with one topic and with several" {
	local how
	for how in lines post batch ws; do
		bench --publish "$how" --subscribers 3 --count 300
		assert_all_came 900
		assert_json '.publishers.acked == 300 and .publishers.ack_ns.count == 300'
		bench --publish "$how" --publishers 2 --topics 4 --subscribers 4 --rate 2000 --count 300
		assert_all_came 300
		assert_json '.publishers.acked == 300'
	done
}

@test "rt-bench: without subscribers, acknowledgements are what is measured" {
	bench --subscribers 0 --publish batch --batch 100 --window 200 --count 2000
	assert_json '.clean and .publishers.sent == 2000 and .publishers.acked == 2000
		and .publishers.ack_ns.count == 2000 and .all.latency_ns == null'
}

@test "rt-bench: the rate is held, and what comes during the warm-up does not count" {
	bench --rate 400 --duration 1s --warmup 500ms --subscribers 2
	assert_json '.clean and .publishers.sent == 400 and .all.received == 800 and .all.latency_ns.count == 400
		and .publish_s > 0.95'
}

@test "rt-bench: --size and --payload: bytes come out as they went in" {
	local payloads
	payloads='{"text":"ä \u00e9 \\ \" 日本","n":[1,2.50,-3e7]}
"x"
42'
	printf '%s\n' "$payloads" >"$RT_TMP/payload"
	bg sub rt-sub rt-bench -r -n 6
	wait_for subscribers rt-bench 1
	bench --payload "$RT_TMP/payload" --subscribers 2 --count 6 --transport sse:1,ws:1
	assert_all_came 12
	bg_wait sub
	# All there is before the pad is rt-bench's own, and the same for each.
	diff <(printf '%s\n' "$payloads" "$payloads") <(sed 's/^.*,"pad":\(.*\)}$/\1/' "$RT_TMP/sub.out")
	bg sub rt-sub large -r -n 1
	wait_for subscribers large 1
	bench --topic large --size 5000 --subscribers 1 --count 1
	bg_wait sub
	[ "$(wc -c <"$RT_TMP/sub.out")" -eq 5001 ]
	assert_json '.bytes_per_event > 5000'
}

subscribers() {
	[ "$(fetch /connections | jq --arg topic "$1" '[.connections[] | select(.topics == [$topic])] | length')" = "$2" ]
}

# --- what it says of the server's process -------------------------------------------------------

@test "rt-bench: --pid: processor time and memory of the server and its children" {
	# The server as a child of the process that is named.
	bg parent sh -c 'rt-serve --listen 127.0.0.1:0 --store memory: >"$0" & trap "kill $!" TERM; wait; exit' "$RT_TMP/child.out"
	wait_for grep -q listening "$RT_TMP/child.out"
	bench -s "$(sed -n 's/^rt-serve: listening on //p' "$RT_TMP/child.out")" --pid "$BG_PID" \
		--subscribers 400 --count 50
	assert_json '.server.cpu_ns > 0 and .server.cpu_ns_per_delivery > 0 and .server.bytes_per_connection > 100'
}

@test "rt-bench: memory per connection is not claimed of a server that had it already" {
	bench --pid "$SERVER_PID" --subscribers 300 --count 10
	assert_json '.server.bytes_per_connection > 0'
	[ "$RT_SLOW" = 1 ] || skip "with a sanitizer memory is another"
	bench --pid "$SERVER_PID" --subscribers 20 --count 10
	assert_json '.server.bytes_per_connection == null'
	run -0 rt-bench --pid "$SERVER_PID" --subscribers 20 --count 10
	refute_output --partial 'memory per connection'
	assert_output --partial 'its memory did'
}

@test "rt-bench: a --pid that is no process, or not ours to look at, is an error" {
	run -3 --separate-stderr rt-bench --pid 4194304 --count 1
	[[ $stderr == *'--pid 4194304: No such process'* ]]
	[ -z "$output" ]
}

# --- how it ends ----------------------------------------------------------------------------------

@test "rt-bench: Ctrl-C prints what there is, and ends by the signal" {
	bg bench env --default-signal=INT rt-bench --rate 100 --duration 60s --warmup 0s --subscribers 3
	wait_for has_events 20
	bg_kill bench INT
	[ "$BG_STATUS" -eq 130 ]
	grep -q '^warning  *interrupted: this is what was measured until then' "$RT_TMP/bench.out"
	grep -qE '^published +[0-9]+ events' "$RT_TMP/bench.out"
	grep -qE '^latency +[0-9]' "$RT_TMP/bench.out"
	grep -q '^verdict  *nothing lost' "$RT_TMP/bench.out"
}

@test "rt-bench: Ctrl-C while it connects ends it at once" {
	bg bench env --default-signal=INT rt-bench --ramp 2 --subscribers 1000 --count 1
	wait_for subscribers rt-bench 2
	bg_kill bench INT
	[ "$BG_STATUS" -eq 130 ]
	grep -q 'ended by SIGINT: what follows was measured' "$RT_TMP/bench.err"
	# Those who came are counted, and nobody was missing when publishing began: it did not.
	grep -qE '^connected +[1-9][0-9]* of 1,000 ' "$RT_TMP/bench.out"
	run ! grep 'when publishing began' "$RT_TMP/bench.out"
}

@test "rt-bench: a signal after which nothing was measured does not announce what was" {
	cat >"$RT_TMP/end.c" <<-'END'
		#include <netdb.h>
		#include <signal.h>
		int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **found)
		{
			static int times;
			if (times++ == 0)
				raise(SIGTERM);
			(void)host, (void)port, (void)hints, (void)found;
			return EAI_FAIL;
		}
	END
	cc -shared -fPIC -o "$RT_TMP/end.so" "$RT_TMP/end.c"
	run -143 --separate-stderr env LD_PRELOAD="$RT_TMP/end.so" \
		ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0" rt-bench --count 1
	[[ $stderr == *'ended by SIGTERM' ]]
	[ -z "$output" ]
}

has_events() {
	fetch /stats | is_true ".store.events >= $1"
}

@test "rt-bench: a server that dies midway is said, and what was acknowledged and did not come is lost" {
	bg bench rt-bench --rate 200 --duration 3s --warmup 0s --drain 500ms --subscribers 3 --publish post
	wait_for has_events 20
	kill_server
	bg_wait bench 30
	echo "status $BG_STATUS"
	cat "$RT_TMP"/bench.*
	[ "$BG_STATUS" -eq 5 ] || [ "$BG_STATUS" -eq 8 ]
	grep -q 'connection' "$RT_TMP/bench.err"
	grep -q '^warning .*connections broke' "$RT_TMP/bench.out"
}

@test "rt-bench: without an end in time, it does not wait for a server that is gone" {
	bg bench rt-bench --json --rate 200 --count 100000 --drain 500ms --subscribers 3
	wait_for has_events 20
	kill_server
	bg_wait bench 20
	# What was acknowledged and had not reached everybody when it was killed is lost: that weighs more.
	if jq -e '.all.lost > 0' "$RT_TMP/bench.out"; then
		[ "$BG_STATUS" -eq 8 ]
	else
		[ "$BG_STATUS" -eq 5 ]
	fi
	assert_json '.gone == 3 and .publishers.unsent > 10' bench.out
}

@test "rt-bench: a server that comes back is resumed, and nothing is lost" {
	stop_server
	start_server
	bg bench rt-bench --json --rate 100 --duration 3s --warmup 0s --subscribers 4 \
		--transport sse:1,ws:1,ndjson:1,longpoll:1
	wait_for has_events 20
	kill_server
	restart_server
	bg_wait bench 30
	cat "$RT_TMP"/bench.*
	[ "$BG_STATUS" -eq 0 ]
	assert_json '.clean and .all.broken == 4 and .all.reconnects == 4 and .all.received >= 400' bench.out
}

@test "rt-bench: a server that refuses: status 4, and what it said" {
	run -4 --separate-stderr rt-bench -s "$RT_URL/nowhere" --count 1
	[[ $stderr == *'404'* ]]
	[ -z "$output" ]
	start_fake '[{"status":401,"body":"{\"detail\":\"this token has expired\"}","count":99}]'
	run -4 --separate-stderr rt-bench --subscribers 2 --count 1
	[[ $stderr == *'status 401: this token has expired'* ]]
	[ -z "$output" ]
	# One of both is the publisher's.
	SERVER=small start_server --store memory: --max-connections 2
	run -4 --separate-stderr rt-bench --subscribers 5 --count 1
	[[ $stderr == *'a subscriber was answered with status 503: '*'only 1 of 5 subscribers are connected'* ]]
	assert_line --regexp '^warning  *only 1 of 5 subscribers were connected when publishing began'
}

@test "rt-bench: nobody there: status 5; not HTTP: status 6" {
	run -5 --separate-stderr rt-bench -s "http://127.0.0.1:$(free_port)" --count 1
	[[ $stderr == *'cannot connect to 127.0.0.1:'*'Connection refused'* ]]
	[ -z "$output" ]
	bg parrot "$PYTHON" -c '
import socketserver
class Parrot(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"SSH-2.0-no\r\n")
        self.rfile.read()
with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Parrot) as server:
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    server.serve_forever()'
	wait_lines parrot.out 1
	run -6 --separate-stderr rt-bench -s "http://127.0.0.1:$(cat "$RT_TMP/parrot.out")" --count 1 --subscribers 2
	[[ $stderr == *'neither HTTP nor WebSocket'* ]]
	[ -z "$output" ]
}

@test "rt-bench: too few descriptors: status 10, before anything is begun, and what to do" {
	run -10 --separate-stderr bash -c 'ulimit -n 200; rt-bench --subscribers 500 --count 1'
	[[ $stderr == *'501 connections need '*' descriptors, but the limit is 200: see ulimit -n'* ]]
	[ -z "$output" ]
}

@test "rt-bench: --fail-if: status 9 if it is so, 0 if it is not" {
	run -9 --separate-stderr rt-bench --subscribers 2 --count 20 --fail-if 'p99>0ms,lost>0'
	[[ $stderr == *'failed: p99>0ms'* ]]
	run -0 --separate-stderr rt-bench --subscribers 2 --count 20 --fail-if 'p99>100s,lost>0'
	[ -z "$stderr" ]
}

@test "rt-bench: a server that takes connections and says nothing: --connect-timeout, once" {
	# shellcheck disable=SC2016
	bg silent "$PYTHON" -c '
import socket, time
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
time.sleep(600)'
	wait_for test -s "$RT_TMP/silent.out"
	run -5 --separate-stderr timeout $((8 * RT_SLOW)) rt-bench -s "http://127.0.0.1:$(<"$RT_TMP/silent.out")" \
		--subscribers 2 --connect-timeout 2s --duration 1s
	[[ $stderr == *'no connection in time'* ]]
}

# silent_server: takes connections and requests, and never answers
silent_server() {
	# shellcheck disable=SC2016
	bg silent "$PYTHON" -c '
import socket, threading
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
def swallow(c):
    while c.recv(65536):
        pass
while True:
    threading.Thread(target=swallow, args=(s.accept()[0],), daemon=True).start()'
	wait_for test -s "$RT_TMP/silent.out"
	URL=http://127.0.0.1:$(<"$RT_TMP/silent.out")
}

@test "rt-bench: a server that acknowledges nothing is a failure, even if nobody listens" {
	local how
	silent_server
	for how in lines batch post; do
		run -5 --separate-stderr rt-bench -s "$URL" --publish "$how" --subscribers 0 --rate 100 --duration 500ms --drain 200ms --json
		assert_json '.publishers.acked == 0 and .publishers.unsure > 0'
	done
}

@test "rt-bench: --max-unacked: memory is bounded, and the schedule is said to be broken" {
	silent_server
	run -5 --separate-stderr rt-bench -s "$URL" --subscribers 0 --publishers 5 --rate 1000 --duration 500ms \
		--drain 200ms --max-unacked 50 --json
	assert_json '.publishers | .sent == 50 and .unsure == 50 and .unsent > 300 and .held'
	run -5 --separate-stderr rt-bench -s "$URL" --subscribers 0 --rate 1000 --duration 500ms --drain 200ms --max-unacked 50
	[[ $(tr -s ' \n' ' ' <<<"$output") == *'could not be kept: a publisher waited for 50 acknowledgements'* ]]
	run -5 --separate-stderr rt-bench -s "$URL" --subscribers 0 --rate 1000 --duration 500ms --drain 200ms --max-unacked 50 \
		--publishers 5
	[[ $(tr -s ' \n' ' ' <<<"$output") == *'could not be kept: a publisher waited for 10 acknowledgements'* ]]
}

@test "rt-bench: --max-event: a line without an end is refused" {
	# shellcheck disable=SC2016
	bg endless "$PYTHON" -c '
import socket
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
while True:
    c = s.accept()[0]
    try:
        c.sendall(b"HTTP/1.1 200 OK\r\nLast-Event-ID: 1\r\n\r\n" + b"x" * 300000)
        c.recv(1 << 20)
    except OSError:
        pass'
	wait_for test -s "$RT_TMP/endless.out"
	run --separate-stderr timeout $((10 * RT_SLOW)) rt-bench -s "http://127.0.0.1:$(<"$RT_TMP/endless.out")" --transport ndjson \
		--subscribers 1 --publishers 0 --duration 500ms --max-event 100K
	[ "$status" -ne 0 ]
	[ "$status" -ne 124 ]
	[[ $stderr == *'no end within --max-event'* ]]
}

@test "rt-bench: --max-event: a frame that is longer is refused as that" {
	run -8 --separate-stderr rt-bench --transport ws --subscribers 1 --rate 50 --count 5 --size 1K --drain 200ms --max-event 1K --json
	[[ $stderr == *'no end within --max-event'* ]]
	[[ $stderr != *'neither HTTP nor WebSocket'* ]]
	assert_json '.all.received == 0 and .all.corrupt > 0'
}

@test "rt-bench: descriptors that run out while it connects are its own fault, status 10" {
	bg bench rt-bench --subscribers 40 --ramp 20 --duration 1s --connect-timeout 2s
	local fds=/proc/$BG_PID/fd
	wait_for eval "[ \$(ls $fds | wc -l) -ge 15 ]"
	prlimit --pid "$BG_PID" --nofile=15:15
	bg_wait bench 30
	[ "$BG_STATUS" -eq 10 ]
	grep -q 'Too many open files' "$RT_TMP/bench.err"
}

@test "rt-bench: descriptors that run out midway are its own fault, and nobody has lost anything" {
	bg bench rt-bench --json --subscribers 20 --rate 100 --duration 2s --warmup 0s --drain 500ms --churn 100
	wait_for has_events 20
	prlimit --pid "$BG_PID" --nofile=16:16
	bg_wait bench 30
	cat "$RT_TMP/bench.err"
	[ "$BG_STATUS" -eq 10 ]
	grep -q 'Too many open files' "$RT_TMP/bench.err"
	assert_json '.clean and .all.lost == 0 and .missed > 100 and .gone > 0 and .undelivered == 0
		and (.generator.limit | contains("no descriptors"))' bench.out
	bg bench rt-bench --subscribers 20 --rate 100 --duration 2s --warmup 0s --drain 500ms --churn 100
	wait_for has_events 250
	prlimit --pid "$BG_PID" --nofile=16:16
	bg_wait bench 30
	[ "$BG_STATUS" -eq 10 ]
	tr -s ' \n' ' ' <"$RT_TMP/bench.out" >"$RT_TMP/said"
	grep -Eq 'verdict nothing lost, .*; [0-9,]+ missed as rt-bench itself could not connect again' "$RT_TMP/said"
	grep -q 'warning rt-bench was the bottleneck: it had no descriptors' "$RT_TMP/said"
}

@test "rt-bench: --source-ip that is not of this machine" {
	run -10 --separate-stderr rt-bench --source-ip 192.0.2.1 --count 1 --subscribers 2
	[[ $stderr == *'an address of --source-ip is not of this machine'* ]]
	[[ $stderr != *'no ports are left'* ]]
}

@test "rt-bench: a signal ends it soon, with what was measured, all files, and that line" {
	local sig
	for sig in TERM HUP; do
		bg bench rt-bench --subscribers 3 --rate 50 --duration 60s --json --html "$RT_TMP/i.html" --csv "$RT_TMP/i.csv"
		wait_for fetch_events 5
		bg_kill bench "$sig"
		[ "$BG_STATUS" -eq $((128 + $(kill -l "$sig"))) ]
		assert_json '.interrupted and .clean and .publishers.sent >= 5' bench.out
		grep -q "ended by SIG$sig" "$RT_TMP/bench.err"
		grep -q 'interrupted: this is what was measured' "$RT_TMP/i.html"
		[ "$(wc -l <"$RT_TMP/i.csv")" -ge 2 ]
		stop_server
		start_server --store memory:
	done
}

fetch_events() {
	fetch /stats | is_true ".store.events >= $1"
}

@test "rt-bench: a closed stdout is not where a socket gets its number" {
	run -10 bash -c 'rt-bench --subscribers 2 --count 5 <&- >&-'
	assert_output --partial 'standard output'
}
