# SPDX-License-Identifier: MIT
"""One file per scenario; tests/bench/run says what it has."""
