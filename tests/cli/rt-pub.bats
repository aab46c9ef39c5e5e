# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2030,SC2031  # run sets output, stderr, status
# rt-pub against a server that misbehaves on demand: what goes over the wire, and what does not.
bats_require_minimum_version 1.5.0
load helper
load ../helpers/fake.bash

# What is said in printf's notation, published with the arguments behind it.
feed() {
	# shellcheck disable=SC2059
	printf "$1" | rt-pub "${@:2}"
}

big_string() {
	printf '"%s"\n' "$(head -c "$1" /dev/zero | tr '\0' x)"
}

# --- what is published -----------------------------------------------------------------------

@test "JSON lines: one event each, byte for byte, in order" {
	start_fake
	run feed '{"n": 1.50,"s":"\\u00e9"}\n[1, 2]\n"x"\nnull\n' chat
	assert_success
	assert_output ""
	run cut -d, -f5- "$FAKE/events"
	assert_line -n 0 '"data":{"n": 1.50,"s":"\u00e9"}}'
	assert_line -n 1 '"data":[1, 2]}'
	assert_line -n 3 '"data":null}'
	run requests '[.method,.path,.query,.headers["content-type"]]'
	assert_line '["POST","/topics/chat",{},"application/x-ndjson"]'
}

@test "no final newline, CRLF, blank lines: nothing of the input is lost or invented" {
	start_fake
	run feed '1\r\n\n  \n\t\r\n2\n\n3' chat
	assert_success
	run published
	assert_output $'1\n2\n3'
}

@test "empty input: nothing is sent, status 0, even without a server" {
	run rt-pub -s "http://127.0.0.1:1" chat </dev/null
	assert_success
	assert_output ""
	run feed '\n\n' -s "http://127.0.0.1:1" chat
	assert_success
}

@test "a bad line is reported with its number and a hint, the rest goes on, status 7" {
	start_fake
	run --separate-stderr feed '1\nhello\n\n{"a":}\n2\n' chat
	assert_equal "$status" 7
	assert_output ""
	[[ $stderr == *"rt-pub: line 2: "*"-l publishes text"* ]]
	[[ $stderr == *"rt-pub: line 4: "* ]]
	[[ $stderr == *"2 of 4 lines were not accepted"* ]]
	run published
	assert_output $'1\n2'
}

@test "NUL bytes: an error in JSON, kept in text and in bytes" {
	start_fake
	run feed '1\n"a\0b"\n2\n' chat
	assert_equal "$status" 7
	run feed 'a\0b\n' -l chat
	assert_success
	run feed 'a\0b\n' -b chat
	assert_success
	run published
	assert_output $'1\n2\n"a\\u0000b"\n"YQBi"'
}

@test "refusals by the server are told by the line of the input, not of the batch" {
	start_fake
	run --separate-stderr feed '1\n\nbad\n{"refuse":true}\n\n\n5\n{"refuse":true}\n' chat
	assert_equal "$status" 7
	[[ $stderr == *"line 3: "*"line 4: refused on demand"*"line 8: refused on demand"* ]]
	[[ $stderr == *"3 of 5 lines were not accepted"* ]]
	run published
	assert_output $'1\n5'
}

@test "refusals beyond the first hundred are counted" {
	start_fake
	run --separate-stderr bash -c "yes '{\"refuse\":true}' | head -n 250 | rt-pub chat"
	assert_equal "$status" 7
	[[ $stderr == *"250 of 250 lines were not accepted"* ]]
	[ "$(grep -c 'line ' <<<"$stderr")" -le 102 ]
}

@test "-l: each line is a string, empty ones too, a CR at the end is not text" {
	start_fake
	run feed 'plain "text"\n\n\\tab\té\r\n{"a":1}' -l chat
	assert_success
	run published
	assert_output $'"plain \\"text\\""\n""\n"\\\\tab\\té"\n"{\\"a\\":1}"'
}

@test "-l: text that is not UTF-8 is an error with a hint at -b" {
	start_fake
	run --separate-stderr feed 'good\nbad \xff\nalso good\n' -l chat
	assert_equal "$status" 7
	[[ $stderr == *"line 2: not UTF-8; -b publishes any bytes"* ]]
	run published
	assert_output $'"good"\n"also good"'
}

