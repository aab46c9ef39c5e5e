# SPDX-License-Identifier: MIT
# What holds the tools together: -h, manuals and completions in step, installation, make demo,
# and the scripts behind make test.
bats_require_minimum_version 1.5.0
load helper

TOOLS="rt-serve rt-pub rt-sub rt-poll rt-bench"

# --- options: the same in -h, in the manual and in the three completions ----------------------

options_of_help() {
	"$1" -h | sed -nE 's/^ +((-[A-Za-z0-9]), )?(--[a-z-]+).*/\2\n\3/p' | sed '/^$/d' | sort
}

options_of_manual() {
	awk '$1 == ".It" { for (i = 2; i < NF; i++) if ($i == "Fl") print "-" $(i + 1) }' \
		"$RT_ROOT"/man/"$1".[18] | sort
}

# By asking it, as the shell would.
options_of_bash() {
	bash -c '
		. "$1"
		COMP_WORDS=("$2" -) COMP_CWORD=1
		"_${2//-/_}"
		printf "%s\n" "${COMPREPLY[@]}"' - "$RT_ROOT/completions/bash/$1" "$1" | sort
}

options_of_fish() {
	fish --no-config -c '
		source $argv[1]
		complete -C "$argv[2] -"; complete -C "$argv[2] --"' "$RT_ROOT/completions/fish/$1.fish" "$1" |
		cut -f 1 | sort -u
}

# zsh's completion needs a terminal: read what _arguments is told.
options_of_zsh() {
	grep '^	' "$RT_ROOT/completions/zsh/_$1" |
		sed -nE "s/^\t'[^']*'?\{(-[A-Za-z0-9])\+?,(--[a-z-]+)=?\}.*/\1\n\2/p
			s/^\t'\*?(--[a-z-]+)=?\[.*/\1/p" | sort
}

# compare SOURCE: every tool has the same options there as in -h, both ways
compare() {
	local t
	for t in $TOOLS; do
		echo "$t: < in -h only, > in $1 only"
		diff <(options_of_help "$t") <("options_of_$1" "$t")
		[ "$(options_of_help "$t" | wc -l)" -gt 20 ]
	done
}

@test "every option of -h is in the manual, and the other way round" {
	compare manual
}

@test "every option of -h is in the completion for bash, and the other way round" {
	compare bash
}

@test "every option of -h is in the completion for zsh, and the other way round" {
	compare zsh
}

@test "every option of -h is in the completion for fish, and the other way round" {
	compare fish
}

@test "zsh accepts its completions" {
	for t in $TOOLS; do
		zsh -n "$RT_ROOT/completions/zsh/_$t"
	done
}

