# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
#
# What the command line tests share. A test file begins like this:
#
#	bats_require_minimum_version 1.5.0
#	load helper
#
#	@test "a subscriber gets what is published" {
#		start_server
#		bg sub rt-sub -n 2 --since all chat
#		publish chat 1 2
#		bg_wait sub
#		assert_seqs sub.out 1 2
#	}
#
# Environment
#	RT_BIN     folder of the binaries; `make test` sets it per variant; default: bin/
#	RT_ROOT    root of the source tree
#	RT_SLOW    factor for all deadlines (sanitizers); default 1
#	RT_SHADOW  factor for the memory that a process takes (TSan); default 1
#	PYTHON     Debian's python3, which has the module websockets, whatever PATH says
#	NODE_PATH  set so that node finds Debian's `ws` and `eventsource`
#	CHROMIUM   the browser
#
# Server. Each test (or setup_file) has its own, on a free port, with a fresh store.
#	start_server [OPTION...]   start rt-serve, wait until it listens; sets RT_URL (exported: the
#	                           tools use it), SERVER_PORT and SERVER_PID. Without --store it
#	                           gets --store $RT_TMP/main.db; without --listen, 127.0.0.1:0;
#	                           without --drain, half a second.
#	stop_server                SIGTERM, wait for the end, set SERVER_STATUS
#	kill_server                SIGKILL, wait for the end
#	restart_server [OPTION...] (after stop_ or kill_server) the same port and store again, with
#	                           the same options, or with those given here instead
#	Several servers: `SERVER=edge start_server` and so on: that one is the current one from then
#	on. `use_server NAME` goes back; names and files follow: $RT_TMP/NAME.out, .err, .db.
#	Never behind `run`: that is a subshell, and what it starts would be forgotten.
#
#	with_faketime COMMAND...   start_server or restart_server with a clock that FAKETIME, or the
#	                           file FAKETIME_TIMESTAMP_FILE, says; monotonic time goes on as it does
#
# Processes in the background, always without bats' descriptor 3, output to files in $RT_TMP
#	bg NAME COMMAND...         start it; NAME.out, NAME.err; sets BG_PID. Its stdin is
#	                           /dev/null, or the file BG_STDIN names (a fifo, for example).
#	                           Fails if what had the name before still runs.
#	bg_wait NAME [SECONDS]     wait for its end (default 10 s), set BG_STATUS; fails on timeout
#	bg_kill NAME [SIGNAL]      send TERM, or SIGNAL, and wait for the end
#	bg_pid NAME                print its pid
#
# Waiting, always with a deadline, never a fixed sleep
#	wait_for [-t SECONDS] COMMAND...   try COMMAND until it succeeds (default 10 s)
#	wait_lines FILE N [SECONDS]        until FILE has at least N lines
#	wait_listening PORT                until something listens on 127.0.0.1:PORT
#
# Events. FILE is a path, or a name below $RT_TMP. "-" is stdin.
#	publish TOPIC FROM TO [MEMBERS]    rt-pub {"n":FROM,MEMBERS}, ... {"n":TO,MEMBERS}
#	put TOPIC JSON [QUERY]             publish one event by HTTP
#	lines N [FROM]             print FROM (1) ... N as NDJSON: {"n":1} ...
#	seqs|ids|ns FILE           print seq, id, data.n of each envelope, one a line
#	assert_seqs FILE FROM TO   FILE holds exactly the seqs FROM...TO, once each, in order
#	assert_ns FILE FROM TO     the same for data.n
#	flood WHAT ARGUMENT...     subscribers who stop reading: tests/helpers/flood.py has the rest
#	assert_json FILTER [FILE]  FILTER is true of the document (default: of $output), see is_true
#	is_true FILTER [JQ-ARG...] jq says something of stdin, and nothing that is false or null. Debian's
#	                           jq -e has nothing against an empty stdin, or one of several answers.
#	assert_same FILE FILE...   all files have the same bytes
#	http_status CURL-ARGS...   print only the status code
#	fetch CURL-ARGS...         curl -sS with a time limit; a path as last argument is taken
#	                           relative to RT_URL
#	free_port                  print a TCP port nobody uses now
#
# Browser
#	browser URL [NAME]         open URL in headless Chromium in the background (as bg NAME,
#	                           default "browser")
#	page_eval JS [NAME]        run JS in its page, as the console would, and print the value
#	                           (waits for promises)
#	page_shows TEXT [NAME]     succeeds if the page shows TEXT; use it with wait_for
#
# The default teardown ends what was started, by pid, and shows stderr files if the test failed.
# A file with a teardown of its own calls rt_cleanup there. The same for teardown_file.

