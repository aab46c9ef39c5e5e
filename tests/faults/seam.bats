#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# Publish racing subscribe-at-cursor: nothing falls between replay and live. Here through HTTP;
# a hundred thousand rounds without it are in tests/unit/hub/test_seam.c.

bats_require_minimum_version 1.5.0
load ../cli/helper

# rt-test: alone
no_seam() {
	start_server --threads 2 "$@"
	run -0 "$PYTHON" "$RT_ROOT/tests/helpers/seam.py" "$RT_URL" 2000
	assert_json '.rounds == 2000 and .before > 2000 and .after >= 2000'
}

@test "two thousand subscriptions behind recent events, on four transports (memory)" {
	no_seam --store memory:
}

@test "the same in front of SQLite, while it commits" {
	no_seam --memory 1M --sync normal
}
