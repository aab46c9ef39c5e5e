#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Install the Debian packages that rt needs and this machine lacks.
#
#   scripts/deps.sh build               what compiling needs
#   scripts/deps.sh demo                that, and what README.md uses beside rt
#   scripts/deps.sh test                all of that, and what `make test` needs
#   scripts/deps.sh bench               that, and what `make bench` measures beside: whom it cannot have,
#                                       it names, and leaves out
#   scripts/deps.sh quick               what `make bench QUICK=1` needs
#   scripts/deps.sh -n build|demo|...   only print the names of those that are missing
#
# Prints their names before it does anything, never asks, uses sudo when it is not root, and starts
# no service. On a terminal, it shows what apt-get is at.
#
# Environment: POLICY_RC_D (/usr/sbin/policy-rc.d), the file that keeps Debian from starting services.
set -eu

build='make gcc libc6-dev pkg-config libev-dev libwslay-dev libjsmn-dev libcurl4-openssl-dev
	libsqlite3-dev libssl-dev liburing-dev node-llhttp'

demo='curl jq man-db'

# CONTRIBUTING.md says what each of these is for.
tests='bats bats-support bats-assert bats-file mandoc shellcheck cppcheck sqlite3
	pyflakes3 python3 python3-websockets nodejs node-ws node-eventsource chromium procps
	netcat-openbsd libfaketime nginx-light libnginx-mod-nchan haproxy iproute2 nftables bash-completion zsh fish'

# The servers that rt is measured beside, and the clients; of Node's packages those come from npm.
peers='python3 nodejs nginx-light libnginx-mod-nchan redis-server nats-server mosquitto curl jq
	kcat mosquitto-clients redis-tools procps'
command -v npm >/dev/null || peers="$peers npm"
quick='python3 curl'

usage() {
	echo 'usage: scripts/deps.sh [-n] build|demo|test|bench|quick' >&2
	exit 2
}

only_list=
if [ "${1:-}" = -n ]; then
	only_list=1
	shift
fi
case "${1:-}" in
build) wanted=$build ;;
demo) wanted="$build $demo" ;;
test) wanted="$build $demo $tests" ;;
bench) wanted="$build $peers" ;;
quick) wanted="$build $quick" ;;
*) usage ;;
esac

# shellcheck disable=SC2086  # the lists are words on purpose
wanted=$(printf '%s ' $wanted)

if ! command -v dpkg-query >/dev/null; then
	echo "deps: no Debian system; please make sure you have what these packages hold: $wanted" >&2
	exit 0
fi

# A package can also be provided by another one, as pkg-config is by pkgconf.
have=$(dpkg-query -W -f '${db:Status-Status} ${Package} ${Provides}\n' |
	sed -n 's/^installed //p' | sed 's/([^)]*)//g' | tr ' ,' '\n' | sort -u)
missing=
for p in $wanted; do
	printf '%s\n' "$have" | grep -qxF -- "$p" || missing="$missing $p"
done
missing=${missing# }

if [ -n "$only_list" ]; then
	[ -z "$missing" ] || printf '%s\n' "$missing" | tr ' ' '\n'
	exit 0
fi
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
	as_root=
elif command -v sudo >/dev/null; then
	as_root=sudo
else
	echo "deps: missing: $missing" >&2
	echo "deps: neither root nor sudo here; as root, run: scripts/deps.sh $1" >&2
	[ "$1" = bench ] || exit 1
	echo 'deps: going on without them' >&2
	exit 0
fi
if [ -t 1 ]; then
	echo "deps: installing${as_root:+ with $as_root}: $missing" | fold -s -w 79
else
	echo "deps: installing${as_root:+ with $as_root}: $missing"
fi

# Without recommended packages; waits for another apt that runs; no questions, whoever asks.
apt() {
	# shellcheck disable=SC2086  # as_root may be empty
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 \
		-o Dpkg::Use-Pty=0 "$@" </dev/null
}

log=$(mktemp)
policy=${POLICY_RC_D:-/usr/sbin/policy-rc.d}
policy_is_ours=
watcher=

cleanup() {
	[ -z "$watcher" ] || kill "$watcher" || :
	[ -z "$policy_is_ours" ] || $as_root rm -f "$policy"
	rm -f "$log"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP

# The last line of the log, once a second; nothing while there is none: sudo may be asking then.
watch_log() {
	shown=
	while sleep 1; do
		now=$(tail -n 1 "$log" | cut -c 1-79)
		[ "$now" = "$shown" ] || printf '\r\033[K%s' "$now"
		shown=$now
	done
}

# apt-get stays in the foreground, for Ctrl-C to reach it.
run() {
	: >"$log"
	if [ -t 1 ]; then
		watch_log &
		watcher=$!
	fi
	status=0
	apt "$@" >"$log" 2>&1 || status=$?
	if [ -n "$watcher" ]; then
		kill "$watcher" || :
		wait "$watcher" || :
		watcher=
		printf '\r\033[K'
	fi
	return "$status"
}

# Servers that come with packages are only needed by tests, which start their own: while this file says
# so, Debian starts none. A file that is there already is somebody else's, and stays as it is.
if [ ! -e "$policy" ]; then
	policy_is_ours=1
	printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
	$as_root chmod 755 "$policy"
fi

# Those that can be had; the others remain in $missing.
one_by_one() {
	left=
	for p in $missing; do
		run install -y --no-install-recommends "$p" || left="$left $p"
	done
	missing=${left# }
	[ -n "$missing" ] || exit 0
}

# The lists of packages may be absent (a fresh container) or old (a 404 while downloading).
# shellcheck disable=SC2086  # a list of words
if ! apt-get -s install $missing >/dev/null 2>&1 ||
	! run install -y --no-install-recommends $missing; then
	if ! run update || ! run install -y --no-install-recommends $missing; then
		[ "$1" = bench ] || cat "$log" >&2
		[ "$1" != bench ] || one_by_one
		echo "deps: apt-get could not install: $missing" >&2
		[ "$1" = bench ] || exit 1
	fi
fi