bats_require_minimum_version 1.5.0
bats_load_library bats-support
bats_load_library bats-assert
bats_load_library bats-file

RT_ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
: "${RT_BIN:=$RT_ROOT/bin}" "${RT_SLOW:=1}" "${RT_SHADOW:=1}" "${PYTHON:=/usr/bin/python3}" "${CHROMIUM:=chromium}"
export RT_ROOT RT_BIN RT_SLOW RT_SHADOW PYTHON CHROMIUM
export NODE_PATH=/usr/share/nodejs:/usr/lib/nodejs
export PATH="$RT_BIN:$PATH" LC_ALL=C.UTF-8 NO_COLOR=1 PYTHONDONTWRITEBYTECODE=1
: "${BATS_TEST_TIMEOUT:=$((120 * RT_SLOW))}"
export BATS_TEST_TIMEOUT
unset RT_TOKEN http_proxy https_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY all_proxy

RT_TMP=${BATS_TEST_TMPDIR:-${BATS_FILE_TMPDIR:-}}
declare -gA BG_PIDS=() SERVER_ARGS=() SERVER_PORTS=()
declare -ga FAKETIME_PIDS=()

# --- waiting ---------------------------------------------------------------------------------

_now_ms() {
	local t=$EPOCHREALTIME
	echo "$((${t%[.,]*} * 1000 + 10#${t#*[.,]} / 1000))"
}

wait_for() {
	local seconds=10 until
	if [ "$1" = -t ]; then
		seconds=$2
		shift 2
	fi
	until=$(($(_now_ms) + seconds * RT_SLOW * 1000))
	until "$@" >/dev/null 2>&1; do
		if [ "$(_now_ms)" -gt "$until" ]; then
			echo "not within $((seconds * RT_SLOW)) s: $*" >&2
			return 1
		fi
		sleep 0.02
	done
}