@test "-b: each line is bytes, as data_base64 with topic, type and key" {
	start_fake
	run feed '\xff\xfe\n\nabc' -b --type T --event-key 'k"1' a/b
	assert_success
	run jq -c '[.topic,.type,.key,.data_base64]' "$FAKE/events"
	assert_output $'["a/b","T","k\\"1","//4="]\n["a/b","T","k\\"1",""]\n["a/b","T","k\\"1","YWJj"]'
}

@test "-m: JSON if it is JSON, else a string; broken JSON is not taken for text" {
	start_fake
	rt-pub chat -m '{"a": 1}'
	rt-pub chat -m 'hello world'
	rt-pub chat -m 42
	rt-pub chat -m ''
	rt-pub -l chat -m 42
	rt-pub -b chat -m 42
	run --separate-stderr rt-pub chat -m '{"a": 1'
	assert_equal "$status" 7
	[[ $stderr == *"-l publishes text"* ]]
	run published
	assert_output $'{"a":1}\n"hello world"\n42\n""\n"42"\n"NDI="'
}

@test "-f: a whole file is one event, - is stdin, line breaks between tokens go" {
	start_fake
	printf '{\n  "a": [1,\r\n 2]\n}\n' >"$RT_TMP/doc"
	rt-pub chat -f "$RT_TMP/doc"
	rt-pub -l chat -f "$RT_TMP/doc"
	head -c 5 "$RT_TMP/doc" | rt-pub -b chat -f -
	run published
	assert_line -n 0 '{"a":[1,2]}'
	assert_line -n 1 '"{\n  \"a\": [1,\r\n 2]\n}\n"'
	assert_line -n 2 '"ewogICI="'
	run rt-pub chat -f "$RT_TMP/none"
	assert_equal "$status" 3
	: >"$RT_TMP/empty"
	run rt-pub chat -f "$RT_TMP/empty"
	assert_equal "$status" 7
}

@test "without a topic: envelopes, to the topics they name" {
	start_fake
	run feed '{"topic":"a","data":1,"id":"5"}\n{"topic":"b/c","type":"T","data":2}\n'
	assert_success
	run jq -c '[.topic,.type,.data]' "$FAKE/events"
	assert_output $'["a",null,1]\n["b/c","T",2]'
	run requests .path
	assert_output '"/events"'
}

@test "--type, --event-key, --ephemeral, and a topic that needs escaping" {
	start_fake
	run feed '1\n' --type 'a&b' --event-key 'k=é' --ephemeral 'x y/ü?'
	assert_success
	run requests '[.path,.query]'
	assert_output '["/topics/x%20y/%C3%BC%3F",{"type":["a&b"],"key":["k=é"],"store":["no"]}]'
	run jq -c '[.id,.topic,.type,.key]' "$FAKE/events"
	assert_output '[null,"x y/ü?","a&b","k=é"]'
}

@test "--ack prints line, id and seq of every accepted event" {
	start_fake
	run --separate-stderr feed '1\n\n{"refuse":true}\n"x"\n' --ack chat
	assert_equal "$status" 7
	assert_output $'{"line":1,"id":"1763950000000001","seq":1}\n{"line":4,"id":"1763950000000002","seq":2}'
	[[ $stderr == *"line 3: "*"refused on demand"* ]]
	run requests '[.headers["content-type"],.headers["idempotency-key"] != null]'
	assert_output '["application/x-ndjson",true]'
	run feed '1\n' --ack --ephemeral chat
	assert_output '{"line":1,"id":null,"seq":null}'
}

@test "--ack: a retry prints the id of the first attempt" {
	start_fake '[{"drop":"after"}]'
	run feed '1\n2\n' -q --ack chat
	assert_success
	assert_output $'{"line":1,"id":"1763950000000001","seq":1}\n{"line":2,"id":"1763950000000002","seq":2}'
}

@test "--ack ends quietly when nobody reads its output" {
	start_fake
	run --separate-stderr bash -c 'seq 200000 | rt-pub --ack chat | head -n 1'
	assert_output '{"line":1,"id":"1763950000000001","seq":1}'
	assert_equal "$stderr" ""
}

# --- batches ---------------------------------------------------------------------------------

