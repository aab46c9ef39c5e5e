#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Every package that dpkg knows on this machine, as a line of JSON: real input for `make demo`.
#
#   scripts/demo-packages.sh [RATE [MAX]]
#
# RATE: about so many a second (0, the default: as fast as it goes); MAX: so many at most.
set -eu

rate=${1:-0}
max=${2:-1000000}

packages() {
	LC_ALL=C.UTF-8 dpkg-query -W \
		-f '${Package}\t${Version}\t${Architecture}\t${Installed-Size}\t${binary:Summary}\n' |
		awk -F '\t' '
		function quote(s) {
			gsub(/\\/, "\\\\", s)
			gsub(/"/, "\\\"", s)
			gsub(/[\001-\037]/, " ", s)
			return "\"" s "\""
		}
		{ printf "{\"package\":%s,\"version\":%s,\"arch\":%s,\"kib\":%d,\"summary\":%s}\n",
			quote($1), quote($2), quote($3), $4, quote($5) }' | head -n "$max"
}

# In steps of 50 ms.
pace() {
	step=$((rate / 20))
	[ "$step" -ge 1 ] || step=1
	n=0
	while IFS= read -r line; do
		printf '%s\n' "$line"
		n=$((n + 1))
		[ $((n % step)) -ne 0 ] || sleep 0.05
	done
}

if [ "$rate" -eq 0 ]; then
	packages
else
	packages | pace
fi
