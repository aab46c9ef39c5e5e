# SPDX-License-Identifier: MIT
# Every command of README.md, run for real. A block there has a name, in a comment above it:
# <!-- run: NAME -->; the test "README: NAME ..." here runs it. The commands are changed only
# where they must not touch this machine: the port, the home, the store's default place.
bats_require_minimum_version 1.5.0
load helper

setup() {
	export HOME=$RT_TMP/home
	mkdir -p "$HOME" "$RT_TMP/shim"
	cd "$HOME"
	shim rt-pub rt-sub rt-poll
}

teardown() {
	local pid
	while read -r pid; do
		kill -TERM "$pid" 2>/dev/null || :
	done < <(cat "$RT_TMP/pids" 2>/dev/null)
	rt_cleanup
}

# The tools by their names, but their pids are known, and end with the test.
shim() {
	local t
	for t in "$@"; do
		# shellcheck disable=SC2016  # $$ is the shim's
		printf '#!/bin/sh\necho $$ >>"%s"\nexec "%s" "$@"\n' "$RT_TMP/pids" "$RT_BIN/$t" \
			>"$RT_TMP/shim/$t"
		chmod +x "$RT_TMP/shim/$t"
	done
	PATH=$RT_TMP/shim:$PATH
}

# rt-serve as typed, but on a free port, and with a store of the test's own.
shim_server() {
	SERVER_PORT=$(free_port)
	export RT_URL=http://127.0.0.1:$SERVER_PORT
	# shellcheck disable=SC2016
	printf '#!/bin/sh\necho $$ >>"%s"\nexec "%s" --listen 127.0.0.1:%s --store "%s" "$@"\n' \
		"$RT_TMP/pids" "$RT_BIN/rt-serve" "$SERVER_PORT" "$RT_TMP/rt.db" >"$RT_TMP/shim/rt-serve"
	chmod +x "$RT_TMP/shim/rt-serve"
}

# The named block of the README, for the server of this test, as a file.
block() {
	awk -v marker="<!-- run: $1 -->" '
		$0 == marker { on = 1; next }
		on && /^```/ { if (inside) exit; inside = 1; next }
		inside { print }' "$RT_ROOT/README.md" |
		sed "s|127\.0\.0\.1:7070|127.0.0.1:${SERVER_PORT:-1}|g" >"$RT_TMP/block"
	[ -s "$RT_TMP/block" ]
}

# A block of one command in the background, without a shell around it.
bg_block() {
	sed -i 's/^/exec /' "$RT_TMP/block"
	bg "$1" bash "$RT_TMP/block"
}

# publish_until CONDITION...: publish {"text":"hi"} to chat/lobby until the condition holds
publish_until() {
	_publish_and() {
		echo '{"text":"hi"}' | rt-pub chat/lobby
		"$@"
	}
	wait_for _publish_and "$@"
}

@test "README: every block has a name, and every name has a test" {
	fences=$(grep -c '^```[a-z]' "$RT_ROOT/README.md")
	names=$(sed -n 's/^<!-- run: \(.*\) -->$/\1/p' "$RT_ROOT/README.md")
	[ "$(wc -l <<<"$names")" -eq "$fences" ]
	[ "$(sort -u <<<"$names" | wc -l)" -eq "$fences" ]
	diff <(sort <<<"$names") \
		<(sed -n 's/^@test "README block \([a-z-]*\):.*/\1/p' "$BATS_TEST_FILENAME" | sort)
	# the marker stands right above its fence
	[ "$(grep -A 1 '^<!-- run' "$RT_ROOT/README.md" | grep -c '^```')" -eq "$fences" ]
}

