# SPDX-License-Identifier: MIT
# The frame of `make bench`: a scenario in miniature goes from its servers to RESULTS.md, and all that
# it started has ended. The other servers take no part here.
bats_require_minimum_version 1.5.0
load helper

setup() {
	OUT=$(dirname "$(readlink -f "$RT_BIN/rt-serve")")
	mkdir -p "$RT_TMP/scenarios"
	cat >"$RT_TMP/scenarios/tiny.py" <<-'END'
		from lib import fanout
		from lib.goals import Goal
		from lib.peers import OURS, Subject

		TITLE, ORDER, HOW = "Tiny", 1, "As small as can be."
		SUBJECTS = [OURS[1], OURS[3], Subject("nobody", "floor", "--no-such-option")]
		GOALS = [Goal("1", "cheap", OURS[1].name, fanout.CPU, at_most=1000),
		         Goal("2", "impossible", OURS[1].name, fanout.SPEED, at_least=1000),
		         Goal("3", "absent", "nobody", fanout.SPEED, at_least=1)]
		OVERVIEW = [(fanout.P99, "value", "p99")]

		def run(bench):
		    fixed = fanout.FixedRate(bench, rate=50, rounds=2, seconds=0.1, sleep_ms=5, latency_seconds=0.1)
		    full = fanout.FullSpeed(bench, rounds=1, seconds=0.1)
		    fanout.beside_floor(bench, SUBJECTS, {"subscribers": 20}, {"rate": 50, "seconds": 0.1},
		                        [fixed, full], most=2)
	END
}

bench() {
	"$RT_ROOT/tests/bench/run" --out "$OUT" --scenarios "$RT_TMP/scenarios" --rows "$RT_TMP/rows" \
		--to "$RT_TMP/RESULTS.md" "$@"
}

@test "a scenario leaves rows and a report; a server that does not start is reported" {
	bench --repeats 2
	run jq -s 'length > 0 and all(.scenario == "tiny" and .repeat == 2)' "$RT_TMP/rows/tiny.2.jsonl"
	assert_output true
	# Two pairs of each; nothing is lost.
	run jq -s '[.[] | select(.subject == "rt-serve SSE, epoll" and .figure == "CPU per delivery")]
		| length == 1 and (.[0] | (.values | length) == 2 and (.ratios | length) == 2
		and .to == "floor" and all(.values[]; . > 0 and . < 0.1))' "$RT_TMP/rows/tiny.1.jsonl"
	assert_output true
	run jq -s 'any(.subject == "rt-serve WebSocket, epoll" and .figure == "lost there" and .values == [0])' \
		"$RT_TMP/rows/tiny.1.jsonl"
	assert_output true
	run jq -rs '.[] | select(.subject == "nobody").skipped' "$RT_TMP/rows/tiny.1.jsonl"
	assert_output --partial 'ended with status 2'

	run cat "$RT_TMP/RESULTS.md"
	assert_line --regexp '^\| 1 \| cheap \| ≤ 1,000.00 x \| [0-9.]+ .* \| reached \|$'
	assert_line --regexp '^\| 2 \| impossible \| .* \| \*\*not reached\*\* \|$'
	assert_line --regexp '^\| 3 \| absent \| .* \| not measured \|$'
	assert_line --regexp '^\| rt-serve SSE, epoll \| [0-9.]+ \([0-9.]+ to [0-9.]+\) \| [0-9.]+ .*\|$'
	assert_line --partial 'nobody: not measured: floor ended with status 2'
	assert_line --partial '`make bench ONLY=tiny`, 2 repeats.'
	assert_line --regexp '^Measured by `make bench` on [0-9-]{10}: 2 repeats, [0-9.]+ minutes in all'
	assert_line --partial '| rt | rt-serve '
	run compgen -G "$TMPDIR/rt-bench.*"
	assert_failure
}

