#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Install what package.json names below FOLDER, by npm; once. Called by `make bench`.
#
#   tests/bench/peers/install.sh FOLDER
set -eu

folder=$1
here=$(dirname "$0")
if [ -e "$folder/node_modules/.package-lock.json" ] &&
	cmp -s "$here/package.json" "$folder/package.json"; then
	exit 0
fi
names=$(sed -n '/"dependencies"/,/}/s/^[[:space:]]*"\([a-z.]*\)": "\(.*\)".*/\1@\2/p' \
	"$here/package.json" | tr '\n' ' ')
echo "bench: installing from npm: $names"
mkdir -p "$folder"

# They need no script to be run; and nothing of what they would run is wanted.
install() {
	npm install --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel=error "$@" \
		>"$folder/npm.log" 2>&1
}

cp "$here/package.json" "$folder/"
install && exit 0
tail -n 3 "$folder/npm.log" >&2

# One that is not to be had must not cost the others. The next run tries again.
echo '{"private": true}' >"$folder/package.json"
for name in $names; do
	install "$name" || echo "bench: npm could not install $name: it is left out" >&2
done