@test "a single line goes at once, while stdin stays open" {
	start_fake
	mkfifo "$RT_TMP/in"
	exec 7<>"$RT_TMP/in"
	BG_STDIN=$RT_TMP/in bg pub rt-pub chat
	echo 1 >&7
	wait_for grep -q '"data":1' "$FAKE/events"
	printf '2\n3' >&7
	wait_for grep -q '"data":2' "$FAKE/events"
	run grep -c '"data":3' "$FAKE/events"
	assert_output 0
	exec 7>&-
	bg_kill pub
}

@test "a flood goes in large keyed batches on one connection, in order" {
	start_fake
	lines 100000 >"$RT_TMP/in"
	run rt-pub chat <"$RT_TMP/in"
	assert_success
	[ "$(requests .conn | sort -u | wc -l)" -eq 1 ]
	[ "$(requests .length | wc -l)" -lt 20 ]
	[ "$(requests .length | sort -n | tail -n 1)" -le 1048576 ]
	[ "$(requests '.headers["idempotency-key"]' | sort -u | wc -l)" -eq "$(requests .conn | wc -l)" ]
	published | cmp - "$RT_TMP/in"
}

@test "what comes while a request is on its way goes with the next one" {
	start_fake '[{"delay":1}]'
	mkfifo "$RT_TMP/in"
	exec 7<>"$RT_TMP/in"
	BG_STDIN=$RT_TMP/in bg pub rt-pub chat
	echo 1 >&7
	wait_for arrived 1
	printf '%s\n' 2 3 >&7
	printf '%s\n' 4 5 >&7
	wait_for grep -q '"data":5' "$FAKE/events"
	exec 7>&-
	bg_kill pub
	run published
	assert_output $'1\n2\n3\n4\n5'
	[ "$(requests .length | wc -l)" -le 3 ]
}

@test "no Expect: 100-continue, whatever the size" {
	start_fake
	head -c 3000000 /dev/zero | tr '\0' x | rt-pub -l chat
	run requests '.headers.expect'
	assert_output null
}

@test "a 10 MB line goes alone and without a key" {
	start_fake
	{
		echo 1
		big_string 10000000
		echo 2
	} >"$RT_TMP/in"
	run rt-pub chat <"$RT_TMP/in"
	assert_success
	run requests '[.length > 1048576, .headers["idempotency-key"] == null]'
	assert_output $'[false,false]\n[true,true]\n[false,false]'
	published | cmp - "$RT_TMP/in"
}

@test "a line over --max-line is reported, the next one is intact" {
	start_fake
	run --separate-stderr feed '"short"\n"much too long"\n"after"\n' --max-line 10 chat
	assert_equal "$status" 7
	[[ $stderr == *"line 2: longer than 10 bytes; --max-line allows more"* ]]
	run published
	assert_output $'"short"\n"after"'
}

# --- failures --------------------------------------------------------------------------------

@test "a batch is tried again with the same key and bytes; no event comes twice" {
	start_fake '[{"drop":"after"},{"drop":"before"},{"status":503,"headers":{"Retry-After":"0"}},{"drop":"middle"}]'
	run --separate-stderr feed '1\n2\n3\n' chat
	assert_success
	[ "$(requests '[.headers["idempotency-key"],.body]' | sort -u | wc -l)" -eq 1 ]
	[ "$(requests . | wc -l)" -eq 5 ]
	run published
	assert_output $'1\n2\n3'
	[ "$(wc -l <<<"$stderr")" -eq 1 ]
}

@test "Retry-After is honoured" {
	start_fake '[{"status":429,"headers":{"Retry-After":"2"}}]'
	rt-pub chat -m 1
	run requests .at
	run jq -n "${lines[1]} - ${lines[0]} >= 2"
	assert_output true
}

@test "a server that is down at the start: one message, then it goes through" {
	start_fake
	stop_fake
	lines 1000 >"$RT_TMP/in"
	BG_STDIN=$RT_TMP/in bg pub rt-pub chat
	wait_for grep -q 'cannot be reached: Connection refused; trying again' "$RT_TMP/pub.err"
	restart_fake
	bg_wait pub
	assert_equal "$BG_STATUS" 0
	[ "$(wc -l <"$RT_TMP/pub.err")" -eq 1 ]
	published | cmp - "$RT_TMP/in"
}

