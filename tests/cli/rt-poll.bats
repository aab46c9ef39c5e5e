# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2030,SC2031  # run sets output, stderr, status
# rt-poll against a server that misbehaves on demand: topics, and web resources.
bats_require_minimum_version 1.5.0
load helper
load ../helpers/fake.bash

# post TOPIC VALUE...: publish to the fake server, with curl, so that these tests stand on rt-poll alone
post() {
	local topic=$1
	shift
	printf '%s\n' "$@" | curl -sS -o /dev/null --data-binary @- \
		-H 'Content-Type: application/x-ndjson' "$RT_URL/topics/$topic"
}

fingerprint() {
	stat -c '%i %y %s' "$1"
}

# --- topics ----------------------------------------------------------------------------------

@test "prints envelopes as they are, all pages, then there is nothing new with -S" {
	start_fake
	post chat '{"a": 1.50}' '"zwei"' 3
	post other 4
	run rt-poll -S "$RT_TMP/state" --limit 2 chat
	assert_success
	assert_equal "$output" "$(grep '"topic":"chat"' "$FAKE/events")"
	run requests '[.path,.query.topic,.query.as,.headers.accept]'
	assert_line -n -1 '["/events",["chat"],["poll"],"application/x-ndjson"]'
	[ "$(requests .conn | tail -n 2 | sort -u | wc -l)" -eq 1 ]

	run rt-poll -S "$RT_TMP/state" chat
	assert_equal "$status" 1
	assert_output ""
	post chat 5
	run rt-poll -r -S "$RT_TMP/state" chat
	assert_success
	assert_output 5
}

@test "a 304 leaves the state file's bytes and times untouched" {
	start_fake
	post chat 1
	rt-poll -S "$RT_TMP/state" chat
	before=$(fingerprint "$RT_TMP/state")
	run rt-poll -S "$RT_TMP/state" chat
	assert_equal "$status" 1
	run requests .status
	assert_line -n -1 304
	assert_equal "$(fingerprint "$RT_TMP/state")" "$before"
}

@test "the cursor goes back as it came, with the identity of the store" {
	start_fake
	post chat 1
	rt-poll -S "$RT_TMP/state" chat
	rt-poll -S "$RT_TMP/state" chat || :
	run requests '.headers|[."last-event-id",."if-none-match",."rt-store"]'
	assert_line -n -1 '["1763950000000001","\"1763950000000001\"","00000000000000aa"]'
	run jq -c . "$RT_TMP/state"
	assert_output --partial '"cursor":"1763950000000001","store":"00000000000000aa"'
}

@test "another store behind the same URL: the gap record is printed, and told with -r" {
	start_fake
	post chat 1
	rt-poll -S "$RT_TMP/state" chat
	sed -i 's/00000000000000aa/00000000000000bb/' "$RT_TMP/state"
	cp "$RT_TMP/state" "$RT_TMP/state2"
	run rt-poll -S "$RT_TMP/state" chat
	assert_success
	assert_output '{"gap":{"topic":"chat","after":"1763950000000001","until":null,"reason":"store"}}'
	run --separate-stderr rt-poll -r -S "$RT_TMP/state2" chat
	assert_success
	assert_output ""
	[[ $stderr == *"events of \"chat\" are missing"* ]]
}

@test "several topics and patterns: one request, the same state in any order" {
	start_fake
	post a 1
	post b/c 2
	post d 3
	run rt-poll -r -S "$RT_TMP/state" 'b/**' a -t a
	assert_output $'1\n2'
	run requests .query.topic
	assert_line -n -1 '["a","b/**"]'
	run rt-poll -S "$RT_TMP/state" a 'b/**'
	assert_equal "$status" 1
	run rt-poll -S "$RT_TMP/state" a
	assert_equal "$status" 3
	assert_output --partial "belongs to another"
}

