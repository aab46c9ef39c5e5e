#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Build the tests and run them; called by `make test`, `unit`, `cli`, `faults` and `lint`.
#
#   OUT=build/release scripts/test.sh [lint] [unit] [cli] [faults]
#
# The last line is `N passed, N failed` (`, N skipped`), of what really ran. A program of
# tests/unit that crashes, says nothing or stops before its plan, and a file of tests/cli or
# tests/faults that does, count as failed. Two of them run at a time; one that says "rt-test: alone"
# in its source (because it measures, or loads the machine) runs when nothing else does.
#
# Environment: MAKE, OUT, SAN (sanitizers in use), ONLY (words; only what they name: a room of
# tests/unit, or a file), JOBS (2), KEEP=1 (keep the temporary folders).
set -u

: "${MAKE:=make}" "${OUT:=build/release}" "${SAN:=}" "${ONLY:=}" "${JOBS:=2}" "${KEEP:=}"
export MAKE OUT SAN KEEP
log=$OUT/log

# Sanitizers slow things down; deadlines of tests stretch by this factor. TSan keeps four times what
# a program touches in memory of its own.
RT_SHADOW=1
case "$SAN" in
*thread*) RT_SLOW=4 RT_SHADOW=4 ;;
?*) RT_SLOW=3 ;;
*) RT_SLOW=1 ;;
esac
case "$OUT" in
/*) RT_BIN=$OUT ;;
*) RT_BIN=$PWD/$OUT ;;
esac
export RT_BIN RT_SLOW RT_SHADOW

# --- one job: run it, judge its TAP ----------------------------------------------------------

# TAP on stdin -> "passed failed skipped", and on fd 3 what is wrong with it as a whole.
judge() {
	awk -v status="$1" '
		/^ok [0-9]+.*# *[Ss][Kk][Ii][Pp]/ { skipped++; seen++; next }
		/^ok [0-9]/ { passed++; seen++; next }
		/^not ok [0-9]/ { failed++; seen++; next }
		/^1\.\.[0-9]+/ { plan = substr($1, 4); planned = 1 }
		END {
			if (!planned) {
				why = "no plan: it ended early"
				failed++
			} else if (seen < plan) {
				why = sprintf("%d of %d tests never ran", plan - seen, plan)
				failed += plan - seen
			} else if (seen > plan) {
				why = sprintf("%d tests ran, but the plan was %d", seen, plan)
				failed++
			} else if (status != 0 && !failed) {
				why = "all tests passed, yet the exit status is " status
				failed++
			}
			if (status == 124 || status == 137)
				why = why ? why ", after a timeout" : "timeout"
			if (why)
				print why >"/dev/fd/3"
			print passed + 0, failed + 0, skipped + 0
		}'
}

run_job() {
	kind=$1 name=$2
	file=$log/$kind-$(echo "$name" | tr / -)
	TMPDIR=$(mktemp -d "${TMPDIR:-/tmp}/rt-test.XXXXXX") || exit 1
	export TMPDIR
	# Reports of sanitizers go to files: a test may not look at the stderr of its server.
	san=log_path=$TMPDIR/san:exitcode=99
	export ASAN_OPTIONS="$san:detect_stack_use_after_return=1" LSAN_OPTIONS="$san"
	export UBSAN_OPTIONS="$san:print_stacktrace=1" TSAN_OPTIONS="$san:second_deadlock_stack=1"
	start=$(date +%s)
	case "$kind" in
	unit) set -- $((180 * RT_SLOW)) "$OUT/tests/unit/$name" ;;
	cli | faults)
		set -- $((600 * RT_SLOW)) bats --print-output-on-failure --formatter tap \
			"tests/$kind/$name.bats"
		;;
	lint) set -- 600 sh scripts/lint.sh ;;
	esac
	# timeout makes a process group of its own, which Ctrl-C does not reach: pass it on.
	trap 'kill -TERM "$child"; rm -rf "$TMPDIR"; exit 130' INT TERM HUP
	timeout -k 5 "$@" >"$file.tap" 2>"$file.err" </dev/null &
	child=$!
	wait "$child"
	status=$?
	trap - INT TERM HUP
	took=$(($(date +%s) - start))
	counts=$(judge "$status" <"$file.tap" 3>"$file.why")
	for report in "$TMPDIR"/san.*; do
		[ -e "$report" ] || continue
		cat "$report" >>"$file.err"
		counts=$(echo "$counts" | awk '{ print $1, $2 + 1, $3 }')
		echo 'a sanitizer complains' >>"$file.why"
	done
	echo "$counts" >"$file.counts"
	report_job "$kind/$name" "$file" "$took"
	[ -n "$KEEP" ] || rm -rf "$TMPDIR"
}

# One line if all is well, else also what failed, so that the log can be read from its end.
report_job() {
	read -r p f s <"$2.counts"
	skipped=
	[ "$s" -eq 0 ] || skipped=", $s skipped"
	if [ "$f" -eq 0 ]; then
		printf 'ok      %-34s %4d passed%s (%d s)\n' "$1" "$p" "$skipped" "$3"
		return
	fi
	{
		printf 'FAILED  %-34s %4d passed, %d failed%s (%d s)\n' "$1" "$p" "$f" "$skipped" "$3"
		sed 's/^/        /' "$2.why"
		awk '/^not ok/ { on = 1; n = 0 } /^ok/ { on = 0 }
			on && n++ < 40 { print "        " $0 }' "$2.tap" | head -n 200
		tail -n 40 "$2.err" | sed 's/^/        | /'
	} >"$2.report"
	cat "$2.report"
}

if [ "${1:-}" = --job ]; then
	run_job "$2" "$3"
	exit 0
fi

# --- which jobs ------------------------------------------------------------------------------

# Does this word of ONLY name it? "api" is all of tests/unit/api, and tests/cli/api.bats if there is
# one; "api/test_draft", "api/draft" and "draft" are one file, and so is its path.
names() {
	word=${1#tests/*/} file=${2##*/} room=${2%/*}
	word=${word%.c} word=${word%.bats}
	short=${file#test_}
	case "$word" in "$2" | "$file" | "$short" | "$room" | "$room/$short") return 0 ;; esac
	return 1
}

