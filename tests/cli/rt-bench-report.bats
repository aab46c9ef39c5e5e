#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# What rt-bench prints, writes and refuses: table, progress, JSON, CSV, page, comparison, options.

bats_require_minimum_version 1.5.0
load helper

# The manual as words, one a line.
manual_words() {
	mandoc -T ascii "$RT_ROOT/man/rt-bench.1" | sed 's/.\x08//g' | tr -c 'A-Za-z0-9_\n' '\n' | sort -u
}

# in_manual WORD... on stdin: each is there
in_manual() {
	local unknown
	unknown=$(sort -u | comm -23 - <(manual_words))
	echo "not in the manual: $unknown"
	[ -z "$unknown" ]
}

# --- what it prints -----------------------------------------------------------------------------

@test "rt-bench: --json: one line, and the manual has each of its names" {
	start_server --store memory:
	run -0 --separate-stderr rt-bench --json --subscribers 4 --transport sse:1,longpoll:1 --rate 200 --duration 1200ms \
		--pid "$SERVER_PID" --churn 2/s
	[ -z "$stderr" ]
	[ ${#lines[@]} -eq 1 ]
	jq -r 'del(.by_transport) | paths | map(select(type == "string")) | last' <<<"$output" |
		grep -vxE 'sse|longpoll' | in_manual
	assert_json '.config.rate_per_s == 200 and .config.duration_s == 1.2 and .config.churn_per_s == 2
		and .config.transports == {sse: 2, longpoll: 2} and .label == null and .clean
		and (.time | fromdate? // (.[0:19] + "Z" | fromdate)) > 1700000000
		and (.intervals | length) >= 1 and .intervals[0].at_s > 0'
}

@test "rt-bench: --csv: a header whose names the manual has, and a line for each second" {
	start_server --store memory:
	run -0 rt-bench --csv "$RT_TMP/csv" --subscribers 2 --rate 50 --duration 2200ms
	head -n 1 "$RT_TMP/csv" | tr -d '\r' | tr , '\n' | in_manual
	[ "$(wc -l <"$RT_TMP/csv")" -ge 3 ]
	[ "$(tr -d '\r' <"$RT_TMP/csv" | awk -F, '{ print NF }' | sort -u)" = 15 ]
	# All that was sent is in one of the lines.
	[ "$(awk -F, 'NR > 1 { n += $4 } END { print n }' "$RT_TMP/csv")" -eq 110 ]
}

@test "rt-bench: --html: one page that needs nothing else, with plots and the verdict" {
	start_server --store memory:
	run -0 rt-bench --html "$RT_TMP/page.html" --subscribers 3 --rate 100 --duration 2200ms
	grep -q 'Nothing was lost, doubled, out of order or corrupt' "$RT_TMP/page.html"
	[ "$(grep -c '<svg' "$RT_TMP/page.html")" -ge 3 ]
	run ! grep -niE '<script|<link|<img|<iframe|src=|href=|url\(|@import' "$RT_TMP/page.html"
	head -n 1 "$RT_TMP/page.html" | grep -qix '<!doctype html>'
}

# What a terminal of (1) columns got, a redraw a line.
on_terminal() {
	command -v script >/dev/null || skip "no script(1)"
	local columns=$1
	shift
	TERM=xterm script -qec "stty cols $columns; $*" /dev/null </dev/null >"$RT_TMP/tty"
	tr '\r' '\n' <"$RT_TMP/tty" >"$RT_TMP/redraws"
}

@test "rt-bench: progress is redrawn in place, fits the terminal, and is gone at the end" {
	local columns wide
	start_server --store memory:
	for columns in 80 40; do
		on_terminal "$columns" "rt-bench --subscribers 3 --rate 100 --duration 2300ms >'$RT_TMP/table'"
		grep -qE '^[12] of 2 s .*p99 .*lost 0' "$RT_TMP/redraws"
		# The erasing is its last word, and nothing went to a second line.
		[ "$(tail -c 4 "$RT_TMP/tty" | od -An -c | tr -d ' ')" = '\r033[K' ]
		[ "$(tr -cd '\n' <"$RT_TMP/tty" | wc -c)" -eq 0 ]
		wide=$(sed 's/\x1b\[K//' "$RT_TMP/redraws" | awk '{ if (length > n) n = length } END { print n }')
		echo "$wide of $columns columns"
		[ "$wide" -lt "$columns" ]
		run ! grep -q $'\x1b' "$RT_TMP/table"
	done
}

@test "rt-bench: nothing of progress where stderr is no terminal, or with -q" {
	start_server --store memory:
	run -0 --separate-stderr rt-bench --subscribers 3 --rate 100 --duration 1200ms
	[ -z "$stderr" ]
	on_terminal 80 "rt-bench -q --subscribers 3 --rate 100 --duration 1200ms >/dev/null"
	[ ! -s "$RT_TMP/tty" ]
}

@test "rt-bench: colour on a terminal only, and not with NO_COLOR" {
	start_server --store memory:
	# Only what is wrong is coloured: a topic of the server's own takes no events.
	on_terminal 80 "env -u NO_COLOR rt-bench --topic '\$x' --subscribers 2 --count 5 --drain 0 2>/dev/null || true"
	grep -q $'\x1b\[33mwarning' "$RT_TMP/tty"
	on_terminal 80 "NO_COLOR=1 rt-bench --topic '\$x' --subscribers 2 --count 5 --drain 0 2>/dev/null || true"
	grep -q '^warning' "$RT_TMP/tty"
	run ! grep -q $'\x1b\[3' "$RT_TMP/tty"
}

@test "rt-bench: --compare: all transports and polls in one table, and which fits" {
	start_server --store memory:
	run -0 --separate-stderr rt-bench --compare --subscribers 4 --rate 20 --duration 800ms --pid "$SERVER_PID" \
		--html "$RT_TMP/page.html" --csv "$RT_TMP/csv"
	[ -z "$stderr" ]
	local name
	for name in sse ws ndjson longpoll 'poll 1s' 'poll 2s' 'poll 5s'; do
		assert_line --regexp "^$name  .* [mun]?s "
		grep -q "<th>$name</th>" "$RT_TMP/page.html"
		grep -q "^$name,0\." "$RT_TMP/csv"
	done
	assert_line --regexp '^ +p50 +p99 +B/event +CPU/event '
	assert_line --regexp '^What fits: '
	grep -q 'What fits: ' "$RT_TMP/page.html"
}

@test "rt-bench: --compare says on a terminal how long it takes, before anything else" {
	# Nobody is there: it ends with that.
	on_terminal 80 "rt-bench --compare --duration 20s -s http://127.0.0.1:$(free_port) || true"
	head -n 1 "$RT_TMP/redraws" | grep -q '^7 runs of 20 s, about 1[0-9][0-9] s in all'
}

# --- what it refuses ----------------------------------------------------------------------------

# refuses OPTION...: status 2, the option and its value named, nothing on stdout. Nobody listens at the server.
refuses() {
	run -2 --separate-stderr rt-bench -s http://127.0.0.1:1 "$@"
	[ -z "$output" ]
	[[ $stderr == "rt-bench: $1 "*"$2"* ]] || [[ $stderr == "rt-bench: "*"${1#--}"* ]]
	[ "${#stderr_lines[@]}" -eq 1 ]
}

@test "rt-bench: each option refuses what is none of its values" {
	local option value
	while read -r option value; do
		echo "$option $value"
		refuses "$option" "$value"
	done <<-'EOF'
		--subscribers -1
		--subscribers 1000001
		--subscribers ten
		--transport tcp
		--transport sse:0
		--transport sse:50,
		--poll-every 0
		--poll-every soon
		--topic a//b
		--topics 0
		--topics-each 101
		--topics-each 2
		--zipf 0
		--zipf nan
		--publishers 10001
		--publish email
		--rate 0
		--rate inf
		--rate 1e3
		--rate 100/m
		--ramp -1
		--churn 0/s
		--window 0
		--max-unacked 0
		--max-unacked 100000001
		--max-event 1023
		--max-event 2G
		--batch 100001
		--size 95
		--size 17M
		--duration 0
		--duration 99999999d
		--count 0
		--count 1000000000001
		--warmup 10s
		--drain x
		--threads 257
		--connect-timeout 0
		--source-ip 1.2.3
		--source-ip 127.0.0.9-2
		--source-ip ::1
		--slow 101
		--slow-for x
		--resume-after x
		--sub-url http://h/{x}
		--pub-body {payload
		--header X
		--pid 0
		--fail-if p99
		--fail-if p98>1ms
		--fail-if p99>50
		--fail-if lost>1ms
		--fail-if lost=0
		--fail-if cpu>1us
		--fail-if memory>1K
	EOF
	refuses --compare --transport ws
	refuses --compare --poll-every 2s
	refuses --subscribers 0 --publishers 0
	refuses --publishers 0 --rate 5
	refuses --max-event 1K --size 1025
	printf '"%01000d"\n' 0 >"$RT_TMP/long"
	refuses --max-event 1K --payload "$RT_TMP/long"
}

@test "rt-bench: what may be written in two ways is the same" {
	start_server --store memory:
	run -0 --separate-stderr rt-bench --json --subscribers 3 --rate 0.1k/s --duration .5 --ramp 1k --churn 2/s --size 1K
	assert_json '.config.rate_per_s == 100 and .config.duration_s == 0.5 and .config.ramp_per_s == 1000
		and .config.churn_per_s == 2 and .config.size_bytes == 1024'
}

@test "rt-bench: URLs that are none are usage, hosts that nobody knows are not" {
	local url
	for url in ftp://h/ http:// http://h:99999 http://h:0 'http://[::1' http://u@h/; do
		run -2 --separate-stderr rt-bench -s "$url" --count 1
		[ -z "$output" ]
	done
	run -5 --separate-stderr rt-bench -s http://nobody.invalid --count 1
	[[ $stderr == *nobody.invalid* ]]
}

@test "rt-bench: what is wrong with subscribers and publishers alike is said once" {
	run -5 --separate-stderr rt-bench -s "http://127.0.0.1:$(free_port)" --count 1
	[ "${#stderr_lines[@]}" -eq 1 ]
}

@test "rt-bench: a file that cannot be written is known before the run; what was there stays until then" {
	run -10 --separate-stderr rt-bench -s http://127.0.0.1:1 --html "$RT_TMP/none/page.html"
	[[ $stderr == *'none/page.html: No such file or directory' ]]
	echo old >"$RT_TMP/page.html"
	run -5 --separate-stderr rt-bench -s "http://127.0.0.1:$(free_port)" --count 1 --html "$RT_TMP/page.html"
	[ "$(cat "$RT_TMP/page.html")" = old ]
	start_server --store memory:
	run -0 rt-bench --count 10 --html "$RT_TMP/page.html"
	run ! grep -q '^old' "$RT_TMP/page.html"
	run -10 --separate-stderr rt-bench --count 10 --csv /dev/full
	[[ $stderr == *'/dev/full: No space left on device' ]]
	run -10 --separate-stderr bash -c 'rt-bench --count 10 >/dev/full'
	[[ $stderr == *'standard output: No space left on device' ]]
}

@test "rt-bench: a server that takes none of the events: status 4, and what it said" {
	start_server --store memory:
	run -4 --separate-stderr rt-bench --topic '$own' --subscribers 2 --count 5 --drain 0
	[[ $stderr == *'status 403: topics that begin with $ belong to the server'* ]]
	assert_line --regexp '^warning  *5 of 5 events were refused by the server'
}

@test "rt-bench: --fail-if: what nobody measured is a failure" {
	start_server --store memory:
	run -9 --separate-stderr rt-bench --subscribers 0 --count 10 --fail-if 'p99>1s'
	[[ $stderr == *'failed: p99>1s (it is not measured)'* ]]
	run -0 --separate-stderr rt-bench --subscribers 2 --count 10 --fail-if 'lost>0,doubled>0,disordered>0,corrupt>0' \
		--fail-if 'broken>0,absent>0,refused>0,deliveries<20,sent<10,connect_max>10s,ack_p50>=10s'
}

@test "rt-bench: memory does not grow with the events of a run" {
	start_server --store memory:
	local few many
	# enough for what is remembered of the newest events, which does not grow from then on
	few=$(peak --count 100000)
	many=$(peak --count 400000)
	echo "$few KiB, $many KiB"
	[ "$many" -lt $((few + 4096)) ]
}

# KiB that rt-bench had at most.
peak() {
	"$PYTHON" -c 'import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' \
		rt-bench --subscribers 4 --window 1000 "$@"
}
