#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The main job of rt on real input, as `make demo` shows it: every package that dpkg knows becomes
# an event; three subscribers, on three transports, and a poller get them; one subscriber and the
# server are killed halfway. Proves that all received the same bytes. Needs a POSIX shell, awk
# and coreutils. The packages go by for 15 seconds or less; it ends by itself.
#
# Environment: RT_BIN (folder of the binaries), DEMO_MAX (at most so many packages),
# DEMO_SECONDS (15), NO_COLOR.
set -u

root=$(cd "$(dirname "$0")/.." && pwd)
PATH=${RT_BIN:-$root/bin}:$PATH
export PATH LC_ALL=C.UTF-8
unset RT_TOKEN http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY
seconds=${DEMO_SECONDS:-15}

bold='' dim='' green='' red='' plain='' tty=
if [ -t 1 ]; then
	tty=1
	if [ -z "${NO_COLOR:-}" ]; then
		esc=$(printf '\033')
		bold="${esc}[1m" dim="${esc}[2m" green="${esc}[32m" red="${esc}[31m" plain="${esc}[0m"
	fi
fi

say() {
	printf '%s\n' "$dim# $*$plain"
}

# A command line, as a person would type it.
show() {
	printf '%s\n' "$bold\$ $*$plain"
}

# --- whatever happens, leave nothing behind --------------------------------------------------

dir=$(mktemp -d "${TMPDIR:-/tmp}/rt-demo.XXXXXX") || exit 1
cd "$dir" || exit 1
server='' sse='' ws='' longpoll='' pub='' pacer=''

# Asked politely, rt-pub would still try to send for some seconds what it has read.
cleanup() {
	for p in $pacer $pub $sse $ws $longpoll $server; do
		kill -KILL "$p" 2>/dev/null
		wait "$p" 2>/dev/null
	done
	cd / && rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP
trap 'exit 141' PIPE

fail() {
	printf '%s\n' "${red}demo: $*$plain" >&2
	for f in "$dir"/*.err; do
		[ -s "$f" ] || continue
		echo "--- ${f##*/}" >&2
		tail -n 10 "$f" >&2
	done
	exit 1
}

# within SECONDS COMMAND...
within() {
	left=$(($1 * 20))
	shift
	until "$@" >/dev/null 2>&1; do
		left=$((left - 1))
		[ "$left" -gt 0 ] || return 1
		sleep 0.05
	done
}

lines_in() {
	wc -l <"$1" 2>/dev/null || echo 0
}

has_lines() {
	[ "$(lines_in "$1")" -ge "$2" ]
}

gone() {
	! kill -0 "$1" 2>/dev/null
}

# A process that is killed may leave half a line: it was not received, and will come again.
mend() {
	[ -z "$(tail -c 1 "$1")" ] && return
	sed '$d' "$1" >mended
	cat mended >"$1"
	rm mended
}

# --- the input: a JSON object a package ------------------------------------------------------

command -v dpkg-query >/dev/null ||
	fail 'this demo announces Debian packages, but there is no dpkg-query here'
max=${DEMO_MAX:-1000000}
"$root/scripts/demo-packages.sh" 0 "$max" >input || fail 'dpkg-query failed'
total=$(lines_in input)
[ "$total" -gt 0 ] || fail 'dpkg-query knows no package'

# How long what was killed stays dead: a tenth of the whole, a second at most.
pause=1
[ "$total" -ge 1000 ] || pause=0.$((total / 100))

# --- the server ------------------------------------------------------------------------------

listen=127.0.0.1:0

