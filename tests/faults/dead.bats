#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Dead is not slow: peers that vanish without a word are gone after a few heartbeats. Whoever waited
# for a long poll is between two requests once it is answered, and ends by --idle-timeout.

bats_require_minimum_version 1.5.0
load ../cli/helper

# A network of its own, in which packets can be dropped without harm; sets NS. Whoever is not root is
# root in there.
own_network() {
	apart=(unshare --net) enter=(nsenter)
	if [ "$(id -u)" -ne 0 ]; then
		apart=(unshare --user --map-root-user --net)
		enter=(nsenter --preserve-credentials --user)
	fi
	"${apart[@]}" true || skip "needs a network namespace, which this machine does not give"
	bg network "${apart[@]}" sleep 300
	NS=$BG_PID
	enter+=(--target "$NS" --net)
	wait_for in_network true && wait_for _is_apart && in_network ip link set lo up
}

in_network() {
	"${enter[@]}" "$@"
}

_is_apart() {
	[ "$(readlink "/proc/$NS/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}

# rt-test: alone
@test "a thousand connections vanish without a FIN: gone after a few heartbeats, a slow peer stays" {
	own_network
	in_network nft list tables || skip "needs nftables in a network namespace"
	bg main "${enter[@]}" rt-serve --listen 127.0.0.1:7070 --store memory: \
		--heartbeat 1s --idle-timeout 3s --threads 2
	wait_for _server_ready "$RT_TMP/main.out" "$BG_PID"
	run -0 in_network "$PYTHON" "$RT_ROOT/tests/helpers/vanish.py" http://127.0.0.1:7070 1000 1
	assert_json ".before == 1000 and .heartbeats < $((10 * RT_SLOW)) and .slow == 2 and .complete and
		.dead >= 750 and .subscriptions == 2"
}
