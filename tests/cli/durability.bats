# SPDX-License-Identifier: MIT
# What was acknowledged is there afterwards: crashes, full disks, wrong clocks, wrong files.
bats_require_minimum_version 1.5.0
load helper
load ../helpers/raw_http

# crash ROUNDS OPTION...: publish from six connections, kill -9 in the middle, again and again;
# every acknowledged event must be there once, its data intact, seq without holes
crash() {
	local round rounds=$1
	shift
	start_server "$@"
	: >"$RT_TMP/acked"
	for round in $(seq "$rounds"); do
		py "$SERVER_PID" "$RT_TMP/acked" "$round" <<'END'
			import os, signal, sys, threading
			acked, lock, round = [], threading.Lock(), sys.argv[3]
			def publisher(me):
				n = 0
				try:
					c = Conn()
					while True:
						if me % 2:	# single events
							r = c.do("POST", "/topics/t", b'"%s-%d-%d"' % (round.encode(), me, n))
							got = [(r.json["id"], f"{round}-{me}-{n}")]
							n += 1
						else:	# lines, all or nothing known
							names = [f"{round}-{me}-{n + i}" for i in range(50)]
							r = c.do("POST", "/topics/t", "".join(f'"{x}"\n' for x in names), NDJSON)
							assert r.json["accepted"] == 50, r
							got = [(None, x) for x in names[:-1]] + [(r.json["last"], names[-1])]
							n += 50
						with lock:
							acked.extend(got)
				except (Closed, OSError):
					pass
			threads = [threading.Thread(target=publisher, args=(i,)) for i in range(6)]
			[t.start() for t in threads]
			assert wait_for(lambda: len(acked) > 500)
			os.kill(int(sys.argv[1]), signal.SIGKILL)
			[t.join() for t in threads]
			with open(sys.argv[2], "a") as f:
				f.writelines(f"{i or '-'} {x}\n" for i, x in acked)
END
		bg_wait main
		restart_server
	done
	py "$RT_TMP/acked" <<'END'
		import sys
		acked = [l.split() for l in open(sys.argv[1])]
		have, seqs, since = {}, [], "all"
		while page := do("GET", f"/topics/t?limit=1000&since={since}").json:
			for e in page:
				assert e["data"] not in have, f"twice: {e}"
				have[e["data"]] = e["id"]
				seqs.append(e["seq"])
			since = page[-1]["id"]
		lost = [x for i, x in acked if x not in have or (i != "-" and have[x] != i)]
		assert not lost, (len(lost), lost[:5])
		assert seqs == list(range(1, len(seqs) + 1)), "a hole"
		assert len(acked) > 1000, len(acked)
END
}

@test "kill -9 under load loses no acknowledged event: --sync full" {
	crash 3 --sync full
}

@test "kill -9 under load loses no acknowledged event: --sync normal" {
	crash 3 --sync normal
}

@test "a full disk: 507, nothing half stored, readers go on; room again: it recovers" {
	if ! mkdir "$RT_TMP/disk" || ! mount -t tmpfs -o size=4m tmpfs "$RT_TMP/disk" 2>/dev/null; then
		skip "needs to mount a tmpfs"
	fi
	start_server --store "$RT_TMP/disk/rt.db"
	py "$RT_TMP/disk" <<'END' || status=$?
		import sys
		ballast = sys.argv[1] + "/ballast"
		acked, body = [], b'"' + b"x" * 20000 + b'"'
		with Conn() as c:
			for i in range(1000):
				r = c.do("POST", "/topics/t", body)
				if r.status != 201:
					break
				acked.append(r.json["id"])
			assert r.status == 507 and r.fields["retry-after"] and "disk" in r.json["detail"], r
			r = c.do("POST", "/topics/t", body + b"\n" + body, NDJSON)
			assert r.status == 507, r
			r = c.do("POST", "/topics/t", body, {"Idempotency-Key": "k"})
			assert r.status == 507, r
			assert c.do("GET", "/readyz").status == 200
			assert [e["id"] for e in c.do("GET", "/topics/t?limit=1000").json] == acked
			assert c.do("GET", "/stats").json["store"]["failed"] >= 1
END
	[ "${status:-0}" -eq 0 ] && mount -o remount,size=16m "$RT_TMP/disk" || status=1
	if [ "$status" = 0 ]; then
		room() { [ "$(http_status -d '"y"' /topics/t)" = 201 ]; }
		wait_for room || status=1
		[ "$(http_status -H 'Idempotency-Key: k' -d '"z"' /topics/t)" = 201 ] || status=1	# the key was not used up
		kill_server
		restart_server
		fetch '/topics/t?limit=1000' | is_true '.[-1].data == "z" and [.[].seq] == [range(1; length + 1)]' || status=1
	fi
	kill_server
	umount "$RT_TMP/disk"
	[ "${status:-0}" -eq 0 ]
}

@test "a file that may not grow: 507 and the server lives on" {
	bg main bash -c "ulimit -f 2048; exec rt-serve --store '$RT_TMP/main.db' --listen 127.0.0.1:0"
	wait_lines main.out 1
	export RT_URL
	RT_URL=$(sed -n 's/.* on //p' "$RT_TMP/main.out")
	py <<'END'
		body = b'"' + b"x" * 50000 + b'"'
		with Conn() as c:
			for i in range(200):
				r = c.do("POST", "/topics/t", body)
				if r.status != 201:
					break
			assert r.status in (507, 503) and r.fields["retry-after"], r
			kept = c.do("GET", "/topics").json["topics"][0]
			assert (kept["events"], kept["seq"]) == (i, i), (i, kept)
			assert c.do("GET", "/healthz").status == 200
END
	kill -0 "$BG_PID"
}

@test "a clock set back: ids and seq go on increasing, and the server says so" {
	start_server
	py <<'END'
		import sqlite3
		for i in range(3):
			assert do("POST", "/topics/t", b"%d" % i).status == 201
END
	kill_server
	FAKETIME=-2h with_faketime restart_server
	run fetch -d 3 /topics/t
	assert_json '.seq == 4'
	run fetch /topics/t
	assert_json '[.[].id | tonumber] as $i | $i == ($i | sort) and ($i | unique | length) == 4'
	run cat "$RT_TMP/main.err"
	assert_output --partial 'ahead of the clock'
}

@test "a file that is no store, of another version, or damaged is refused with a sentence" {
	echo 'not a database, but long enough to be looked at' >"$RT_TMP/text"
	sqlite3 "$RT_TMP/foreign.db" 'create table t(x); insert into t values(1)'
	start_server
	fetch -d 1 /topics/t >/dev/null
	stop_server
	cp "$RT_TMP/main.db" "$RT_TMP/newer.db"
	sqlite3 "$RT_TMP/newer.db" 'pragma user_version = 9999'
	mkdir "$RT_TMP/folder"
	for f in text foreign.db newer.db folder text/below; do
		[ -e "$RT_TMP/$f" ] && before=$(md5sum "$RT_TMP/$f" 2>/dev/null || :)
		run timeout 10 rt-serve --listen 127.0.0.1:0 --store "$RT_TMP/$f"
		echo "$f: $output"
		assert_failure 3
		assert_output --partial "$RT_TMP/$f"
		[ "${#lines[@]}" -eq 1 ]
		[ ! -f "$RT_TMP/$f" ] || [ "$before" = "$(md5sum "$RT_TMP/$f")" ]
	done
	run timeout 10 rt-serve --listen 127.0.0.1:0 --store "$RT_TMP/newer.db"
	assert_output --partial 'format 9999'
}