@test "completions know the values of options" {
	for words in 'rt-sub --transport w' 'rt-sub --transport = w' 'rt-serve --sync = f' 'rt-serve --slow =' \
		'rt-bench --transport w' 'rt-bench --transport = w'; do
		# shellcheck disable=SC2016  # for that shell
		run bash -c '. "$1"; COMP_WORDS=($2) COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); "_${2:0:2}_$3"
			echo "${COMPREPLY[@]}"' - "$RT_ROOT/completions/bash/${words%% *}" "$words" \
			"$(cut -d ' ' -f 1 <<<"${words#rt-}")"
		assert_success
		case $words in
		rt-sub* | rt-bench*) assert_output ws ;;
		*sync*) assert_output full ;;
		*) assert_output 'keep newest close' ;;
		esac
	done
	run fish --no-config -c "source '$RT_ROOT/completions/fish/rt-serve.fish'; complete -C 'rt-serve --sync n'"
	assert_output --partial none
	assert_output --partial normal
	[ ${#lines[@]} -eq 2 ]
}

@test "-h and -V print to stdout and end with 0, mistakes to stderr with 2" {
	version=$(sed -n 's/^VERSION := //p' "$RT_ROOT/Makefile")
	for t in $TOOLS; do
		run --separate-stderr "$t" -h
		assert_success
		assert_output --partial "usage: $t"
		[ -z "$stderr" ]
		run --separate-stderr "$t" --version
		assert_success
		assert_output --partial "$version"
		run --separate-stderr "$t" --no-such-option
		assert_failure 2
		[ -z "$output" ]
		[[ $stderr == "$t: "* ]]
	done
}

# --- manuals ----------------------------------------------------------------------------------

@test "-h breaks no word on a terminal, and no line where it is read by others" {
	for t in $TOOLS; do
		"$t" -h >"$RT_TMP/whole"
		for columns in 72 80 200; do
			TERM=xterm script -qec "stty cols $columns; $t -h" /dev/null </dev/null | tr -d '\r' >"$RT_TMP/tty"
			echo "$t, $columns columns"
			[ "$(grep -v '^ *rt-' "$RT_TMP/tty" | wc -L)" -le "$columns" ]
			diff <(tr -s ' \n' '\n' <"$RT_TMP/whole") <(tr -s ' \n' '\n' <"$RT_TMP/tty")
		done
		cmp "$RT_TMP/whole" "$RT_TMP/tty"
	done
}

@test "each exit status is in rt(7), and each promise names tests that exist" {
	for n in $(sed -n 's/.*EXIT_[A-Z]* = \([0-9]*\).*/\1/p' "$RT_ROOT/libcommon/exitcode.h"); do
		sed -n '/^.Sh EXIT STATUS/,/^.Sh EXAMPLES/p' "$RT_ROOT/man/rt.7" | grep -qx ".It $n"
	done
	promises=$(sed -n '/^.Ss The four promises/,/^.Sh/p' "$RT_ROOT/man/rt.7")
	[ "$(grep -cx '.It' <<<"$promises")" -eq 4 ]
	[ "$(grep -c '^.Pa cli/\|^.Pa unit/' <<<"$promises")" -ge 4 ]
	awk '$1 == ".Pa" && $2 ~ /^(cli|faults|unit)\// { print $2 }' <<<"$promises" | while read -r f; do
		echo "tests/$f"
		[ -e "$RT_ROOT/tests/$f" ]
	done
}

@test "every manual has the sections people look for" {
	for page in "$RT_ROOT"/man/*.[178]; do
		for section in NAME DESCRIPTION ENVIRONMENT "EXIT STATUS" EXAMPLES "SEE ALSO" STANDARDS; do
			echo "$page: $section"
			grep -qx "\.Sh $section" "$page"
		done
	done
}

# What .Dl and .Bd -literal have in the source, as a reader should see it.
examples_of() {
	awk '$1 == ".Bd" { literal = $2 == "-literal"; next }
		$1 == ".Ed" { literal = 0 }
		$1 == ".Dl" { print substr($0, 5) }
		literal && !/^[.]/ { print }' "$1" |
		sed 's/^[ \t]*//; s/\\(dq/"/g; s/\\(aq/'\''/g; s/\\&//g; s/\\e/\\/g'
}

@test "examples stand in the manuals as they are to be typed, on lines of 80 columns" {
	export MANWIDTH=80 MANPAGER=cat
	for page in "$RT_ROOT"/man/*.[178]; do
		man "$page" | sed 's/.\x08//g' >"$RT_TMP/page"
		[ "$(wc -L <"$RT_TMP/page")" -le 80 ]
		sed 's/^[ \t]*//' "$RT_TMP/page" >"$RT_TMP/lines"
		[ -n "$(examples_of "$page")" ]
		while IFS= read -r line; do
			echo "${page##*/}: $line"
			grep -qxF -- "$line" "$RT_TMP/lines"
		done < <(examples_of "$page")
	done
}

# --- make -------------------------------------------------------------------------------------

# Below the root without its name, which may have spaces.
build_folder() {
	local build=${RT_BIN%/*}
	echo "${build#"$RT_ROOT"/}"
}

# make, for the variant that is tested, without what the make around it passes on
quiet_make() {
	local -a vars=()
	if [ "${RT_BIN##*/}" != bin ]; then
		vars=(BUILD="$(build_folder)")
		case "${RT_BIN##*/}" in
		release) ;;
		*) vars+=(SAN="$(tr - , <<<"${RT_BIN##*/}")") ;;
		esac
	fi
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -C "$RT_ROOT" --no-print-directory "${vars[@]}" "$@"
}

@test "make install puts everything below DESTDIR and PREFIX, make uninstall takes it away" {
	quiet_make install DESTDIR="$RT_TMP/de st" PREFIX=/usr
	cd "$RT_TMP/de st/usr"
	for t in $TOOLS; do
		assert_file_executable "bin/$t"
		assert_file_exists "share/bash-completion/completions/$t"
		assert_file_exists "share/zsh/site-functions/_$t"
		assert_file_exists "share/fish/vendor_completions.d/$t.fish"
	done
	assert_file_exists share/man/man8/rt-serve.8
	assert_file_exists share/man/man7/rt.7
	for t in pub sub poll bench; do
		assert_file_exists "share/man/man1/rt-$t.1"
	done
	[ "$(stat -c %a share/man/man7/rt.7)" = 644 ]
	run ./bin/rt-sub --version
	assert_success
	quiet_make uninstall DESTDIR="$RT_TMP/de st" PREFIX=/usr
	run find "$RT_TMP/de st" -type f
	assert_output ''
}

@test "fish looks where make install puts its completions" {
	# shellcheck disable=SC2016  # for fish
	looks=$(env -u XDG_DATA_DIRS HOME="$RT_TMP/home" fish -c 'string join \n $fish_complete_path')
	for prefix in /usr/local /usr "$RT_TMP/home/.local"; do
		folder=$(quiet_make -n install PREFIX="$prefix" |
			sed -n 's|.*install -m 644 completions/fish/[^ ]* "\([^"]*\)".*|\1|p')
		grep -qxF -- "$folder" <<<"$looks"
	done
}

@test "make install says what to do where it may not write" {
	run quiet_make install DESTDIR=/proc/none
	assert_failure
	assert_output --partial "cannot create directory"
	assert_output --partial 'sudo make install, or make install PREFIX=$HOME/.local'
}

@test "make works in a folder whose name has spaces and quotes" {
	mkdir "$RT_TMP/Ann's rt"
	cp -r "$RT_ROOT/Makefile" "$RT_ROOT/libcommon" "$RT_TMP/Ann's rt"
	run env -u MAKEFLAGS make -C "$RT_TMP/Ann's rt" SAN= CFLAGS=-g build/release/libcommon/buf.o
	assert_success
	run grep -c "Ann's rt" "$RT_TMP/Ann's rt/build/release/libcommon/buf.o"
	assert_output 0
}

@test "nothing asks pkg-config before make demo and make test installed it" {
	run quiet_make -n PKG_CONFIG=/nonexistent/pkg-config demo
	refute_output --partial 'nonexistent/pkg-config: '
	[ "${lines[0]}" = 'sh scripts/deps.sh demo' ]
	run quiet_make -n PKG_CONFIG=/nonexistent/pkg-config test
	refute_output --partial 'nonexistent/pkg-config: '
	[ "${lines[0]}" = 'sh scripts/deps.sh test' ]
}

# --- scripts/deps.sh ---------------------------------------------------------------------------

# A machine that has no package but dpkg: fake programs, in a PATH of their own. Its policy-rc.d is not
# there yet, as on every Debian that is no container.
bare_machine() {
	mkdir -p "$RT_TMP/fake"
	export POLICY_RC_D=$RT_TMP/policy-rc.d
	for p in sh sed tr sort grep mktemp rm cat printf env touch tee chmod tail cut sleep fold kill; do
		ln -sf "$(type -P $p)" "$RT_TMP/fake/$p"
	done
	cat >"$RT_TMP/fake/dpkg-query" <<-'END'
		#!/bin/sh
		printf 'installed dpkg \ninstalled pkgconf pkg-config (= 1.8)\ndeinstalled libev-dev \n'
	END
	cat >"$RT_TMP/fake/apt-get" <<-END
		#!/bin/sh
		echo "\$DEBIAN_FRONTEND \$*" >>"$RT_TMP/apt"
		[ ! -x "$RT_TMP/policy-rc.d" ] || sh "$RT_TMP/policy-rc.d" || echo "policy \$?" >>"$RT_TMP/apt"
		case " \$* " in
		*" update "*) touch "$RT_TMP/updated" ;;
		*) test -e "$RT_TMP/updated" ;;
		esac
	END
	printf '#!/bin/sh\necho %s\n' "$1" >"$RT_TMP/fake/id"
	chmod +x "$RT_TMP/fake/dpkg-query" "$RT_TMP/fake/apt-get" "$RT_TMP/fake/id"
}

