#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Chromium's own EventSource and WebSocket across a server that is killed or drains. The page is the
# server's own. Node's EventSource: cli/sse.bats.

bats_require_minimum_version 1.5.0
load ../cli/helper

# A page of the server's, in which numbers can be listened to.
open_page() {
	browser "$RT_URL/"
	wait_for -t 30 is_there
	page_eval 'var got = [], ids = [], opens = 0, errors = 0, source; 1' >/dev/null
}

# The browser begins with an empty page.
is_there() {
	[ "$(page_eval 'location.origin + document.readyState')" = "${RT_URL}complete" ]
}

got_all() {
	[ "$(page_eval 'got.join()')" = "$(seq -s , "$1")" ]
}

opened() {
	[ "$(page_eval opens)" -ge "$1" ]
}

# Events before, while nobody serves, and after; by kill -9 and by SIGTERM.
survives_restarts() {
	wait_for -t 30 opened 1
	publish chat 1 5
	wait_for -t 20 got_all 5
	kill_server
	restart_server
	publish chat 6 10
	wait_for -t 20 got_all 10
	stop_server
	restart_server
	publish chat 11 15
	wait_for -t 20 got_all 15
	wait_for opened 3
	[ "$(page_eval 'ids.every((id, i) => i === 0 || id > ids[i - 1])')" = true ]
}

@test "EventSource comes back by itself with Last-Event-ID: nothing missing, nothing twice" {
	start_server --retry 100ms
	open_page
	page_eval 'source = new EventSource("/topics/chat?since=all");
		source.onopen = () => opens++;
		source.onerror = () => errors++;
		source.onmessage = e => { got.push(JSON.parse(e.data).data.n); ids.push(e.lastEventId); }; 1'
	survives_restarts
	# it kept the one object it was given
	[ "$(page_eval source.readyState)" = 1 ]
}

@test "EventSource with only payloads: event names, and the last id all the same" {
	start_server --retry 100ms
	open_page
	page_eval 'source = new EventSource("/topics/chat?since=all&format=data");
		source.onopen = () => opens++;
		source.addEventListener("tick", e => { got.push(JSON.parse(e.data).n); ids.push(e.lastEventId); }); 1'
	wait_for -t 30 opened 1
	lines 3 | rt-pub --type tick chat
	wait_for -t 20 got_all 3
	kill_server
	restart_server
	lines 6 4 | rt-pub --type tick chat
	wait_for -t 20 got_all 6
}

@test "EventSource ends for good at 204, and not while the server drains" {
	start_server --retry 100ms --drain 3s
	open_page
	page_eval 'source = new EventSource("/topics/chat?since=all&until=done");
		source.onopen = () => opens++;
		source.onmessage = e => got.push(JSON.parse(e.data).data.n); 1'
	wait_for -t 30 opened 1
	publish chat 1 2
	wait_for -t 20 got_all 2
	stop_server	# it asks again while draining, and is told to come back
	[ "$(page_eval source.readyState)" = 0 ]
	restart_server
	lines 3 3 | rt-pub --type "done" chat
	wait_for -t 20 got_all 3
	_closed() { [ "$(page_eval source.readyState)" = 2 ]; }
	wait_for -t 20 _closed
}

@test "WebSocket, opened again with since= the last id: nothing missing, nothing twice" {
	start_server --retry 100ms
	open_page
	page_eval 'var last = "all";
		function connect() {
			source = new WebSocket("ws://" + location.host + "/topics/chat?since=" + last);
			source.onopen = () => opens++;
			source.onclose = () => setTimeout(connect, 100);
			source.onmessage = m => {
				const e = JSON.parse(m.data);
				last = e.id; got.push(e.data.n); ids.push(e.id);
			};
		}
		connect(); 1'
	survives_restarts
	page_eval 'source.send(JSON.stringify({n: 16})); 1'
	wait_for -t 20 got_all 16
}