@test "--since and --last say where to start, a saved cursor goes before them" {
	start_fake
	post chat 1 2 3
	run rt-poll -r --last 2 chat
	assert_output $'2\n3'
	run rt-poll -r --since 1763950000000002 chat
	assert_output 3
	run rt-poll --since now -S "$RT_TMP/state" chat
	assert_equal "$status" 1
	post chat 4
	run rt-poll -r --since all -S "$RT_TMP/state" chat
	assert_output 4
	run requests '[.query.since,.headers["last-event-id"]]'
	assert_line '[null,"1763950000000003"]'
}

@test "a run ends though events keep coming: those after its beginning are for the next one" {
	start_fake '[{"status":200,"headers":{"ETag":"\"7\"","Link":"</x>; rel=\"next\""},
		"body":"{\"topic\":\"chat\",\"time\":\"2099-01-01T00:00:00.000Z\",\"data\":1}\n"}]'
	run rt-poll -r -S "$RT_TMP/state" chat
	assert_output 1
	run requests 'select(.method == "GET").path'
	assert_output '"/events"'
}

@test "-n stops after so many events, and the next run goes on behind them" {
	start_fake
	post chat 1 2 3 4 5
	run rt-poll -r -n 2 -S "$RT_TMP/state" chat
	assert_output $'1\n2'
	run rt-poll -r -n 2 --limit 1 -S "$RT_TMP/state" chat
	assert_output $'3\n4'
	run rt-poll -r -n 2 -S "$RT_TMP/state" chat
	assert_output 5
}

@test "-r: strings unquoted, base64 decoded" {
	start_fake
	post chat '"tab\there"' '{"a":"b"}' '"é"'
	printf '\xff\x00\n' >"$RT_TMP/want"
	jq -cn --arg b "$(base64 <"$RT_TMP/want")" '{topic: "bin", data_base64: $b}' |
		curl -sS -o /dev/null --data-binary @- "$RT_URL/events"
	run rt-poll -r chat
	assert_output $'tab\there\n{"a":"b"}\né'
	rt-poll -r bin >"$RT_TMP/got"
	printf '\n' >>"$RT_TMP/want"
	assert_same "$RT_TMP/want" "$RT_TMP/got"
}

@test "--wait: a long poll that ends with the event, or with status 1 when time is up" {
	start_fake
	run rt-poll --wait 1 chat
	assert_equal "$status" 1
	bg poll rt-poll -r --wait 20 chat
	wait_for arrived 2
	post chat '"now"'
	bg_wait poll 5
	assert_equal "$BG_STATUS" 0
	run cat "$RT_TMP/poll.out"
	assert_output now
	run requests 'select(.method == "GET").headers.prefer'
	assert_output $'"wait=1"\n"wait=20"\nnull'
}

@test "--every: again and again on one connection, each event once" {
	start_fake
	post chat 1
	bg poll rt-poll -r --every 100ms -S "$RT_TMP/state" chat
	wait_lines poll.out 1
	post chat 2
	wait_lines poll.out 2
	post chat 3
	wait_lines poll.out 3
	bg_kill poll INT || bg_kill poll TERM
	run cat "$RT_TMP/poll.out"
	assert_output $'1\n2\n3'
	[ "$(requests 'select(.method == "GET").conn' | sort -u | wc -l)" -eq 1 ]
}

@test "--every outlives a server that is away; -n ends it" {
	start_fake
	post chat 1
	bg poll rt-poll -r -n 2 --every 100ms chat
	wait_lines poll.out 1
	stop_fake
	wait_for grep -q 'trying again' "$RT_TMP/poll.err"
	restart_fake
	post chat 1 2
	bg_wait poll
	assert_equal "$BG_STATUS" 0
	run cat "$RT_TMP/poll.out"
	assert_output $'1\n2'
}

@test "a signal ends --every by that signal" {
	start_fake
	bg poll rt-poll --every 60 chat
	wait_for has_requests 1
	bg_kill poll TERM
	assert_equal "$BG_STATUS" 143
	bg poll rt-poll --wait 60 chat
	wait_for arrived 2
	bg_kill poll TERM
	assert_equal "$BG_STATUS" 143
}