@test "deps.sh names what is missing, updates the lists if need be, installs without asking" {
	bare_machine 0
	run env PATH="$RT_TMP/fake" sh "$RT_ROOT/scripts/deps.sh" build
	assert_success
	assert_line --index 0 --partial 'deps: installing: '
	assert_output --partial libev-dev
	assert_output --partial node-llhttp
	refute_output --partial pkg-config
	refute_output --partial bats
	run grep -v '^policy' "$RT_TMP/apt"
	assert_output --partial ' update'
	assert_line --index 2 --regexp '^noninteractive .* install -y .*libev-dev'
}

@test "deps.sh lets no service start while it installs, and leaves a policy of others as it is" {
	bare_machine 0
	env PATH="$RT_TMP/fake" sh "$RT_ROOT/scripts/deps.sh" build
	run tail -n 2 "$RT_TMP/apt"
	assert_line --index 0 --regexp '^noninteractive .* install -y '
	assert_line --index 1 'policy 101'
	assert_file_not_exists "$POLICY_RC_D"
	printf '#!/bin/sh\nexit 102\n' >"$POLICY_RC_D"
	chmod 755 "$POLICY_RC_D"
	env PATH="$RT_TMP/fake" sh "$RT_ROOT/scripts/deps.sh" build
	run tail -n 1 "$RT_TMP/apt"
	assert_output 'policy 102'
	run cat "$POLICY_RC_D"
	assert_line --index 1 'exit 102'
}

