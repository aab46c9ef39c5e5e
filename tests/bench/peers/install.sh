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
cp "$here/package.json" "$folder/"
if ! npm install --prefix "$folder" --no-audit --no-fund --loglevel=error \
	>"$folder/npm.log" 2>&1; then
	cat "$folder/npm.log" >&2
	echo 'bench: npm could not install them: they are left out' >&2
fi
