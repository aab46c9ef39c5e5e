#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Behind nginx and haproxy as people set them up: each event comes at once, on each transport, and
# a restart of the server is no loss.

bats_require_minimum_version 1.5.0
load ../cli/helper

TRANSPORTS="sse ws ndjson longpoll"
PROMPT=3	# seconds; a proxy that holds back has an event for much longer

# nginx with buffering as it is by default. $1: HTTP version towards the server; by default it is 1.0,
# and then an answer without a length is held back until a buffer is full. $2: more for the location
nginx_in_front() {
	local port
	port=$(free_port)
	cat >"$RT_TMP/nginx.conf" <<-END
		daemon off;
		master_process off;
		pid $RT_TMP/nginx.pid;
		error_log stderr warn;
		events {}
		http {
			access_log off;
			client_body_temp_path $RT_TMP/nginx-body;
			proxy_temp_path $RT_TMP/nginx-proxy;
			fastcgi_temp_path $RT_TMP/nginx-fastcgi;
			uwsgi_temp_path $RT_TMP/nginx-uwsgi;
			scgi_temp_path $RT_TMP/nginx-scgi;
			gzip on;
			gzip_types *;
			map \$http_upgrade \$connection_upgrade {
				default upgrade;
				'' '';
			}
			server {
				listen 127.0.0.1:$port;
				location / {
					proxy_pass http://127.0.0.1:$SERVER_PORT;
					proxy_http_version $1;
					proxy_set_header Host \$host;
					proxy_set_header Upgrade \$http_upgrade;
					proxy_set_header Connection \$connection_upgrade;
					${2:-}
				}
			}
		}
	END
	bg nginx "$(_sbin nginx)" -c "$RT_TMP/nginx.conf"
	wait_listening "$port"
	PROXY=http://127.0.0.1:$port
}

haproxy_in_front() {
	local port
	port=$(free_port)
	cat >"$RT_TMP/haproxy.cfg" <<-END
		defaults
			mode http
			timeout connect 5s
			timeout client 60s
			timeout server 60s
			timeout tunnel 1h
			retries 0
		frontend in
			bind 127.0.0.1:$port
			default_backend rt
		backend rt
			server one 127.0.0.1:$SERVER_PORT
	END
	bg haproxy "$(_sbin haproxy)" -db -f "$RT_TMP/haproxy.cfg"
	wait_listening "$port"
	PROXY=http://127.0.0.1:$port
}

# Not everybody has /usr/sbin in PATH.
_sbin() {
	PATH=$PATH:/usr/sbin:/sbin command -v "$1"
}

# Wait until each of the subscribers is there: streams and a long poll that hangs
_subscribed() {
	fetch /connections | is_true '[.connections[] | select(.topics == ["chat"])] | length == $n' --argjson n "$1"
}

# Everything through $PROXY, event by event.
passes_everything() {
	for t in $TRANSPORTS; do
		bg "$t" rt-sub -q -s "$PROXY" --transport "$t" -n 8 chat
	done
	wait_for _subscribed 4
	for n in 1 2 3 4 5; do
		echo "{\"n\":$n}" | rt-pub -s "$PROXY" chat
		for t in $TRANSPORTS; do
			wait_lines "$t.out" "$n" "$PROMPT"
		done
	done
	kill_server
	restart_server
	lines 8 6 | rt-pub -q -s "$PROXY" chat
	for t in $TRANSPORTS; do
		bg_wait "$t" 20
		assert_equal "$BG_STATUS" 0
	done
	assert_same sse.out ws.out ndjson.out longpoll.out
	assert_seqs sse.out 1 8
}

@test "nginx, buffering and compressing by default: every event at once, on every transport" {
	start_server --retry 100ms
	nginx_in_front 1.1
	passes_everything
}

@test "nginx with HTTP/1.0, its default, which would hold back: X-Accel-Buffering keeps it from that" {
	start_server
	nginx_in_front 1.0
	bg curl curl -sSN --compressed --max-time 30 -D "$RT_TMP/head" -H 'Accept: text/event-stream' "$PROXY/topics/chat"
	wait_for _subscribed 1
	publish chat 1 1
	wait_for -t "$PROMPT" grep -q '^data: .*"n":1' "$RT_TMP/curl.out"
	run cat "$RT_TMP/head"
	assert_output --partial 'Heartbeat: 15'
	assert_output --partial 'Cache-Control: no-store, no-transform'
}

@test "nginx told to buffer all the same: rt-sub says so, falls back to long polling, misses nothing" {
	start_server
	nginx_in_front 1.0 'proxy_ignore_headers X-Accel-Buffering;'
	publish chat 1 1
	bg sub rt-sub -s "$PROXY" --buffer-timeout 1s -n 3 chat
	wait_for _subscribed 1
	publish chat 2 4
	bg_wait sub 20
	assert_ns sub.out 2 4
	assert_equal "$(grep -c 'long polling' "$RT_TMP/sub.err")" 1
}

@test "haproxy: every event at once, on every transport" {
	start_server --retry 100ms
	haproxy_in_front
	passes_everything
}
