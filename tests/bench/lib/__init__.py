# SPDX-License-Identifier: MIT
"""What the scenarios of `make bench` share."""
