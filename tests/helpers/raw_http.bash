# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# py [ARG...] <<'END': run the indented Python on stdin with everything of raw_http.py at hand;
# ARGs are in sys.argv[1:].
py() {
	"$PYTHON" -c 'import sys, textwrap
print("from raw_http import *\n" + textwrap.dedent(sys.stdin.read()))' >"$RT_TMP/test.py"
	PYTHONPATH=$RT_ROOT/tests/helpers PYTHONDONTWRITEBYTECODE=1 "$PYTHON" "$RT_TMP/test.py" "$@"
}