@test "a server that dies in the middle and comes back: every line once, in order" {
	start_fake
	mkfifo "$RT_TMP/in"
	lines 3000 >"$RT_TMP/all"
	exec 7<>"$RT_TMP/in"
	BG_STDIN=$RT_TMP/in bg pub rt-pub --ack chat
	head -n 1000 "$RT_TMP/all" >&7
	wait_lines pub.out 1000	# answered, too: this server forgets its keys
	stop_fake
	sed -n '1001,2000p' "$RT_TMP/all" >&7
	wait_for grep -q 'trying again' "$RT_TMP/pub.err"
	restart_fake
	sed -n '2001,3000p' "$RT_TMP/all" >&7
	wait_for grep -q '"n":3000}' "$FAKE/events"
	exec 7>&-
	bg_kill pub
	published | cmp - "$RT_TMP/all"
}

@test "--retry: tries are used up, status 5" {
	run --separate-stderr feed '1\n2\n' --retry 2 -s http://127.0.0.1:1 chat
	assert_equal "$status" 5
	[[ $stderr == *"giving up"*"2 lines were read but not acknowledged, from line 1 on"* ]]
	run --separate-stderr feed '\n1\n' --retry 0 -s http://127.0.0.1:1 chat
	assert_equal "$status" 5
	[[ $stderr == *"rt-pub: line 2 was read but not acknowledged" ]]
}

@test "--retry-max-time ends it, too" {
	run rt-pub --retry-max-time 0.5 -s http://127.0.0.1:1 chat -m 1
	assert_equal "$status" 5
}

@test "a refused token ends it at once, though stdin stays open: status 4" {
	start_fake '[{"status":401,"body":"{\"detail\":\"this token has expired\"}","count":9}]'
	mkfifo "$RT_TMP/in"
	exec 7<>"$RT_TMP/in"
	BG_STDIN=$RT_TMP/in bg pub rt-pub chat
	echo 1 >&7
	bg_wait pub
	assert_equal "$BG_STATUS" 4
	run cat "$RT_TMP/pub.err"
	assert_line -n 0 'rt-pub: HTTP 401 Unauthorized: this token has expired'
	exec 7>&-
}

@test "--token-cmd is asked again after a 401, and sees nothing of stdin" {
	start_fake '[{"status":401}]'
	# shellcheck disable=SC2016  # that is for the command
	echo 'cat; echo "t$(cat '"$RT_TMP"'/n 2>/dev/null)"; echo 2 >'"$RT_TMP"'/n' >"$RT_TMP/token"
	run feed '1\n' --token-cmd "sh $RT_TMP/token" chat
	assert_success
	run requests .headers.authorization
	assert_output $'"Bearer t"\n"Bearer t2"'
	run published
	assert_output 1
}

@test "403, 404 and 400 are final, with what the server says" {
	for status in 400 403 404; do
		FAKE=$RT_TMP/$status
		mkdir "$FAKE"
		_run_fake "[{\"status\":$status,\"body\":\"{\\\"detail\\\":\\\"because $status\\\"}\"}]" 0
		run rt-pub chat -m 1
		assert_equal "$status" 4
		assert_output --partial ": because "
		[ "$(requests . | wc -l)" -eq 1 ]
		stop_fake
	done
}

@test "413 for one large line costs only that line" {
	start_fake '[{"status":413,"body":"{\"detail\":\"larger than 1 MiB\"}"}]'
	{
		big_string 2000000
		echo 2
	} >"$RT_TMP/in"
	run rt-pub chat <"$RT_TMP/in"
	assert_equal "$status" 7
	assert_line -n 0 'rt-pub: line 1: HTTP 413 Content Too Large: larger than 1 MiB'
	run published
	assert_output 2
}

@test "413 for one line with a key: it is tried without" {
	start_fake '[{"status":413}]'
	run feed '1\n' chat
	assert_success
	assert_output ""
	run requests '.headers["idempotency-key"] == null'
	assert_output $'false\ntrue'
	run published
	assert_output 1
}