@test "a report is made from the rows there are, and what is not known is refused" {
	mkdir "$RT_TMP/rows"
	echo '{"scenario":"tiny","repeat":1,"subject":"floor","figure":"p99","unit":"ms","values":[0.0123]}' \
		>"$RT_TMP/rows/tiny.1.jsonl"
	bench --report
	run grep -F '| floor | 12.3 |' "$RT_TMP/RESULTS.md"
	assert_success
	run bench no-such-scenario
	assert_failure
	assert_output --partial 'no such scenario: no-such-scenario (there are: tiny)'

	# Two scenarios may have figures and subjects of one name: each goal is of its own.
	sed 's/"cheap"/"of others"/' "$RT_TMP/scenarios/tiny.py" >"$RT_TMP/scenarios/other.py"
	jq -c '. + {subject: "rt-serve SSE, epoll", figure: "CPU per delivery", unit: "us", ratios: [1.5]}' \
		"$RT_TMP/rows/tiny.1.jsonl" >>"$RT_TMP/rows/tiny.1.jsonl.new"
	mv "$RT_TMP/rows/tiny.1.jsonl.new" "$RT_TMP/rows/tiny.1.jsonl"
	bench --report
	run grep -E '^\| 1 \|' "$RT_TMP/RESULTS.md"
	assert_line --index 0 --regexp 'of others .* not measured \|$'
	assert_line --index 1 --regexp 'cheap .* \| 1.50 x \| reached \|$'
}

@test "--long: twice as many pairs, and the report says so" {
	bench --repeats 1 --long
	run jq -s 'any(.subject == "rt-serve SSE, epoll" and .figure == "CPU per delivery"
		and (.values | length) == 4)' "$RT_TMP/rows/tiny.1.jsonl"
	assert_output true
	run grep -E '^Measured by `make bench LONG=1` on [0-9-]{10}: 1 repeat, ' "$RT_TMP/RESULTS.md"
	assert_success
}

@test "what is said of a goal that is missed has the figures of the run, and the others are not spoken of" {
	cat >"$RT_TMP/tiny.py" <<-'END'
		import sys
		sys.path.insert(0, sys.argv[1])
		from lib import notes, rows

		said = notes.sections(sys.argv[2])
		tables = {"tiny": rows.Table(rows.read(sys.argv[3], "tiny"))}
		print(notes.reasons(notes.filled(said, tables)["missed"], sys.argv[4:]))
		print(notes.filled(said, tables)["overview"])
	END
	cat >"$RT_TMP/notes.md" <<-'END'
		<!-- ## missed -->
		## missed

		### ^1 .*uring

		- one: {{tiny | floor | p99}}, {{tiny | floor | p99 | ratio}} and {{tiny | nobody | p99}}.

		### ^2

		- two.

		## overview

		Less is better.

		{{if tiny | floor | p99}}
		The floor is a floor.

		{{if tiny | nobody | p99}}
		Nobody is nobody.
	END
	mkdir "$RT_TMP/rows"
	jq -nc '{scenario: "tiny", repeat: 1, subject: "floor", figure: "p99", unit: "ms", values: [0.0123],
		ratios: [2]}' >"$RT_TMP/rows/tiny.1.jsonl"
	run -0 /usr/bin/python3 -B "$RT_TMP/tiny.py" "$RT_ROOT/tests/bench" "$RT_TMP/notes.md" "$RT_TMP/rows" \
		'1 with uring' '3 of which nothing is known'
	assert_line --index 0 '- one: 12.3 ms, 2.00 and (not measured).'
	assert_line --index 1 '- **3 of which nothing is known**: not looked into.'
	refute_output --partial two
	assert_line --index 2 'Less is better.'
	assert_line --index 3 'The floor is a floor.'
	assert_equal "${#lines[@]}" 4
}

@test "--readme: the table of a file gets the figures of the run; without all of them it stays" {
	printf '%s\n' 'Text.' '<!-- figures: tests/bench/run --readme README.md -->' '| old |' '| --- |' \
		'' 'More.' >"$RT_TMP/README.md"
	mkdir "$RT_TMP/rows"
	for who in 'rt-serve SSE, uring' 'rt-serve WebSocket, epoll' Redis NATS 'Nchan SSE' 'Node ws' Mosquitto; do
		for what in 'fanout/CPU per delivery/us' 'fanout10k/full speed/k_s' 'idle/user memory per subscriber/B'; do
			IFS=/ read -r scenario figure unit <<<"$what"
			jq -nc --arg s "$scenario" --arg f "$figure" --arg u "${unit/_//}" --arg w "$who" \
				'{scenario: $s, repeat: 1, subject: $w, figure: $f, unit: $u, values: [12345],
				ratios: [1.25], to: "floor"}' >>"$RT_TMP/rows/$scenario.1.jsonl"
		done
	done
	run -0 "$RT_ROOT/tests/bench/run" --rows "$RT_TMP/rows" --readme "$RT_TMP/README.md"
	run cat "$RT_TMP/README.md"
	assert_line --index 0 'Text.'
	assert_line '| rt-serve, SSE | 1.25 | 12 | 12,300 |'
	assert_line "| Node's ws | 1.25 | 12 | 12,300 |"
	refute_line '| old |'
	assert_line --index 11 'More.'

	cp "$RT_TMP/README.md" "$RT_TMP/before"
	sed -i /Redis/d "$RT_TMP/rows/"*.jsonl
	run -1 "$RT_ROOT/tests/bench/run" --rows "$RT_TMP/rows" --readme "$RT_TMP/README.md"
	assert_output 'bench: not measured: Redis'
	cmp "$RT_TMP/README.md" "$RT_TMP/before"
}

