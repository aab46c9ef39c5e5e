# SPDX-License-Identifier: MIT
# What those cost who only listen, and have nothing to hear.
bats_require_minimum_version 1.5.0
load ../cli/helper
load ../helpers/raw_http

# costs_at_most BYTES TARGET HOW: of the server's own memory, for one more who is idle
costs_at_most() {
	start_server --store memory: --threads 1 --heartbeat 60s
	py "$SERVER_PID" "$@" <<-'END'
		import sys
		pid, most, target, how = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
		def private():
		    with open(f"/proc/{pid}/smaps_rollup") as f:
		        return 1024 * sum(int(l.split()[1]) for l in f if l.startswith("Pss_Anon:"))
		def subscribe(n):
		    for _ in range(n):
		        c = Conn()
		        held.append(c)
		        if how in ("ws", "mux"):
		            assert c.ws_open(target).status == 101 and c.ws_frame()[0] == 9
		        else:
		            c.ask("GET", target)
		        if how == "mux":
		            c.ws_send('{"op":"subscribe","ref":1,"topics":["t"]}')
		            assert '"op":"ack"' in c.ws_text()
		        elif how == "sse":
		            assert c.head().status == 200 and c.read_chunk()
		    assert wait_for(lambda: do("GET", "/stats").json["hub"]["live"] == len(held))
		held = []
		subscribe(100)
		before = private()
		subscribe(800)
		each = (private() - before) // 800
		assert each <= most, each
	END
	stop_server
}

@test "an idle subscriber costs a few hundred bytes, by SSE and by WebSocket" {
	[ "$RT_SLOW" = 1 ] || skip "with a sanitizer memory is another"
	costs_at_most 480 '/topics/t?as=sse' sse
	costs_at_most 480 /topics/t ws
}

@test "an idle client of /ws or of a long poll costs a little more" {
	[ "$RT_SLOW" = 1 ] || skip "with a sanitizer memory is another"
	costs_at_most 548 /ws mux
	costs_at_most 640 '/topics/t?wait=60&since=now' longpoll
}