@test "rt-serve: batches over its --max-keyed-body are halved, every line once, in order" {
	start_server --max-keyed-body 500
	{
		lines 1000
		printf '{"n":1001,"x":"%s"}\n' "$(head -c 2000 /dev/zero | tr '\0' x)"
		lines 2001 1002
	} >"$RT_TMP/in"
	run rt-pub --ack chat <"$RT_TMP/in"
	assert_success
	assert_equal "$(jq -c '[.line,.seq]' <<<"$output" | tail -n 1)" "[2001,2001]"
	rt-poll chat >"$RT_TMP/got"
	assert_ns got 1 2001
}

@test "something that is no rt-serve: status 6, not silence" {
	start_fake '[{"status":200,"body":"<html>hello</html>"}]'
	run rt-pub chat -m 1
	assert_equal "$status" 6
	assert_output --partial "does not answer like an rt-serve"
}

@test "an answer that does not account for every line is not taken for success" {
	start_fake '[{"status":200,"body":"{\"accepted\":1,\"refused\":0,\"errors\":[]}"}]'
	run feed '1\n2\n' chat
	assert_equal "$status" 6
	assert_output --partial "for 1 of 2 lines"
}

@test "a request that stalls is tried again after --timeout" {
	start_fake '[{"hang":true}]'
	run rt-pub --timeout 1 chat -m 1
	assert_success
	run published
	assert_output 1
}

@test "memory stays bounded while the server is away: reading stops" {
	mkfifo "$RT_TMP/in"
	bg feed bash -c "yes '{\"n\":\"0123456789012345678901234567890123456789\"}' >'$RT_TMP/in'"
	BG_STDIN=$RT_TMP/in bg pub rt-pub -v -s http://127.0.0.1:1 chat
	wait_for has_read "$BG_PID" 1000000
	wait_lines pub.err 5 30
	run has_read "$BG_PID" 3000000
	assert_failure
	[ "$(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$BG_PID/status")" -lt $((20000 * RT_SLOW)) ]
	bg_kill pub KILL || :
}

# Has the newest event of TOPIC this seq?
has_seq() {
	[ "$(rt-poll --last 1 "$1" | jq .seq)" = "$2" ]
}

# --- with rt-serve ---------------------------------------------------------------------------

@test "rt-serve is killed three times under load: every line once, in order" {
	start_server
	lines 60000 >"$RT_TMP/all"
	mkfifo "$RT_TMP/in"
	exec 7<>"$RT_TMP/in"
	BG_STDIN=$RT_TMP/in bg pub rt-pub chat 7>&-
	for part in 1 2 3; do
		sed -n "$((part * 20000 - 19999)),$((part * 20000))p" "$RT_TMP/all" >&7
		kill_server
		restart_server 7>&-
	done
	wait_for has_seq chat 60000
	exec 7>&-
	bg_wait pub
	assert_equal "$BG_STATUS" 0
	rt-poll -r chat | cmp - "$RT_TMP/all"
}

@test "rt-serve: text, bytes, type and key arrive as they were given; --ack tells the ids" {
	start_server
	feed 'é "x"\n\n' -l --type T --event-key 'k&1' a/b
	feed '\xff\n' -b a/b
	rt-poll a/b >"$RT_TMP/got"
	run jq -c '[.seq,.type,.key,.data,.data_base64]' "$RT_TMP/got"
	assert_line -n 0 '[1,"T","k&1","é \"x\"",null]'
	assert_line -n 1 '[2,"T","k&1","",null]'
	assert_line -n 2 '[3,null,null,null,"/w=="]'
	feed '1\n2\n' --ack a/b >"$RT_TMP/acks"
	rt-poll --last 2 a/b | jq -c '[.id,.seq]' >"$RT_TMP/want"
	jq -c '[.id,.seq]' "$RT_TMP/acks" | cmp - "$RT_TMP/want"
}

@test "rt-serve: what rt-poll prints can be published as it is" {
	start_server
	feed '1\n{"a":"b"}\n' --type T a
	feed '\xff\n' -b b
	rt-poll a b >"$RT_TMP/first"
	SERVER=second start_server
	rt-pub <"$RT_TMP/first"
	rt-poll a b | jq -c 'del(.id,.time)' >"$RT_TMP/second"
	jq -c 'del(.id,.time)' "$RT_TMP/first" | cmp - "$RT_TMP/second"
}

