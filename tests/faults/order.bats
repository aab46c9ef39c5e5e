#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Promise 2: every subscriber sees the same order, whoever publishes, whichever transport, whichever
# loop of the server.

bats_require_minimum_version 1.5.0
load ../cli/helper

# rt-test: alone
one_order() {
	start_server --threads 2 "$@"
	run -0 "$PYTHON" "$RT_ROOT/tests/helpers/order.py" "$RT_URL" 1500
	assert_json '.events == 3000 and .subscribers == 100 and .changes >= 10'
	run -0 fetch /stats
	assert_json '.store.events == 3000'
}

@test "two publishers, a hundred subscribers on four transports, two threads: one order (memory)" {
	one_order --store memory:
}

@test "the same from SQLite, with little of it in memory" {
	one_order --memory 1M
}