_path() {
	case "$1" in
	- | /*) echo "$1" ;;
	*) echo "$RT_TMP/$1" ;;
	esac
}

_has_lines() {
	[ "$(wc -l <"$1")" -ge "$2" ]
}

wait_lines() {
	local file
	file=$(_path "$1")
	wait_for -t "${3:-10}" _has_lines "$file" "$2" || {
		echo "$1 has $(wc -l <"$file") lines, wanted $2" >&2
		return 1
	}
}

_listening() {
	(exec 9<>"/dev/tcp/127.0.0.1/$1")
}

wait_listening() {
	wait_for _listening "$1"
}

free_port() {
	"$PYTHON" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# --- processes in the background -------------------------------------------------------------

_gone() {
	! kill -0 "$1" 2>/dev/null
}

bg() {
	local name=$1
	shift
	if [ -n "${BG_PIDS[$name]:-}" ] && ! _gone "${BG_PIDS[$name]}"; then
		echo "bg: $name still runs, and would be forgotten" >&2
		return 1
	fi
	: >"$RT_TMP/$name.out"
	"$@" <"${BG_STDIN:-/dev/null}" >"$RT_TMP/$name.out" 2>"$RT_TMP/$name.err" 3>&- 4>&- &
	BG_PID=$!
	BG_PIDS[$name]=$BG_PID
}

bg_pid() {
	echo "${BG_PIDS[$1]}"
}

bg_wait() {
	local pid=${BG_PIDS[$1]}
	wait_for -t "${2:-10}" _gone "$pid" || {
		echo "$1 (pid $pid) still runs" >&2
		return 1
	}
	BG_STATUS=0
	wait "$pid" || BG_STATUS=$?
	unset "BG_PIDS[$1]"
}

bg_kill() {
	kill -"${2:-TERM}" "${BG_PIDS[$1]}"
	bg_wait "$1"
}

# End what is left: politely, then not.
rt_cleanup() {
	local pid
	if [ -z "${BATS_TEST_COMPLETED:-}" ] && [ -n "${BATS_TEST_TMPDIR:-}" ]; then
		_show_logs
	fi
	for pid in "${BG_PIDS[@]}"; do
		kill -CONT "$pid" 2>/dev/null || :
		kill -TERM "$pid" 2>/dev/null || :
	done
	for pid in "${BG_PIDS[@]}"; do
		RT_SLOW=1 wait_for -t 2 _gone "$pid" 2>/dev/null || kill -KILL "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
	done
	BG_PIDS=()
	# libfaketime leaves these behind when its process dies of a signal
	for pid in "${FAKETIME_PIDS[@]}"; do
		rm -f "/dev/shm/faketime_shm_$pid" "/dev/shm/sem.faketime_sem_$pid"
	done
	FAKETIME_PIDS=()
}

_show_logs() {
	local f
	for f in "$RT_TMP"/*.err; do
		[ -s "$f" ] || continue
		echo "--- ${f##*/}"
		tail -n 20 "$f"
	done
}

teardown() {
	rt_cleanup
}

teardown_file() {
	rt_cleanup
}

# --- the server ------------------------------------------------------------------------------

_has_option() {
	local want=$1 a
	shift
	for a in "$@"; do
		case "$a" in "$want" | "$want"=*) return 0 ;; esac
	done
	return 1
}

_server_ready() {
	_gone "$2" || grep -q '^rt-serve: listening on ' "$1"
}

_server_run() {
	local name=${SERVER:-main} out
	out=$RT_TMP/$name.out
	bg "$name" rt-serve "$@"
	wait_for _server_ready "$out" "$BG_PID"
	if ! grep -q '^rt-serve: listening on ' "$out"; then
		echo "rt-serve $* did not start:" >&2
		cat "$RT_TMP/$name.err" >&2
		return 1
	fi
	SERVER_PORTS[$name]=$(sed -n 's/^rt-serve: listening on http:.*:\([0-9]*\)$/\1/p' "$out" | head -n 1)
	use_server "$name"
}

use_server() {
	export SERVER=$1
	SERVER_PID=${BG_PIDS[$1]:-}
	SERVER_PORT=${SERVER_PORTS[$1]:-}
	export RT_URL=http://127.0.0.1:$SERVER_PORT
}

start_server() {
	local name=${SERVER:-main}
	local -a more=()
	_has_option --store "$@" || more+=(--store "$RT_TMP/$name.db")
	_has_option --listen "$@" || more+=(--listen 127.0.0.1:0)
	_has_option --drain "$@" || more+=(--drain 500ms)
	printf -v "SERVER_ARGS[$name]" '%q ' "${more[@]}" "$@"
	_server_run "${more[@]}" "$@"
}

