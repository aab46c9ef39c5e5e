# SPDX-License-Identifier: MIT
# A disk that takes its time: a long poll that has to read from it first gets what it is due then.
bats_require_minimum_version 1.5.0
load ../cli/helper
load ../helpers/raw_http

# So many topics that a pattern looks at all that is only on disk.
setup() {
	cc -std=gnu11 -D_GNU_SOURCE -shared -fPIC -O1 -o "$RT_TMP/hold_reads.so" "$RT_ROOT/tests/faults/hold_reads.c"
	export HOLD_READS="$RT_TMP/hold" LD_PRELOAD="$RT_TMP/hold_reads.so"
	ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0" \
		start_server --memory 1M --threads 1
	unset LD_PRELOAD
	put first 1
	FIRST=$(fetch /topics/first | jq -r '.[0].id')
	export FIRST
	seq -f '{"topic":"y/%.0f","data":"'"$(head -c 500 /dev/zero | tr '\0' x)"'"}' 5000 | rt-pub
	touch "$HOLD_READS"
}

@test "a long poll whose time is up before its first read is over is answered after that" {
	py <<'END'
		with Conn() as c, Conn() as other:
			c.ask("GET", "/topics/y%2F1?wait=1&since=" + os.environ["FIRST"])
			assert other.do("GET", "/topics/z?wait=1").json == []	# asked later, and its time is up
			os.unlink(os.environ["HOLD_READS"])
			r = c.answer()
			assert r.status == 200 and [e["topic"] for e in r.json] == ["y/1"], r
END
}

@test "a long poll whose client has shut down its side before that is not waited with either" {
	py <<'END'
		with Conn(timeout=20) as c, Conn() as other:
			c.ask("GET", "/events?topic=x/*&wait=50&since=" + os.environ["FIRST"])
			c.s.shutdown(socket.SHUT_WR)
			for _ in range(3):	# turns of the loop: it has seen that by now
				assert "x/*" in other.do("GET", "/connections").body.decode()
			os.unlink(os.environ["HOLD_READS"])
			r = c.answer()
			assert r.status == 200 and r.json == [], r
END
}