@test "--quick: the servers of others are left out, and what a whole run has left stays" {
	sed -i 's/Subject("nobody"/Subject("other"/' "$RT_TMP/scenarios/tiny.py"
	bench --quick
	run jq -s 'all(.repeat == 1) and any(.subject == "rt-serve SSE, epoll")
		and all(.subject != "other")' "$RT_TMP/rows/tiny.1.jsonl"
	assert_output true
	# It says how long the rest takes.
	bench --repeats 2 2>"$RT_TMP/said"
	run grep -E '^tiny 1: [0-9]+ figures \([0-9]+ s\), about [0-9]+ s left$' "$RT_TMP/said"
	assert_success
	run jq '.tiny > 0' "$RT_TMP/rows/seconds.json"
	assert_output true
}

@test "a signal ends all that was started" {
	sed -i 's/seconds=0.1, sleep_ms/seconds=60, sleep_ms/' "$RT_TMP/scenarios/tiny.py"
	bg bench "$RT_ROOT/tests/bench/run" --out "$OUT" --scenarios "$RT_TMP/scenarios" \
		--rows "$RT_TMP/rows" --to "$RT_TMP/RESULTS.md"
	pid=$BG_PID
	wait_for pgrep -P "$pid" -f 'rt-serve --listen'
	pgrep -P "$pid" >"$RT_TMP/children"
	[ "$(wc -l <"$RT_TMP/children")" -ge 3 ]
	bg_kill bench INT
	assert_equal "$BG_STATUS" 130
	while read -r child; do
		wait_for not_there "$child"
	done <"$RT_TMP/children"
	[ ! -e "$RT_TMP/RESULTS.md" ]
	run compgen -G "$TMPDIR/rt-bench.*"
	assert_failure
}

not_there() {
	! kill -0 "$1" 2>/dev/null
}

@test "the index of subscriptions is measured, and compared with a search one by one" {
	run -0 --separate-stderr "$OUT/tests/bench/matching" -r 2 -p 600 50 2000
	# "**", "*/*", a name, and for some a site or user: more than one, and not all of them.
	echo "$output" | is_true 'map(.names) == [50, 2000, 50, 2000] and all(.same > 0 and .all > 0 and .none > 0
		and .matches > 2 and .matches < 9 and .steps > .matches)' -s
	run "$OUT/tests/bench/matching" nonsense
	assert_equal "$status" 2
	assert_output --partial 'usage: matching'
}

@test "the load says which dialects there are, and that nobody listens" {
	run "$OUT/tests/bench/load" --dialect nonsense --port 1
	assert_equal "$status" 2
	assert_output --partial 'redis nats mqtt'
	run "$OUT/tests/bench/load" --dialect sse --port 1 </dev/null
	assert_equal "$status" 1
	assert_output --partial '0 of 1 connected'
}

@test "measuring in turn: there and back between references; who fails is left out, the others stay" {
	run -0 /usr/bin/python3 -B - "$RT_ROOT/tests/bench" <<-'END'
		import sys
		sys.path.insert(0, sys.argv[1])
		from lib.figures import in_turn

		said, floors, left = [], [2, 4, 8], [1, None]
		def ask(name, value):
		    said.append(name)
		    return value
		references, found = in_turn(lambda: ask("floor", floors.pop(0)), {
		    "a": lambda: ask("a", 6), "b": lambda: ask("b", 12), "c": lambda: ask("c", left.pop(0))}, 2)
		print(*said)
		print(references, sorted(found), found["a"].ratios, found["b"].ratios)
		print(in_turn(lambda: None, {"a": lambda: 1}, 2), in_turn(lambda: 1 / 0, {}, 0))
	END
	assert_line --index 0 'floor a b c floor c b a floor'
	assert_line --index 1 "[2, 4, 8] ['a', 'b'] [2.0, 1.0] [4.0, 2.0]"
	assert_line --index 2 '([], {}) ([], {})'
}
