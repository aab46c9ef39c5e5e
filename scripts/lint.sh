#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Static checks, as TAP: each is one test, what it found stands below it. Called by scripts/test.sh.
set -u

: "${MAKE:=make}" "${OUT:=build/release}"
n=0
found=$(mktemp)
trap 'rm -f "$found"' EXIT

# check NAME COMMAND...: passes if it succeeds
check() {
	n=$((n + 1))
	what=$1
	shift
	if "$@" >"$found" 2>&1; then
		echo "ok $n - lint: $what"
	else
		echo "not ok $n - lint: $what"
		head -n 60 "$found" | sed 's/^/#   /'
	fi
}

# Succeeds if nothing is printed.
silent() {
	"$@" >"$found.all" 2>&1
	cat "$found.all"
	[ ! -s "$found.all" ]
	result=$?
	rm -f "$found.all"
	return $result
}

c_files() {
	find libcommon cmd tests -name '*.[ch]' | sort
}

c_sources() {
	find libcommon cmd tests -name '*.c' | sort
}

scripts() {
	echo .ci/run
	find scripts examples -type f | sort | while read -r f; do
		case "$(head -n 1 "$f")" in '#!'*sh) echo "$f" ;; esac
	done
	find completions/bash -type f | sort
	find tests -name '*.bash' -o -name '*.sh' | sort
}

# With CI set, all objects were compiled like this already. Else they are compiled for this alone:
# those of the build may be older than their warnings.
warnings() {
	if [ -n "${CI:-}" ]; then
		$MAKE tools tests
	else
		$MAKE BUILD="$OUT/lint" SAN= CI=1 CFLAGS=-O2 objects
	fi
}

# Left out: what cppcheck cannot know (arrays that a function fills, which gcc and the sanitizers do
# know; a member that still owns what a local variable lost), and what POSIX allows.
static_checks() {
	c_sources | grep -v -e /rt-bench/ -e /loader/ | cppcheck_in cmd/rt-serve &&
		c_sources | grep -e /rt-bench/ -e /loader/ | cppcheck_in cmd/rt-bench
}

# cppcheck_in DIR: the files on stdin, which include what is below DIR.
cppcheck_in() {
	xargs cppcheck -q -j 2 --std=c11 --language=c --error-exitcode=1 \
		--enable=warning,performance,portability --inline-suppr --library=posix \
		--suppress=missingIncludeSystem --suppress=unknownMacro --suppress=preprocessorErrorDirective \
		--suppress=nullPointerRedundantCheck --suppress=uninitvar --suppress=legacyUninitvar \
		--suppress=varFuncNullUB --suppress=readdirCalled --suppress=arrayIndexThenCheck \
		--suppress=memleakOnRealloc:cmd/rt-serve/hub/presence.c \
		--template='{file}:{line}: {severity}: {message} [{id}]' \
		-D_GNU_SOURCE -DJSMN_STRICT -DJSMN_PARENT_LINKS -DLLHTTP_STRICT_MODE=1 \
		'-DRT_VERSION="0"' -Ilibcommon "-I$1" -I.
}

shell_scripts() {
	scripts | xargs shellcheck -S style
}

# bats stops at the first command that fails, runs each test in a subshell, and has variables that
# are read or set by the helper.
bats_files() {
	find tests -name '*.bats' | sort |
		xargs shellcheck -S warning -s bats -e SC2030,SC2031,SC2034,SC2154,SC2164
}

# Programs of Debian's python3: names that are not there, imports that are not used; 100 columns.
python_files() {
	{
		find tests -name '*.py'
		find tests -type f -perm -u+x ! -name '*.py' -exec grep -l '^#!/usr/bin/python3' {} +
	} | sort -u >"$found.py"
	xargs pyflakes3 <"$found.py" && grep '/bench/' "$found.py" | silent xargs awk '
		length > 100 { print FILENAME ":" FNR ": longer than 100 columns" }'
	result=$?
	rm -f "$found.py"
	return $result
}

# mandoc looks for the pages that ours refer to among those installed: ours are not, yet.
manuals() {
	{
		mandoc -T lint -W style man/*.[178] 2>&1 |
			grep -v -e 'referenced manual not found' -e 'mandoc.db'
		sed -n 's/^\.Xr \(rt[a-z-]*\) \([0-9]\).*/\1.\2/p' man/*.[178] | sort -u |
			while read -r page; do
				[ -e "man/$page" ] || echo "no such page: $page"
			done
	} >"$found.man"
	silent cat "$found.man"
	result=$?
	rm -f "$found.man"
	return $result
}

# Functions end with "}" at the start of a line, and begin with "{" there.
sizes() {
	c_files | silent xargs awk '
		FNR == 1 { start = 0 }
		FNR == 801 { print FILENAME ": longer than 800 lines" }
		/^\{/ { start = FNR }
		/^\}/ && start {
			if (FNR - start >= 90)
				print FILENAME ":" start ": function of " FNR - start + 1 " lines"
			start = 0
		}'
}

# Tabs are of eight. Characters are counted, in any locale: bytes that go on with one are left out.
columns() {
	# shellcheck disable=SC2016  # $0 is of awk
	c_files | silent env LC_ALL=C xargs awk '
		{
			gsub(/[\200-\277]/, "")
			width = 0
			n = split($0, part, "\t")
			for (i = 1; i < n; i++)
				width += length(part[i]) + 8 - length(part[i]) % 8
			width += length(part[n])
			if (width > 110)
				print FILENAME ":" FNR ": " width " columns"
		}'
}

licences() {
	# shellcheck disable=SC2016  # $0 is of awk
	c_files | silent xargs awk 'FNR == 1 && $0 != "/* SPDX-License-Identifier: MIT */" {
		print FILENAME ": the first line names no licence" }'
}

leftovers() {
	c_files | silent xargs grep -nE '\b(T[O]DO|F[I]XME|X[X]X)\b'
}

# Knowledge points one way: api -> hub -> store, with net beside api; in rt-bench load -> report ->
# figures -> judge, with wire beside.
layers() {
	silent grep -nE '#include ["<](ev\.h|sys/socket|netinet|arpa|llhttp|wslay|curl|net/|api/)' \
		-r cmd/rt-serve/hub cmd/rt-serve/store &&
		silent grep -nE '#include "(hub/|api/)' -r cmd/rt-serve/store &&
		silent grep -nE '#include "(hub|api|store)/' -r cmd/rt-serve/net &&
		silent grep -nE '#include "(cmd/|\.\./)' -r libcommon &&
		silent grep -nE '#include "(load/|report/|figures/|wire/|config)' -r cmd/rt-bench/judge &&
		silent grep -nE '#include "(load/|report/|wire/|config)' -r cmd/rt-bench/figures &&
		silent grep -nE '#include "(load|wire|judge)/' -r cmd/rt-bench/report &&
		silent grep -nE '#include "(load|report|judge|figures)/' -r cmd/rt-bench/wire
}

check 'compiles without a warning' warnings
check 'cppcheck' static_checks
check 'scripts (shellcheck)' shell_scripts
check 'bats files (shellcheck)' bats_files
check 'python files (pyflakes)' python_files
check 'manuals (mandoc -T lint)' manuals
check 'functions below 90 lines, files up to 800' sizes
check 'lines of at most 110 columns' columns
check 'licence in every C file' licences
check 'nothing is left to do' leftovers
check 'layers include only what is below them' layers
echo "1..$n"