restart_server() {
	local name=${SERVER:-main} port=${SERVER_PORTS[${SERVER:-main}]}
	local -a args
	if [ $# -gt 0 ]; then
		args=(--listen 127.0.0.1:0 --drain 500ms "$@")
		_has_option --store "$@" || args+=(--store "$RT_TMP/$name.db")
	else
		eval "args=(${SERVER_ARGS[$name]})"
	fi
	_server_run "${args[@]/#127.0.0.1:0/127.0.0.1:$port}"
}

stop_server() {
	local name=${SERVER:-main}
	kill -TERM "${BG_PIDS[$name]}"
	bg_wait "$name" 15
	SERVER_STATUS=$BG_STATUS
}

kill_server() {
	local name=${SERVER:-main}
	kill -KILL "${BG_PIDS[$name]}"
	bg_wait "$name" 2>/dev/null
}

# ASan wants to be the first library. TSan does not see that libfaketime's cond_timedwait lets go of
# the mutex, and would find a race in whatever it guards.
with_faketime() {
	local lib
	lib=$(find /usr/lib -name 'libfaketimeMT.so.1' 2>/dev/null | head -n 1)
	[ -n "$lib" ] || skip "needs libfaketime"
	local -x LD_PRELOAD=$lib FAKETIME_NO_CACHE=1 DONT_FAKE_MONOTONIC=1
	local -x ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0
	local -x TSAN_OPTIONS=${TSAN_OPTIONS:+$TSAN_OPTIONS:}report_bugs=0
	"$@"
	FAKETIME_PIDS+=("$SERVER_PID")
}

# --- events ----------------------------------------------------------------------------------

lines() {
	seq -f '{"n":%.0f}' "${2:-1}" "$1"
}

publish() {
	seq -f "{\"n\":%.0f${4:+,$4}}" "$2" "$3" | rt-pub "$1"
}

seqs() {
	jq -r 'select(.seq) | .seq' "$(_path "$1")"
}

ids() {
	jq -r 'select(.id) | .id' "$(_path "$1")"
}

ns() {
	jq -r 'select(has("data")) | .data.n' "$(_path "$1")"
}

assert_seqs() {
	diff <(seq "$2" "$3") <(seqs "$1") >"$RT_TMP/diff" || {
		echo "$1: not the seqs $2 ... $3 (< wanted, > got):" >&2
		head -n 20 "$RT_TMP/diff" >&2
		return 1
	}
}

assert_ns() {
	diff <(seq "$2" "$3") <(ns "$1") >"$RT_TMP/diff" || {
		echo "$1: not the numbers $2 ... $3 (< wanted, > got):" >&2
		head -n 20 "$RT_TMP/diff" >&2
		return 1
	}
}

is_true() {
	local got
	got=$(jq -c "${@:2}" "$1") && [ -n "$got" ] && ! grep -qxE 'false|null' <<<"$got"
}

assert_json() {
	if [ $# -gt 1 ]; then
		is_true "$1" <"$(_path "$2")" || {
			echo "not true: $1, of:" >&2
			head -c 2000 "$(_path "$2")" >&2
			return 1
		}
	else
		# shellcheck disable=SC2154  # output is set by bats' run
		is_true "$1" <<<"$output" || {
			echo "not true: $1, of:" >&2
			head -c 2000 <<<"$output" >&2
			return 1
		}
	fi
}

assert_same() {
	local first
	first=$(_path "$1")
	shift
	for f in "$@"; do
		cmp "$first" "$(_path "$f")" || return 1
	done
}

# --- HTTP and browser ------------------------------------------------------------------------

_curl() {
	local -a args=("${@:1:$#-1}")
	local last=${*: -1}
	case "$last" in /*) last=$RT_URL$last ;; esac
	curl -sS --max-time $((15 * RT_SLOW)) "${args[@]}" "$last"
}

fetch() {
	_curl "$@"
}

http_status() {
	_curl -o /dev/null -w '%{http_code}\n' "$@"
}

put() {
	fetch -o /dev/null --fail -d "$2" "/topics/$1${3:+?$3}"
}

flood() {
	"$PYTHON" "$RT_ROOT/tests/helpers/flood.py" "$RT_URL" "$@"
}

browser() {
	local name=${2:-browser}
	bg "$name" "$CHROMIUM" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
		--disable-background-networking --disable-component-update --disable-sync \
		--disable-dev-shm-usage --user-data-dir="$RT_TMP/$name.profile" \
		--remote-debugging-port=0 "$1"
}

page_eval() {
	"$PYTHON" "$RT_ROOT/tests/helpers/devtools.py" "$RT_TMP/${2:-browser}.profile" "$1"
}

page_shows() {
	page_eval document.body.innerText "${2:-browser}" | grep -qF -- "$1"
}