start_server() {
	: >server.out
	rt-serve --listen "$listen" --store "$dir/store.db" >server.out 2>>server.err &
	server=$!
	within 10 grep -q 'listening on' server.out || fail 'rt-serve did not start'
	RT_URL=$(sed -n 's/^rt-serve: listening on //p' server.out | head -n 1)
	export RT_URL
	listen=${RT_URL#http://}
}

say "$total packages are installed here. A server that keeps their events in SQLite:"
start_server
show "rt-serve --listen $listen --store ./store.db &"
printf '%s\n' "$(cat server.out)"
show "export RT_URL=$RT_URL"
echo

# --- three subscribers -----------------------------------------------------------------------

# subscribe TRANSPORT FILE: sets $pid
subscribe() {
	show "rt-sub --transport $1 --since all -S $2.state packages >>$2.ndjson &"
	rt-sub --transport "$1" --since all -S "$2.state" packages >>"$2.ndjson" 2>>"$2.err" &
	pid=$!
}

say 'Three subscribers on three transports, each with a file to remember its place:'
: >sse.ndjson
: >ws.ndjson
: >lp.ndjson
subscribe sse sse
sse=$pid
subscribe ws ws
ws=$pid
subscribe longpoll lp
longpoll=$pid
echo

# --- publish, and kill -----------------------------------------------------------------------

say 'The packages, as they come, into the pipe:'
rate=$((total / seconds + 1))
[ "$rate" -ge 100 ] || rate=100
show "scripts/demo-packages.sh $rate | rt-pub packages &"
say "About $rate a second; a subscriber and the server are killed on the way."
mkfifo pipe
rt-pub packages <pipe 2>>pub.err &
pub=$!
"$root/scripts/demo-packages.sh" "$rate" "$max" >pipe &
pacer=$!

# The package that came last, for people to see that they are real.
newest() {
	tail -n 1 sse.ndjson | sed -n 's/.*"package":"\([^"]*\)".*/\1/p'
}

progress() {
	printf '%s  sse %5d   ws %5d   longpoll %5d   of %d   %.24s%s' "$1" \
		"$(lines_in sse.ndjson)" "$(lines_in ws.ndjson)" "$(lines_in lp.ndjson)" "$total" \
		"$(newest)" "$2"
}

clear_line() {
	[ -z "$tty" ] || printf '\r\033[K'
}

# Show the counts until COMMAND succeeds: one line that moves on a terminal, a few in a pipe.
watch_until() {
	limit=$1
	shift
	tick=0
	until "$@"; do
		[ "$tick" -lt $((limit * 10)) ] || return 1
		if [ -n "$tty" ]; then
			progress "$(printf '\r')" "$(printf '\033[K')"
		elif [ $((tick % 20)) -eq 0 ]; then
			progress '' ''
			echo
		fi
		tick=$((tick + 1))
		sleep 0.1
	done
	clear_line
}

watch_until 60 has_lines ws.ndjson $((total * 2 / 5)) || fail 'the events do not arrive'
say 'One subscriber dies, without a chance to save anything, and comes back:'
show "kill -9 $ws   # rt-sub --transport ws"
kill -9 "$ws"
wait "$ws" 2>/dev/null
killed_ws_at=$(lines_in ws.ndjson)
mend ws.ndjson
sleep "$pause"
subscribe ws ws
ws=$pid

watch_until 60 has_lines sse.ndjson $((total * 3 / 5)) || fail 'the events do not arrive'
say 'The server dies while events come in, and is started again; all others wait:'
show "kill -9 $server   # rt-serve"
kill -9 "$server"
wait "$server" 2>/dev/null
killed_server_at=$(lines_in sse.ndjson)
sleep "$pause"
show "rt-serve --listen $listen --store ./store.db &"
start_server

has_last() {
	tail -n 1 "$1" | grep -q "\"seq\":$total,"
}

all_there() {
	has_last sse.ndjson && has_last ws.ndjson && has_last lp.ndjson && gone "$pub"
}
watch_until 90 all_there || :
progress '' ''
echo
wait "$pacer" 2>/dev/null
pacer=
within 20 gone "$pub" || fail 'rt-pub does not end'
wait "$pub" || fail "rt-pub ended with status $?"
pub=
all_there || fail 'not all events arrived'
echo

say 'An event, as each of them has it:'
show 'tail -n 1 sse.ndjson'
tail -n 1 sse.ndjson
echo

# --- the poller ------------------------------------------------------------------------------

say 'Someone who only asks now and then, from where a file says it was:'
third=$((total / 3 + 1))
: >poll.ndjson
polls=0
while [ "$polls" -lt 10 ]; do
	show "rt-poll -S poll.state -n $third packages >>poll.ndjson"
	rt-poll -S poll.state -n "$third" packages >>poll.ndjson 2>>poll.err
	status=$?
	polls=$((polls + 1))
	echo "status $status, $(lines_in poll.ndjson) events so far"
	[ "$status" -eq 0 ] || break
done
[ "$status" -eq 1 ] || fail "rt-poll should have ended with 1 (nothing new), not $status"
echo

# --- end all of them politely ----------------------------------------------------------------

say 'That was all:'
show "kill $sse $ws $longpoll $server"
for p in $sse $ws $longpoll; do
	kill -TERM "$p" 2>/dev/null || fail "subscriber $p is gone already"
	wait "$p" 2>/dev/null
done
sse='' ws='' longpoll=''
kill -TERM "$server" 2>/dev/null
wait "$server" 2>/dev/null
status=$?
server=
[ "$status" -eq 0 ] || [ "$status" -eq 143 ] || fail "rt-serve ended with status $status"
echo

# Killed between writing a line and saving its cursor, rt-sub repeats that line when it comes back:
# same id, same bytes. Whoever cannot have that looks at the id.
awk '!seen[$0]++' ws.ndjson >ws.once
repeated=$(($(lines_in ws.ndjson) - $(lines_in ws.once)))
if [ "$repeated" -gt 0 ]; then
	say "The one that was killed had not yet saved its place, and repeated $repeated:"
	show "awk '!seen[\$0]++' ws.ndjson >ws.once"
	echo
fi
mv ws.once ws.ndjson

# --- the proof -------------------------------------------------------------------------------

# Each envelope holds the bytes that went in, after "data":, and the sequence 1, 2, 3, ...
check() {
	awk -v want="$total" '
		FNR == NR { input[FNR] = $0; next }
		{
			n++
			if (!match($0, /"seq":[0-9]+/))
				bad++
			seq = substr($0, RSTART + 6, RLENGTH - 6) + 0
			at = index($0, "\"data\":")
			data = substr($0, at + 7, length($0) - at - 7)
			if (seen[seq]++)
				doubled++
			else if (seq < last)
				disordered++
			if (data != input[seq])
				changed++
			last = seq > last ? seq : last
		}
		END {
			for (i = 1; i <= want; i++)
				missing += !(i in seen)
			printf "%d %d %d %d %d\n", n, missing, doubled, disordered, changed + bad
		}' input "$1"
}

sum() {
	sha256sum "$1" | cut -c 1-12
}

say 'The proof: what each of them wrote, against what went in'
printf '%-10s %7s %8s %8s %13s %8s  %s\n' '' events missing doubled 'out of order' changed sha256
wrong=0
for who in sse ws lp poll; do
	# shellcheck disable=SC2046  # five numbers
	set -- $(check "$who.ndjson")
	printf '%-10s %7d %8d %8d %13d %8d  %s\n' "$(echo "$who" | sed 's/^lp$/longpoll/')" "$@" \
		"$(sum "$who.ndjson")"
	[ "$*" = "$total 0 0 0 0" ] || wrong=$((wrong + 1))
	cmp -s sse.ndjson "$who.ndjson" || wrong=$((wrong + 1))
done
echo "killed: rt-sub (ws) at event $killed_ws_at, rt-serve at event $killed_server_at of $total"
[ "$wrong" -eq 0 ] || fail 'the outputs differ from the input or from each other'
printf '%s\n' "${green}All four received the same bytes: nothing missing, doubled or out of order.$plain"