# --- signals ---------------------------------------------------------------------------------

@test "SIGTERM: what was read is flushed, then it dies by that signal" {
	start_fake '[{"delay":1}]'
	mkfifo "$RT_TMP/in"
	exec 7<>"$RT_TMP/in"
	BG_STDIN=$RT_TMP/in bg pub rt-pub chat
	printf '1\n' >&7
	wait_for arrived 1
	before=$(bytes_read "$BG_PID")
	printf '2\n3' >&7
	wait_for has_read "$BG_PID" $((before + 3))
	bg_kill pub TERM
	assert_equal "$BG_STATUS" 143
	exec 7>&-
	run published
	assert_output $'1\n2'
	run cat "$RT_TMP/pub.err"
	assert_output 'rt-pub: line 3: incomplete when the signal came, not published'
}

@test "SIGTERM with nothing to flush ends it at once" {
	mkfifo "$RT_TMP/in"
	exec 7<>"$RT_TMP/in"
	BG_STDIN=$RT_TMP/in bg pub rt-pub -s http://127.0.0.1:1 chat
	wait_for grep -q '^SigCgt:.*[1-9a-f]' "/proc/$BG_PID/status"
	bg_kill pub TERM
	assert_equal "$BG_STATUS" 143
	exec 7>&-
}

@test "a second signal ends it though the server is away" {
	mkfifo "$RT_TMP/in"
	exec 7<>"$RT_TMP/in"
	BG_STDIN=$RT_TMP/in bg pub rt-pub -v -s http://127.0.0.1:1 chat
	echo 1 >&7
	wait_for grep -q 'trying again' "$RT_TMP/pub.err"
	kill -TERM "$BG_PID"
	wait_for grep -q 'sending what was read' "$RT_TMP/pub.err"
	bg_kill pub TERM
	assert_equal "$BG_STATUS" 143
	exec 7>&-
}

# --- usage -----------------------------------------------------------------------------------

@test "usage errors: status 2 and a hint" {
	for args in "-l" "-l -b chat" "chat other" "-m 1 -f x chat" "a//b -m 1" "--type x" "chat --retry x" \
		"-s ftp://x chat" "--token-file a --token-cmd b chat" "--key k chat" "--max-line 0 chat" "--nope"; do
		# shellcheck disable=SC2086
		run rt-pub $args </dev/null
		assert_equal "$args: $status" "$args: 2"
	done
}

@test "-H, RT_TOKEN and --token-file reach the server; RT_TOKEN has no line break" {
	start_fake
	RT_TOKEN=abc rt-pub -H 'X-Team: blue' chat -m 1
	echo ' from-file ' >"$RT_TMP/token"
	RT_TOKEN=abc rt-pub --token-file "$RT_TMP/token" chat -m 1
	run requests '[.headers.authorization,.headers["x-team"]]'
	assert_output $'["Bearer abc","blue"]\n["Bearer from-file",null]'
	RT_TOKEN=$'a\nb' run rt-pub chat -m 1
	assert_equal "$status" 3
	run rt-pub --token-file "$RT_TMP/none" chat -m 1
	assert_equal "$status" 3
}

@test "progress only on a terminal, and erased at the end" {
	command -v script >/dev/null || skip "no script(1)"
	start_fake '[{"delay":1.5}]'
	lines 1000 >"$RT_TMP/in"
	TERM=xterm script -qec "rt-pub chat <'$RT_TMP/in'" /dev/null >"$RT_TMP/tty" </dev/null
	run cat -v "$RT_TMP/tty"
	assert_output --partial 'rt-pub: 0 lines, 0/s'
	assert_output --regexp $'\\^M\\^\\[\\[K$'
}

@test "no progress from the background, where it would write over what others write" {
	start_fake '[{"delay":1.5}]'
	lines 1000 >"$RT_TMP/in"
	TERM=xterm script -qec "bash -mc 'rt-pub chat <\"$RT_TMP/in\" & wait'" /dev/null \
		>"$RT_TMP/tty" </dev/null
	run cat -v "$RT_TMP/tty"
	refute_output --partial 'rt-pub: '
	run requests .path
	assert_output --partial /topics/chat
}
