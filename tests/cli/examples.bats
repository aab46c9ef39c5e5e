# SPDX-License-Identifier: MIT
# Each of examples/, as it stands.
bats_require_minimum_version 1.5.0
load helper

EXAMPLES=$RT_ROOT/examples

setup() {
	export HOME=$RT_TMP/home
	mkdir -p "$HOME"
	unset XDG_STATE_HOME
}

# Ends what an example started and what only ends with it (tail at the head of a pipe).
end_with_children() {
	local pid
	pid=$(bg_pid "$1")
	kill -TERM $(pgrep -P "$pid") "$pid" 2>/dev/null || :
	bg_wait "$1"
}

@test "there is a test for each example" {
	for f in "$EXAMPLES"/*; do
		grep -q "^@test \"examples/${f##*/}: " "$BATS_TEST_FILENAME" || [ "${f##*/}" = README.md ]
	done
}

@test "examples/chat: two people talk, and whoever comes later sees what was said" {
	start_server
	mkfifo "$RT_TMP/ann" "$RT_TMP/bob"
	exec 7<>"$RT_TMP/ann" 8<>"$RT_TMP/bob"
	BG_STDIN=$RT_TMP/ann bg a "$EXAMPLES/chat" lobby ann
	echo 'hello?' >&7
	wait_for grep -qx 'ann: hello?' "$RT_TMP/a.out"
	BG_STDIN=$RT_TMP/bob bg b "$EXAMPLES/chat" lobby bob
	wait_for grep -qx 'ann: hello?' "$RT_TMP/b.out"
	echo 'hi, "ann" \o/' >&8
	wait_for grep -qxF 'bob: hi, "ann" \o/' "$RT_TMP/a.out"
	wait_for grep -qxF 'bob: hi, "ann" \o/' "$RT_TMP/b.out"
	run sort "$RT_TMP/a.out"
	[ ${#lines[@]} -eq 2 ]
	for who in a b; do
		end_with_children $who
	done
	exec 7>&- 8>&-
}

@test "examples/chat: leaves when its input ends, and takes the listener along" {
	start_server
	echo bye >"$RT_TMP/in"
	BG_STDIN=$RT_TMP/in bg a "$EXAMPLES/chat" lobby ann
	bg_wait a
	[ "$BG_STATUS" -eq 0 ]
	run rt-poll -r chat/lobby
	assert_output 'ann: bye'
}

@test "examples/chat: a terminal shows what is said, and nothing else" {
	start_server
	mkfifo "$RT_TMP/ann"
	exec 7<>"$RT_TMP/ann"
	TERM=xterm BG_STDIN=$RT_TMP/ann bg a script -qec "'$EXAMPLES/chat' lobby ann" /dev/null
	# longer than it takes rt-pub to tell how far it is
	_sits() {
		[ "$(ps -o etimes= -p "$(bg_pid a)")" -ge 2 ]
	}
	wait_for _sits
	echo hello >&7
	wait_for grep -q $'ann: hello\r' "$RT_TMP/a.out"
	run cat -v "$RT_TMP/a.out"
	assert_output $'hello^M\nann: hello^M'
	printf '\x04' >&7
	bg_wait a
	exec 7>&-
}

@test "examples/log-tail: a log becomes events, also after it was rotated" {
	start_server
	echo old >"$RT_TMP/my.log"
	bg tail "$EXAMPLES/log-tail" "$RT_TMP/my.log"
	topic=logs/$(uname -n)/my.log
	_append_and_look() {
		echo "$1" >>"$RT_TMP/my.log"
		rt-poll -r "$topic" | grep -qxF "$1"
	}
	wait_for _append_and_look 'a "first" line \n'
	mv "$RT_TMP/my.log" "$RT_TMP/my.log.1"
	wait_for -t 20 _append_and_look 'after the rotation'
	run rt-poll -r "$topic"
	refute_line old
	end_with_children tail
	run "$EXAMPLES/log-tail"
	assert_failure 2
	assert_output --partial usage
}

# dpkg-query of a machine that has these packages: "name version" a line
fake_packages() {
	mkdir -p "$RT_TMP/fake"
	printf '%s installed\n' "$@" >"$RT_TMP/fake/list"
	echo 'gone 1.0 deinstalled' >>"$RT_TMP/fake/list"
	printf '#!/bin/sh\ncat "%s"\n' "$RT_TMP/fake/list" >"$RT_TMP/fake/dpkg-query"
	chmod +x "$RT_TMP/fake/dpkg-query"
}

@test "examples/new-packages: announces what changed since the last run, once" {
	start_server
	fake_packages 'bash 5.2' 'jq 1.6'
	announce() {
		env -i HOME="$HOME" RT_URL="$RT_URL" PATH="$RT_TMP/fake:$PATH" sh "$EXAMPLES/new-packages"
	}
	run announce
	assert_success
	assert_output ''
	run fetch /topics/packages
	assert_output '[]'

	fake_packages 'bash 5.3' 'hello:amd64 2.10-3'
	run announce
	assert_success
	run announce
	assert_success
	run fetch /topics/packages
	assert_json 'map(.data) | sort_by(.package) == [
		{"package":"bash","what":"upgraded","version":"5.3"},
		{"package":"hello:amd64","what":"installed","version":"2.10-3"},
		{"package":"jq","what":"removed","version":"1.6"}]'
	run find "$HOME" -type f
	[ ${#lines[@]} -eq 1 ]
}

@test "examples/new-packages: what could not be announced is announced by the next run" {
	start_server
	fake_packages 'bash 5.2'
	announce() {
		PATH=$RT_TMP/fake:$PATH sh "$EXAMPLES/new-packages"
	}
	announce
	stop_server
	fake_packages 'bash 5.2' 'jq 1.6'
	run announce
	assert_failure
	restart_server
	announce
	run fetch /topics/packages
	assert_json 'map(.data.package) == ["jq"]'
}

@test "examples/new-packages: the packages of this machine, and the poll from cron beside it" {
	start_server
	# copied beside the tools, as its head says, and run with the PATH that cron has
	mkdir -p "$RT_TMP/local/bin"
	ln -s "$RT_BIN"/rt-* "$RT_TMP/local/bin"
	cp "$EXAMPLES/new-packages" "$RT_TMP/local/bin"
	cron() {
		env -i HOME="$HOME" RT_URL="$RT_URL" PATH=/usr/bin:/bin sh -c "$1"
	}
	cron "$RT_TMP/local/bin/new-packages"
	n=$(wc -l <"$HOME/.local/state/rt/packages")
	[ "$n" -gt 50 ]
	sed -i 3d "$HOME/.local/state/rt/packages"
	cron "$RT_TMP/local/bin/new-packages"
	[ "$(wc -l <"$HOME/.local/state/rt/packages")" -eq "$n" ]
	poll=$(sed -nE "s|^#   \*/15( \*){4}  /usr(/local/bin/rt-poll .*)|$RT_TMP\2|p" "$EXAMPLES/new-packages")
	run cron "$poll"
	assert_success
	assert_output --partial '"what":"installed"'
	run cron "$poll"
	assert_failure 1
	assert_output ''
}

# --- pages ----------------------------------------------------------------------------------------

# pages PAGE TOPIC: a server, the pages beside it, and a browser that shows one
open_page() {
	PAGES_PORT=$(free_port)
	start_server --origin "http://localhost:$PAGES_PORT" --retry 100ms
	bg pages "$PYTHON" -m http.server --bind 127.0.0.1 --directory "$EXAMPLES" "$PAGES_PORT"
	wait_listening "$PAGES_PORT"
	browser "http://localhost:$PAGES_PORT/$1?server=$RT_URL&topic=$2"
	wait_for -t 30 page_shows connected
}

# As a person would: type, press the button.
type_in_page() {
	page_eval "document.getElementById('text').value = '$1'
		document.querySelector('form button').click()"
}

# The page, from an event to a restart of the server and back.
page_works() {
	open_page "$1" a/topic
	rt-pub a/topic -m 'from the shell'
	wait_for page_shows 'from the shell'
	type_in_page 'from the page'
	wait_for page_shows 'from the page'
	run rt-poll -r a/topic
	assert_output $'from the shell\nfrom the page'
	stop_server
	wait_for page_shows 'connecting again'
	restart_server
	rt-pub a/topic -m 'after a restart'
	wait_for -t 20 page_shows 'after a restart'
	run page_eval '[...document.querySelectorAll("li")].map(l => l.lastChild.textContent).join()'
	assert_output 'from the shell,from the page,after a restart'
}

@test "examples/eventsource.html: shows events, publishes, survives a restart" {
	page_works eventsource.html
}

@test "examples/websocket.html: shows events, publishes, survives a restart without a repeat" {
	page_works websocket.html
}

@test "examples/pages: serves both pages and a server that lets them in" {
	port=$(free_port)
	events=$(free_port)
	bg pages "$EXAMPLES/pages" "$port" "$events"
	wait_listening "$port"
	wait_listening "$events"
	for page in eventsource.html websocket.html; do
		run http_status "http://localhost:$port/$page"
		assert_output 200
		assert_file_exists "$EXAMPLES/$page"
	done
	run http_status -H "Origin: http://localhost:$port" "http://127.0.0.1:$events/topics/demo"
	assert_output 200
	run http_status -H "Origin: http://other.example" "http://127.0.0.1:$events/topics/demo"
	assert_output 403
	server=$(pgrep -P "$(bg_pid pages)" rt-serve)
	end_with_children pages
	wait_for _gone "$server"
}