@test "deps.sh shows on a terminal what apt-get is at, with names on lines that fit" {
	bare_machine 0
	cat >"$RT_TMP/fake/apt-get" <<-END
		#!/bin/sh
		case " \$* " in *" -s "*) exit 0 ;; esac
		echo Unpacking libslow
		until grep -q 'Unpacking libslow' "$RT_TMP/screen"; do sleep 0.05; done
	END
	PATH=$RT_TMP/fake:$PATH timeout $((30 * RT_SLOW)) script -qefc \
		"env PATH='$RT_TMP/fake' sh '$RT_ROOT/scripts/deps.sh' test" "$RT_TMP/screen" </dev/null
	run grep -c 'Unpacking libslow' "$RT_TMP/screen"
	assert_output 1
	[ "$(sed '/Script started/d; /Unpacking/d; /Script done/d' "$RT_TMP/screen" | tr -d '\r' | wc -L)" -lt 80 ]
}

@test "make bench QUICK=1 installs no server of others" {
	bare_machine 0
	run env PATH="$RT_TMP/fake" sh "$RT_ROOT/scripts/deps.sh" -n quick
	assert_line python3
	assert_line curl
	refute_line nats-server
	run quiet_make -n bench QUICK=1
	assert_line 'sh scripts/deps.sh quick'
	refute_line 'sh scripts/deps.sh bench'
}

@test "make demo installs what README.md uses beside rt, but nothing for tests" {
	bare_machine 0
	run env PATH="$RT_TMP/fake" sh "$RT_ROOT/scripts/deps.sh" -n demo
	assert_success
	for p in curl jq man-db libev-dev; do
		assert_line "$p"
	done
	refute_line bats
}

@test "deps.sh bench: one that cannot be had is named, and costs none of the others" {
	bare_machine 0
	printf '#!/bin/sh\ncase " $* " in *" nats-server "*) exit 100 ;; esac\nexec "%s" "$@"\n' \
		"$RT_TMP/fake/apt-get.real" >"$RT_TMP/apt-get.new"
	mv "$RT_TMP/fake/apt-get" "$RT_TMP/fake/apt-get.real"
	mv "$RT_TMP/apt-get.new" "$RT_TMP/fake/apt-get"
	chmod +x "$RT_TMP/fake/apt-get"
	run env PATH="$RT_TMP/fake" sh "$RT_ROOT/scripts/deps.sh" bench
	assert_success
	assert_line 'deps: apt-get could not install: nats-server'
	run cat "$RT_TMP/apt"
	assert_output --partial ' mosquitto'
	bare_machine 1000
	run env PATH="$RT_TMP/fake" sh "$RT_ROOT/scripts/deps.sh" bench
	assert_success
	assert_line 'deps: going on without them'
}