wanted() {
	[ -n "$ONLY" ] || return 0
	for w in $ONLY; do
		names "$w" "$1" && return 0
	done
	return 1
}

# A word that names nothing is a mistake, and no reason to run less than was meant.
check_only() {
	for w in $ONLY; do
		(
			ONLY=$w
			[ -n "$(list_jobs "$@")" ]
		) && continue
		printf 'FAILED  ONLY=%s names no test of: %s. Say a file (store/seam) or a whole room (store)\n' \
			"$w" "$*"
		echo '0 passed, 1 failed'
		exit 1
	done
}

# "kind name source" of every job asked for
list_jobs() {
	for kind in "$@"; do
		case "$kind" in
		lint) echo "lint lint scripts/lint.sh" ;;
		unit) find tests/unit -name 'test_*.c' | sort |
			sed 's|tests/unit/\(.*\)\.c$|unit \1 &|' ;;
		cli | faults) find "tests/$kind" -name '*.bats' | sort |
			sed "s|tests/$kind/\(.*\)\.bats\$|$kind \1 &|" ;;
		esac
	done | while read -r kind name source; do
		wanted "$name" || continue
		how=shared
		! grep -q 'rt-test: alone' "$source" || [ "$kind" = lint ] || how=alone
		echo "$how $kind $name"
	done
}

trap 'exit 130' INT TERM HUP
check_only "$@"
rm -rf "$log"
mkdir -p "$log"
began=$(date +%s)

# lint alone needs no programs
build_failed=0
[ "$*" = lint ] || echo "building in $OUT"
if [ "$*" != lint ] && ! $MAKE -k all tests >"$log/build.out" 2>&1; then
	build_failed=1
	echo 'FAILED  build'
	grep -v '^gcc ' "$log/build.out" | tail -n 60 | sed 's/^/        | /'
fi

list_jobs "$@" >"$log/jobs"
echo "$(wc -l <"$log/jobs") test programs, $JOBS at a time"
grep '^shared ' "$log/jobs" | sed 's/^shared //' |
	xargs -r -P "$JOBS" -L 1 sh scripts/test.sh --job
grep '^alone ' "$log/jobs" | sed 's/^alone //' |
	xargs -r -L 1 sh scripts/test.sh --job

# --- the sum ---------------------------------------------------------------------------------

# Which failed, where one looks first; why stands further up.
for report in "$log"/*.report; do
	[ ! -e "$report" ] || head -n 1 "$report"
done
cat /dev/null "$log"/*.counts 2>/dev/null | awk -v built="$build_failed" -v jobs="$(wc -l <"$log/jobs")" \
	-v took=$(($(date +%s) - began)) '
	{ passed += $1; failed += $2; skipped += $3 }
	END {
		if (NR < jobs) {
			printf "%d of %d jobs left no result\n", jobs - NR, jobs
			failed += jobs - NR
		}
		failed += built
		if (passed + failed == 0) {
			print "nothing ran"
			failed = 1
		}
		printf "(%d min %d s)\n", took / 60, took % 60
		printf "%d passed, %d failed%s\n", passed, failed,
			skipped ? ", " skipped " skipped" : ""
		exit failed > 0
	}'
