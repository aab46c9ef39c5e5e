#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# rt-bench with servers that are no rt-serve, by URLs and bodies; and with events that somebody else
# publishes.

bats_require_minimum_version 1.5.0
load helper

# bench [OPTION...]: run it, its JSON is $output
bench() {
	run -0 --separate-stderr rt-bench --json "$@"
	[ -z "$stderr" ] || echo "stderr: $stderr"
}

assert_all_came() {
	assert_json ".clean and .all.received == $1 and .all.latency_ns.count == $1 and .undelivered == 0"
}

# --- nginx with Nchan -----------------------------------------------------------------------------

start_nchan() {
	local port module
	module=$(find /usr/lib/nginx /usr/lib64/nginx -name ngx_nchan_module.so 2>/dev/null | head -n 1)
	[ -n "$module" ] || skip "needs libnginx-mod-nchan"
	port=$(free_port)
	cat >"$RT_TMP/nginx.conf" <<-END
		load_module $module;
		daemon off;
		master_process off;
		pid $RT_TMP/nginx.pid;
		error_log stderr warn;
		events { worker_connections 1024; }
		http {
			access_log off;
			client_body_temp_path $RT_TMP/nginx-body;
			proxy_temp_path $RT_TMP/nginx-proxy;
			fastcgi_temp_path $RT_TMP/nginx-fastcgi;
			uwsgi_temp_path $RT_TMP/nginx-uwsgi;
			scgi_temp_path $RT_TMP/nginx-scgi;
			server {
				listen 127.0.0.1:$port;
				location ~ ^/sub/(.+)\$ { nchan_subscriber; nchan_channel_id \$1; nchan_message_buffer_length 2000; }
				location ~ ^/pub/(.+)\$ { nchan_publisher; nchan_channel_id \$1; nchan_message_buffer_length 2000; }
			}
		}
	END
	bg nginx "$(PATH=$PATH:/usr/sbin command -v nginx)" -c "$RT_TMP/nginx.conf"
	wait_listening "$port"
	NCHAN=127.0.0.1:$port
}

@test "rt-bench: nginx with Nchan, by SSE, long polling and WebSocket" {
	local t
	start_nchan
	for t in sse longpoll; do
		bench --transport "$t" --sub-url "http://$NCHAN/sub/$t-{topic}" --pub-url "http://$NCHAN/pub/$t-{topic}" \
			--subscribers 5 --topics 2 --rate 500 --count 300
		assert_all_came 750
		assert_json '.publishers.acked == 300'
	done
	bench --transport ws --sub-url "ws://$NCHAN/sub/{topic}" --pub-url "http://$NCHAN/pub/{topic}" --subscribers 5 \
		--rate 500 --count 300
	assert_all_came 1500
	# And published by WebSocket, which nobody acknowledges.
	bench --transport sse --sub-url "http://$NCHAN/sub/{topic}" --pub-url "ws://$NCHAN/pub/{topic}" --subscribers 2 \
		--rate 500 --count 300 --topic other
	assert_all_came 600
	assert_json '.publishers.acked == 0'
}

@test "rt-bench: Nchan: who comes back says where it stood, and has lost nothing" {
	local t
	start_nchan
	for t in sse longpoll; do
		bench --transport "$t" --sub-url "http://$NCHAN/sub/{topic}" --pub-url "http://$NCHAN/pub/{topic}" --topic "$t" \
			--subscribers 10 --rate 200 --duration 1s --warmup 0s --churn 50 --resume-after 20ms
		assert_json '.clean and .all.received == 2000 and .all.reconnects > 20'
	done
}

# --- plain servers --------------------------------------------------------------------------------

@test "rt-bench: a server of Server-Sent Events, with the payload as a string in another body" {
	bg sse "$PYTHON" "$RT_ROOT/tests/helpers/sse_server.py"
	wait_lines sse.out 1
	local url
	url=http://127.0.0.1:$(cat "$RT_TMP/sse.out")
	bench --sub-url "$url/stream?topic={topic}&after={cursor}" --pub-url "$url/publish" \
		--pub-body '{"topic":"{topic}","n":{n},"message":{payload:json}}' --topics 2 --subscribers 6 --rate 200 --count 100
	assert_all_came 300
	assert_json '.publishers.acked == 100'
	bench --sub-url "$url/stream?topic={topic}&after={cursor}" --pub-url "$url/publish" \
		--pub-body '{"topic":"{topic}","message":{payload:json}}' --topic herd --subscribers 5 --rate 200 --duration 1s \
		--warmup 0s --herd --resume-after 100ms
	assert_json '.clean and .all.received == 1000 and .all.reconnects == 5'
}

@test "rt-bench: a WebSocket server that passes on what it gets" {
	bg ws node "$RT_ROOT/tests/helpers/ws_broadcast.js"
	wait_lines ws.out 1
	local url
	url=ws://127.0.0.1:$(cat "$RT_TMP/ws.out")
	bench --sub-url "$url/{topic}" --pub-url "$url/{topic}" --pub-body '{"from":{sub},"n":{n},"event":{payload}}' \
		--subscribers 5 --rate 500 --count 300
	assert_all_came 1500
	# As fast as it goes; and more topics need more publishers.
	bench --sub-url "$url/{topic}" --pub-url "$url/{topic}" --subscribers 5 --count 2000 --topic fast
	assert_all_came 10000
	run -2 --separate-stderr rt-bench --sub-url "$url/{topic}" --pub-url "$url/{topic}" --topics 2
	[[ $stderr == *'a WebSocket publishes to one topic here'* ]]
}

# --- somebody else publishes ----------------------------------------------------------------------

@test "rt-bench: --publishers 0: another rt-bench publishes, and latency counts from its schedule" {
	start_server --store memory:
	bg judge rt-bench -v --json --publishers 0 --subscribers 4 --transport sse:1,ws:1 --duration 2s --warmup 0s
	wait_for grep -q 'from now on counts' "$RT_TMP/judge.err"
	bench --subscribers 0 --rate 300 --count 100
	bg_wait judge
	[ "$BG_STATUS" -eq 0 ]
	assert_json '.clean and .all.received == 400 and .all.latency_ns.count == 400 and .publishers.sent == 0
		and .all.latency_ns.max < 5e9' judge.out
}

@test "rt-bench: --publishers 0: rt-pub publishes, and the events carry their time" {
	start_server --store memory:
	bg judge rt-bench -v --json --publishers 0 --subscribers 3 --duration 2s --warmup 0s
	wait_for grep -q 'from now on counts' "$RT_TMP/judge.err"
	publish rt-bench 1 50
	bg_wait judge
	[ "$BG_STATUS" -eq 0 ]
	assert_json '.clean and .all.deliveries == 150 and .all.latency_ns.count == 150 and .all.latency_ns.max < 5e9' judge.out
}