@test "the cursor is saved after the output was written, not before" {
	start_fake
	post chat 1
	run bash -c "rt-poll -S '$RT_TMP/state' chat >/dev/full"
	assert_equal "$status" 10
	assert_output --partial "stdout: No space left on device"
	[ ! -e "$RT_TMP/state" ]
	run rt-poll -r -S "$RT_TMP/state" chat
	assert_output 1
}

@test "a closed stdout ends it quietly and saves no cursor" {
	start_fake
	post chat 1
	mkfifo "$RT_TMP/out"
	exec 7<>"$RT_TMP/out"
	rt-poll -S "$RT_TMP/state" chat 2>"$RT_TMP/err" >"$RT_TMP/out" 7>&- &
	exec 7>&-
	wait $! || :
	run bash -c "rt-poll -S '$RT_TMP/state2' chat | true; echo \${PIPESTATUS[0]}"
	assert_output --regexp '^(0|141)$'
	[ ! -s "$RT_TMP/err" ]
}

@test "two runs at once: the second leaves quietly, nothing is lost or doubled" {
	start_fake
	bg poll rt-poll -r --wait 20 -S "$RT_TMP/state" chat
	wait_for arrived 1
	run rt-poll -S "$RT_TMP/state" chat
	assert_equal "$status" 1
	assert_output ""
	run rt-poll -v -S "$RT_TMP/state" chat
	assert_equal "$status" 1
	assert_output --partial "is in use by another run"
	post chat 1
	bg_wait poll
	run cat "$RT_TMP/poll.out"
	assert_output 1
	run rt-poll -S "$RT_TMP/state" chat
	assert_equal "$status" 1
}

@test "a state file that is none is refused and left alone" {
	start_fake
	for text in 'hello' '[1]' '{"cursor":"5"}' '{"for":5}'; do
		echo "$text" >"$RT_TMP/state"
		run rt-poll -S "$RT_TMP/state" chat
		assert_equal "$status" 3
		assert_output --partial "is not a state file"
		assert_equal "$(cat "$RT_TMP/state")" "$text"
	done
	run rt-poll -S /dev/null chat
	assert_equal "$status" 3
	[ -c /dev/null ]
	run rt-poll -S "$RT_TMP/none/state" chat
	assert_equal "$status" 3
	: >"$RT_TMP/state"
	run rt-poll -S "$RT_TMP/state" chat
	assert_equal "$status" 1
}

@test "failures: 3 tries more, then status 5; refusals 4; nonsense 6" {
	run --separate-stderr rt-poll -s http://127.0.0.1:1 chat
	assert_equal "$status" 5
	assert_equal "$stderr" "rt-poll: http://127.0.0.1:1 cannot be reached: Connection refused; giving up"
	start_fake '[{"status":503,"count":3,"headers":{"Retry-After":"0"}}]'
	run rt-poll chat
	assert_equal "$status" 1
	plan '[{"status":403,"body":"{\"detail\":\"not yours\"}"}]'
	run rt-poll chat
	assert_equal "$status" 4
	assert_output "rt-poll: HTTP 403 Forbidden: not yours"
	plan '[{"status":200,"body":"<html></html>"}]'
	run rt-poll chat
	assert_equal "$status" 6
	plan '[{"status":200,"body":"{\"topic\":\"chat\",\"data\":1}\n"}]'
	run rt-poll chat
	assert_equal "$status" 6
	assert_output --partial "has no cursor"
}

@test "a connection that breaks in the middle of a page: nothing of it is printed twice" {
	start_fake
	post chat 1 2 3
	plan '[{"drop":"middle"}]'
	run rt-poll -r -S "$RT_TMP/state" chat
	assert_success
	assert_output $'1\n2\n3'
}