@test "deps.sh uses sudo when not root, and says what to do where there is none" {
	bare_machine 1000
	run env PATH="$RT_TMP/fake" sh "$RT_ROOT/scripts/deps.sh" test
	assert_failure 1
	assert_line --index 0 --partial 'deps: missing: '
	assert_line --index 1 --partial 'as root, run: scripts/deps.sh test'
	refute_output --partial installing
	printf '#!/bin/sh\necho sudo >>"%s"\nexec "$@"\n' "$RT_TMP/apt" >"$RT_TMP/fake/sudo"
	chmod +x "$RT_TMP/fake/sudo"
	run env PATH="$RT_TMP/fake" sh "$RT_ROOT/scripts/deps.sh" test
	assert_success
	assert_line --index 0 --partial 'deps: installing with sudo: '
	run cat "$RT_TMP/apt"
	assert_output --partial sudo
	assert_output --partial 'bats-assert'
}

@test "deps.sh finds nothing missing here, and CONTRIBUTING names each package for tests" {
	run sh "$RT_ROOT/scripts/deps.sh" -n test
	assert_success
	assert_output ''
	for p in $(sed -nE "/^demo='/p; /^tests='/,/'\$/p" "$RT_ROOT/scripts/deps.sh" |
		tr -d "'" | sed -E 's/^(tests|demo)=//'); do
		echo "$p"
		grep -qw -- "$p" "$RT_ROOT/CONTRIBUTING.md"
	done
}

# --- scripts/test.sh and .ci/run ----------------------------------------------------------------

@test "the test runner counts what ran: a crash, a missing plan and a skip are no success" {
	mkdir -p "$RT_TMP/tree/scripts" "$RT_TMP/tree/tests/unit/a" "$RT_TMP/tree/tests/cli"
	cd "$RT_TMP/tree"
	cp "$RT_ROOT/scripts/test.sh" scripts/
	good=$'#!/bin/sh\necho ok 1\necho "ok 2 - b # skip why"\necho 1..2\n'
	crash=$'#!/bin/sh\necho ok 1\nkill -SEGV $$\n'
	short=$'#!/bin/sh\necho 1..3\necho ok 1\n'
	liar=$'#!/bin/sh\necho ok 1\necho 1..1\nexit 3\n'
	mkdir -p out/tests/unit/a
	for t in good crash short liar; do
		printf %s "${!t}" >"out/tests/unit/a/test_$t"
		chmod +x "out/tests/unit/a/test_$t"
		: >"tests/unit/a/test_$t.c"
	done
	: >tests/unit/a/test_absent.c
	: >tests/cli/z.bats
	mkdir fake	# a bats cannot run within another
	printf '#!/bin/sh\necho 1..2\necho ok 1 x\necho not ok 2 y\nexit 1\n' >fake/bats
	chmod +x fake/bats
	PATH=$PWD/fake:$PATH

	run env MAKE=true OUT=out ONLY= sh scripts/test.sh unit cli
	assert_failure
	# passed: good 1, crash 1, short 1, liar 1, z 1; failed: crash 1, short 2, liar 1, absent 1, z 1
	assert_line --index -1 '5 passed, 6 failed, 1 skipped'
	assert_line --index -3 --partial 'FAILED  unit/a/test_short'	# the last of those that failed, once more

	for name in good test_good a/good a/test_good tests/unit/a/test_good.c; do
		run env MAKE=true OUT=out ONLY=$name sh scripts/test.sh unit
		assert_success
		assert_line --index -1 '1 passed, 0 failed, 1 skipped'
	done

	run env MAKE=true OUT=out ONLY=a sh scripts/test.sh unit
	assert_failure
	assert_line --index -1 '4 passed, 5 failed, 1 skipped'

	run env MAKE=true OUT=out ONLY='good z' sh scripts/test.sh unit cli
	assert_failure
	assert_line --index -1 '2 passed, 1 failed, 1 skipped'

	run env MAKE=true OUT=out ONLY='good nothing' sh scripts/test.sh unit
	assert_failure
	assert_line --index 0 --partial 'ONLY=nothing names no test of: unit'
	assert_line --index -1 '0 passed, 1 failed'

	run env MAKE=false OUT=out ONLY=good sh scripts/test.sh unit
	assert_failure
	assert_line --index -1 '1 passed, 1 failed, 1 skipped'
}