@test "README block make: the two targets are there" {
	block make
	# make demo runs in packaging.bats; make test is what runs this
	run sed 's/ *#.*//' "$RT_TMP/block"
	assert_line --index 0 'make demo'
	assert_line --index 1 'make test'
	[ ${#lines[@]} -eq 2 ]
	for t in demo test; do
		env -u MAKEFLAGS make -C "$RT_ROOT" -n "$t"
	done
}

@test "README block pipe: three lines, and the event comes out" {
	shim_server
	block pipe
	[ "$(wc -l <"$RT_TMP/block")" -eq 3 ]
	bg pipe bash "$RT_TMP/block"
	wait_for grep -qx '{' "$RT_TMP/pipe.out"
	wait_for grep -q '"text": "hi"' "$RT_TMP/pipe.out"
}

@test "README block serve: listens where the others look" {
	shim_server
	block serve
	bg serve bash "$RT_TMP/block"
	wait_for grep -qx "rt-serve: listening on $RT_URL" "$RT_TMP/serve.out"
	run rt-serve -h
	assert_output --partial '127.0.0.1:7070'
	run rt-sub -h
	assert_output --partial 'http://127.0.0.1:7070'
}

@test "README block subscribe: prints the data of each event" {
	start_server
	block subscribe
	bg sub bash "$RT_TMP/block"
	publish_until grep -q '"text": "hi"' "$RT_TMP/sub.out"
}

@test "README block resume: nothing is lost or repeated over a restart" {
	start_server
	block resume
	cp "$RT_TMP/block" "$RT_TMP/again"
	bg_block sub
	publish_until test -s chat.ndjson
	bg_kill sub
	n=$(curl -sS "$RT_URL/topics/chat/lobby" | jq length)
	publish chat/lobby 1 5
	mv "$RT_TMP/again" "$RT_TMP/block"
	bg_block sub
	first=$(head -n 1 chat.ndjson | jq .seq)
	wait_lines "$HOME/chat.ndjson" $((n + 5 - first + 1))
	assert_seqs "$HOME/chat.ndjson" "$first" $((n + 5))
}

@test "README block publish: a line, a file, a text" {
	start_server
	block publish
	bash -e "$RT_TMP/block"
	run fetch /topics/chat/lobby
	assert_json '[.[].data] == [{"text":"hi"}, {"n":1}, {"n":2}, {"n":3}, "plain text"]'
}

@test "README block tail: what a log gets becomes events" {
	start_server
	block tail
	echo old >dpkg.log
	sed -i "s|/var/log/dpkg.log|$HOME/dpkg.log|" "$RT_TMP/block"
	bg tail bash "$RT_TMP/block"
	_append_and_look() {
		echo 'status installed hello:amd64 2.10-3' >>dpkg.log
		fetch /topics/logs/dpkg | is_true 'length > 0'
	}
	wait_for _append_and_look
	run fetch /topics/logs/dpkg
	assert_json 'all(.[]; .data == "status installed hello:amd64 2.10-3")'
	kill -TERM "$(pgrep -P "$(bg_pid tail)" tail)"
}

@test "README block curl-publish: is acknowledged" {
	start_server
	block curl-publish
	run --separate-stderr bash "$RT_TMP/block"
	assert_success
	assert_json '.seq == 1 and .ack == "synced" and (.id | type) == "string"'
	run fetch /topics/chat/lobby
	assert_json '.[0].data == {"text":"hi"}'
}

@test "README block curl-sse: prints events as they come" {
	start_server
	block curl-sse
	bg_block curl
	wait_for grep -q '^id: ' "$RT_TMP/curl.out"
	publish chat/lobby 1 1
	wait_for grep -q '^data: {.*"data":{"n":1}}' "$RT_TMP/curl.out"
}

@test "README block curl-follow: prints the data of each event" {
	start_server
	block curl-follow
	bg curl bash "$RT_TMP/block"
	publish_until grep -q '"text": "hi"' "$RT_TMP/curl.out"
	kill -TERM "$(pgrep -P "$(bg_pid curl)" curl)"
}

@test "README block curl-poll: what there is, and what is next" {
	start_server
	publish chat/lobby 1 20
	block curl-poll
	bg curl bash "$RT_TMP/block"
	wait_for test -s "$RT_TMP/curl.out"
	publish_until _gone "$(bg_pid curl)"
	bg_wait curl
	[ "$BG_STATUS" -eq 0 ]
	run jq -s . "$RT_TMP/curl.out"
	assert_json '(.[0] | map(.data.n)) == [range(1; 11)] and .[1][0].data == {"text":"hi"}'
}

@test "README block browser: three lines in the console of a browser" {
	start_server
	publish chat/lobby 1 3
	block browser
	[ "$(wc -l <"$RT_TMP/block")" -eq 3 ]
	browser "$RT_URL/topics"
	wait_for -t 30 page_eval 'document.readyState == "complete" || undefined.x'
	page_eval 'globalThis.seen = []; console.log = value => seen.push(value); 0'
	page_eval "$(cat "$RT_TMP/block"); 0"
	_saw() {
		page_eval 'JSON.stringify(seen)' | grep -qxF "$1"
	}
	wait_for _saw '[{"n":1},{"n":2},{"n":3}]'
	publish chat/lobby 4 4
	wait_for _saw '[{"n":1},{"n":2},{"n":3},{"n":4}]'
}

@test "README block bench: a table, a page, and nothing lost" {
	start_server
	block bench
	run -0 --separate-stderr bash "$RT_TMP/block"
	assert_line --partial '200 subscribers (100 sse, 100 ws) on 1 topic'
	assert_line --regexp '^verdict  *nothing lost, doubled, out of order or corrupt'
	grep -q '<svg' report.html
}

@test "README block cron: what is new since the last run, nothing twice" {
	start_server
	publish chat/lobby 1 3
	block cron
	# five fields of time, then the command, which cron gives to sh with a bare environment
	sed -nE 's/^([^ ]+ +){5}//p' "$RT_TMP/block" >"$RT_TMP/command"
	[ "$(wc -l <"$RT_TMP/command")" -eq 1 ]
	sed -i "s|/usr/local/bin/|$RT_TMP/shim/|" "$RT_TMP/command"
	cron() {
		env -i HOME="$HOME" SHELL=/bin/sh PATH=/usr/bin:/bin RT_URL="$RT_URL" sh -c "$(cat "$RT_TMP/command")"
	}
	run --separate-stderr cron
	assert_success
	echo "$output" >"$RT_TMP/first"
	assert_ns first 1 3
	assert_file_exists "$HOME/.chat.cursor"
	run cron
	assert_failure 1
	assert_output ''
	publish chat/lobby 4 5
	run --separate-stderr cron
	assert_success
	echo "$output" >"$RT_TMP/second"
	assert_ns second 4 5
}

@test "README block man: the manual can be read before it is installed" {
	block man
	cd "$RT_ROOT"
	export MANPAGER=cat MANWIDTH=80
	run bash "$RT_TMP/block"
	assert_success
	assert_output --partial 'envelope'
	assert_output --partial 'EXIT STATUS'
}

@test "README block install: into a prefix, and out again" {
	block install
	export PREFIX=$RT_TMP/prefix
	# shellcheck disable=SC2016  # for the scripts
	{
		printf '#!/bin/sh\nexec "$@"\n' >"$RT_TMP/shim/sudo"
		printf '#!/bin/sh\nexec env -u MAKEFLAGS %s -C "%s" %s "$@"\n' "$(type -P make)" "$RT_ROOT" \
			"$(make_vars)" >"$RT_TMP/shim/make"
	}
	chmod +x "$RT_TMP"/shim/*
	cd "$RT_ROOT"
	grep -v uninstall "$RT_TMP/block" >"$RT_TMP/install"
	bash -e "$RT_TMP/install"
	assert_file_executable "$PREFIX/bin/rt-serve"
	grep uninstall "$RT_TMP/block" >"$RT_TMP/uninstall"
	bash -e "$RT_TMP/uninstall"
	assert_file_not_exists "$PREFIX/bin/rt-serve"
}

# Below the root without its name, which may have spaces.
build_folder() {
	local build=${RT_BIN%/*}
	echo "${build#"$RT_ROOT"/}"
}

# The variant that is tested, for make: not another one, which would be built only for this.
make_vars() {
	case "${RT_BIN##*/}" in
	bin) ;;
	release) echo "BUILD='$(build_folder)'" ;;
	*) echo "BUILD='$(build_folder)' SAN='$(tr - , <<<"${RT_BIN##*/}")'" ;;
	esac
}

@test "each file that the documents link to exists, and each folder is in README" {
	for doc in README.md CONTRIBUTING.md examples/README.md; do
		cd "$RT_ROOT/$(dirname "$doc")"
		grep -oE '\]\([^)#]+\)' "$RT_ROOT/$doc" | tr -d '])(' | grep -v '^http' | while read -r f; do
			echo "$doc: $f"
			[ -e "$f" ]
		done
	done
	for d in cmd/rt-serve/net cmd/rt-serve/api cmd/rt-serve/hub cmd/rt-serve/store libcommon man \
		completions examples tests scripts; do
		[ -d "$RT_ROOT/$d" ]
		grep -qF "\`$d/\`" "$RT_ROOT/README.md"
	done
	for f in "$RT_ROOT"/examples/*; do
		grep -qF "\`${f##*/}\`" "$RT_ROOT/examples/README.md" || [ "${f##*/}" = README.md ]
	done
}