@test "control characters are exact in a pipe, escaped on a terminal" {
	command -v script >/dev/null || skip "no script(1)"
	start_fake
	post chat '"a\u001b[31mb\u009b"'
	rt-poll -r chat >"$RT_TMP/got"
	printf 'a\x1b[31mb\xc2\x9b\n' >"$RT_TMP/want"
	assert_same "$RT_TMP/want" "$RT_TMP/got"
	script -qec "rt-poll -r chat" /dev/null </dev/null >"$RT_TMP/tty"
	run cat -v "$RT_TMP/tty"
	assert_output --partial 'a\x1b[31mb\u009b'
}

# --- with rt-serve ---------------------------------------------------------------------------

@test "rt-serve: pages, then nothing new; a restart of the server changes nothing" {
	start_server
	publish chat 1 2500
	run rt-poll -S "$RT_TMP/state" --limit 100 chat
	assert_success
	echo "$output" >"$RT_TMP/got"
	assert_seqs got 1 2500
	before=$(fingerprint "$RT_TMP/state")
	kill_server
	restart_server
	run rt-poll -S "$RT_TMP/state" chat
	assert_equal "$status" 1
	assert_output ""
	assert_equal "$(fingerprint "$RT_TMP/state")" "$before"
	publish chat 2501 2510
	rt-poll -S "$RT_TMP/state" chat >"$RT_TMP/got"
	assert_seqs got 2501 2510
}

@test "rt-serve: any split of a topic into runs gives the same lines" {
	start_server
	publish chat 1 200
	publish other/x 1 50
	rt-poll chat 'other/*' >"$RT_TMP/whole"
	[ "$(wc -l <"$RT_TMP/whole")" -eq 250 ]
	for n in 3 7 99; do
		rm -f "$RT_TMP/state"
		while rt-poll -S "$RT_TMP/state" -n "$n" chat 'other/*'; do :; done >"$RT_TMP/parts"
		assert_same whole parts
	done
}

@test "rt-serve: a long poll gets the event that comes, in time" {
	start_server
	rt-poll -S "$RT_TMP/state" --since now chat || :
	bg poll rt-poll -r --wait 20 -S "$RT_TMP/state" chat
	publish chat 1 1
	bg_wait poll 5
	assert_equal "$BG_STATUS" 0
	run cat "$RT_TMP/poll.out"
	assert_output '{"n":1}'
}

@test "rt-serve: another store behind the URL is told by a gap, and polling goes on" {
	start_server
	publish chat 1 3
	rt-poll -S "$RT_TMP/state" chat
	stop_server
	restart_server --store "$RT_TMP/new.store"
	publish chat 1 2
	run rt-poll -S "$RT_TMP/state" chat
	assert_success
	[[ $output == *'"reason":"store"'* ]]
	publish chat 3 3
	run rt-poll -r -S "$RT_TMP/state" chat
	assert_output '{"n":3}'
}

# --- web resources ---------------------------------------------------------------------------

@test "a web resource: JSON as it is, anything else a string, bytes as base64" {
	start_fake
	printf '{\n "x": [1,2]\n}\n' >"$FAKE/doc"
	run rt-poll "$RT_URL/web/doc"
	assert_success
	assert_output '{"data":{ "x": [1,2]}}'
	printf 'hello\n' >"$FAKE/doc"
	run rt-poll "$RT_URL/web/doc"
	assert_output '{"data":"hello\n"}'
	printf '\xff' >"$FAKE/doc"
	run rt-poll "$RT_URL/web/doc"
	assert_output '{"data_base64":"/w=="}'
	: >"$FAKE/doc"
	run rt-poll "$RT_URL/web/doc"
	assert_success
	assert_output '{"data":""}'
}

web_resource() {
	local url=$RT_URL/web/doc$1 before
	echo '"one"' >"$FAKE/doc"
	touch -d '2025-01-01 00:00:00Z' "$FAKE/doc"
	run rt-poll -S "$RT_TMP/state" "$url"
	assert_success
	assert_output '{"data":"one"}'
	before=$(fingerprint "$RT_TMP/state")
	run rt-poll -S "$RT_TMP/state" "$url"
	assert_equal "$status" 1
	assert_output ""
	assert_equal "$(fingerprint "$RT_TMP/state")" "$before"
	echo '"two"' >"$FAKE/doc"
	touch -d '2025-01-01 00:01:00Z' "$FAKE/doc"
	run rt-poll -r -S "$RT_TMP/state" "$url"
	assert_success
	assert_output two
}

