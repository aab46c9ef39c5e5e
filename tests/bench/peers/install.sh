#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Install what package.json names below FOLDER, by npm; once. Called by `make bench`.
#
#   tests/bench/peers/install.sh FOLDER [uwebsockets]
#
# uwebsockets is not of those who make uWebSockets, and has binaries in it: only who asks for it gets it.
set -eu

folder=$1
shift
here=$(dirname "$0")
uwebsockets=3.0.6

# They need no script to be run; and nothing of what they would run is wanted.
install() {
	npm install --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel=error "$@" \
		>"$folder/npm.log" 2>&1
}

install_asked_for() {
	for name; do
		case $name in
		uwebsockets) version=$uwebsockets ;;
		*) echo "bench: WITH=$name: only uwebsockets can be asked for" >&2; exit 2 ;;
		esac
		[ ! -e "$folder/node_modules/$name" ] || continue
		echo "bench: installing from npm: $name@$version"
		install --no-save "$name@$version" || echo "bench: npm could not install $name: it is left out" >&2
	done
}

if [ -e "$folder/node_modules/.package-lock.json" ] &&
	cmp -s "$here/package.json" "$folder/package.json"; then
	install_asked_for "$@"
	exit 0
fi
names=$(sed -n '/"dependencies"/,/}/s/^[[:space:]]*"\([a-z.]*\)": "\(.*\)".*/\1@\2/p' \
	"$here/package.json" | tr '\n' ' ')
echo "bench: installing from npm: $names"
mkdir -p "$folder"

cp "$here/package.json" "$folder/"
if install; then
	install_asked_for "$@"
	exit 0
fi
tail -n 3 "$folder/npm.log" >&2

# One that is not to be had must not cost the others. The next run tries again.
echo '{"private": true}' >"$folder/package.json"
for name in $names; do
	install "$name" || echo "bench: npm could not install $name: it is left out" >&2
done
install_asked_for "$@"