@test ".ci/run ends with the summary and make's status, also if make stops early" {
	mkdir "$RT_TMP/fake"
	cat >"$RT_TMP/fake/make" <<-'END'
		#!/bin/sh
		echo "CI=$CI $*"
		echo '3 passed, 1 failed'
		echo 'make: *** [Makefile:1: test] Error 1' >&2
		exit 2
	END
	chmod +x "$RT_TMP/fake/make"
	run env -u CI PATH="$RT_TMP/fake:$PATH" bash "$RT_ROOT/.ci/run"
	assert_failure
	assert_line --index 0 'CI=true test'
	assert_line --index -1 '3 passed, 1 failed'
	printf '#!/bin/sh\necho "make: *** no rule" >&2\nexit 2\n' >"$RT_TMP/fake/make"
	run env PATH="$RT_TMP/fake:$PATH" bash "$RT_ROOT/.ci/run"
	assert_failure
	assert_line --index 0 'make: *** no rule'
	assert_line --index -1 '0 passed, 1 failed'
}

# --- make demo ----------------------------------------------------------------------------------

@test "make demo proves that everybody got the same bytes, plain in a pipe, and ends with 0" {
	run env DEMO_MAX=300 DEMO_SECONDS=3 sh "$RT_ROOT/scripts/demo.sh"
	assert_success
	refute_output --partial $'\033'
	refute_output --partial $'\r'
	assert_output --partial '$ kill -9'
	for who in sse ws longpoll poll; do
		assert_line --regexp "^$who +300 +0 +0 +0 +0  [0-9a-f]{12}\$"
	done
	assert_line --index -1 'All four received the same bytes: nothing missing, doubled or out of order.'
}

@test "make demo fails with a clear message if an event is lost" {
	mkdir "$RT_TMP/fake"
	# shellcheck disable=SC2016  # for the script
	printf '#!/bin/sh\n"%s" "$@" >"$0.$$"; s=$?; sed 20d "$0.$$"; exit $s\n' "$(command -v rt-poll)" \
		>"$RT_TMP/fake/rt-poll"
	for t in rt-serve rt-pub rt-sub; do
		ln -s "$(command -v $t)" "$RT_TMP/fake/$t"
	done
	chmod +x "$RT_TMP/fake/rt-poll"
	run env RT_BIN="$RT_TMP/fake" DEMO_MAX=200 DEMO_SECONDS=2 sh "$RT_ROOT/scripts/demo.sh"
	assert_failure 1
	assert_output --partial 'demo: the outputs differ from the input or from each other'
	refute_output --partial 'All four received'
}

@test "make demo, into a pipe that closes, leaves nothing behind" {
	mkdir "$RT_TMP/folder"
	env TMPDIR="$RT_TMP/folder" sh "$RT_ROOT/scripts/demo.sh" 3>&- | head -n 2
	run pgrep -f "$RT_TMP/folder"
	assert_output ''
	run ls -A "$RT_TMP/folder"
	assert_output ''
}

@test "make demo, stopped while its server is dead, leaves nothing behind" {
	mkdir "$RT_TMP/folder"
	bg demo env TMPDIR="$RT_TMP/folder" sh "$RT_ROOT/scripts/demo.sh"
	wait_for -t 20 grep -q '# rt-serve' "$RT_TMP/demo.out"
	started=$(pgrep -P "$(bg_pid demo)")
	[ "$(wc -w <<<"$started")" -ge 5 ]
	kill -TERM "$(bg_pid demo)"
	bg_wait demo 4
	[ "$BG_STATUS" -eq 143 ]
	for pid in $started; do
		wait_for _gone "$pid"
	done
	run ls "$RT_TMP/folder"
	assert_output ''
}