@test "a web resource with an ETag: 304 leaves state and output untouched" {
	start_fake
	web_resource '?etag'
	run requests .status
	assert_output $'200\n304\n200'
}

@test "a web resource with Last-Modified" {
	start_fake
	web_resource '?modified'
	run requests .status
	assert_output $'200\n304\n200'
}

@test "a web resource without either: by the hash of its body" {
	start_fake
	web_resource ''
	run requests .status
	assert_output $'200\n200\n200'
}

@test "a new ETag for the same bytes is no change" {
	start_fake '[{"status":200,"headers":{"ETag":"\"a\""},"body":"1"},{"status":200,"headers":{"ETag":"\"b\""},"body":"1"}]'
	rt-poll -S "$RT_TMP/state" "$RT_URL/x"
	before=$(fingerprint "$RT_TMP/state")
	run rt-poll -S "$RT_TMP/state" "$RT_URL/x"
	assert_equal "$status" 1
	assert_equal "$(fingerprint "$RT_TMP/state")" "$before"
}

@test "a state belongs to its URL, and holds no password" {
	start_fake
	echo 1 >"$FAKE/doc"
	echo 2 >"$FAKE/other"
	rt-poll -S "$RT_TMP/state" "http://me:secret@127.0.0.1:$FAKE_PORT/web/doc"
	run grep secret "$RT_TMP/state"
	assert_failure
	run rt-poll -S "$RT_TMP/state" "$RT_URL/web/other"
	assert_equal "$status" 3
	assert_output --partial "belongs to another"
	run rt-poll -S "$RT_TMP/state" "$RT_URL/web/doc"
	assert_equal "$status" 1
}

@test "redirects are followed; RT_TOKEN stays with the server it is for" {
	start_fake
	echo 1 >"$FAKE/doc"
	plan '[{"status":302,"headers":{"Location":"/web/doc"}}]'
	RT_TOKEN=abc run rt-poll -s http://127.0.0.1:1 "$RT_URL/web/moved"
	assert_output '{"data":1}'
	run requests '[.status,.headers.authorization]'
	assert_output $'[302,null]\n[200,null]'
}

@test "--every with a web resource prints each change" {
	start_fake
	echo 1 >"$FAKE/doc"
	bg poll rt-poll -r --every 50ms -n 2 "$RT_URL/web/doc"
	wait_lines poll.out 1
	echo 2 >"$FAKE/doc.new"
	mv "$FAKE/doc.new" "$FAKE/doc"
	bg_wait poll
	assert_equal "$BG_STATUS" 0
	run cat "$RT_TMP/poll.out"
	assert_output $'1\n2'
}

@test "an answer over --max-body, a 404" {
	start_fake
	head -c 5000 /dev/zero >"$FAKE/doc"
	run rt-poll --max-body 1K "$RT_URL/web/doc"
	assert_equal "$status" 6
	assert_output --partial "larger than --max-body"
	run rt-poll "$RT_URL/web/none"
	assert_equal "$status" 4
	assert_output "rt-poll: HTTP 404 Not Found: no such resource"
}

# --- usage -----------------------------------------------------------------------------------

@test "usage errors: status 2" {
	run -2 rt-poll 'http://[::1'
	for args in "" "chat http://127.0.0.1:1/x" "http://127.0.0.1:1/x http://127.0.0.1:1/y" "ws://127.0.0.1:1/x" \
		"--since now --last 3 chat" "--wait 5 http://127.0.0.1:1/x" "a//b" "--every 0 chat" "-n 0 chat" "--sql x"; do
		# shellcheck disable=SC2086
		run rt-poll $args
		assert_equal "$args: $status" "$args: 2"
	done
}
