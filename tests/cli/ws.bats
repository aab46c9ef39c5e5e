#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
#
# The WebSocket of a topic, with Node's ws and Python's websockets.

bats_require_minimum_version 1.5.0
load helper

sockets() {
	[ "$(fetch /connections | jq '[.connections[] | select(.transport == "websocket")] | length')" = "$1" ]
}

# python NAME: run the coroutine main(url) of the script on stdin, in the background
python() {
	{
		cat <<-'END'
			import asyncio, base64, json, os, sys, websockets
			def connect(url, path, **more):
			    return websockets.connect("ws" + url[4:] + path, open_timeout=10, close_timeout=1, **more)
			async def closed(ws):
			    try:
			        async for message in ws:
			            print("late", message, flush=True)
			    except websockets.ConnectionClosed:
			        pass
			    print("closed", ws.close_code, ws.close_reason, flush=True)
		END
		cat
		echo 'asyncio.run(asyncio.wait_for(main(sys.argv[1]), 60))'
	} >"$RT_TMP/$1.py"
	bg "$1" "$PYTHON" "$RT_TMP/$1.py" "$RT_URL"
}

@test "ws: Node's ws gets envelopes, and publishes" {
	start_server
	put chat '{"n":1}'
	cat >"$RT_TMP/client.js" <<-'END'
		const WebSocket = require('ws');
		const ws = new WebSocket(process.argv[2].replace('http', 'ws') + '/topics/chat?since=all');
		ws.on('upgrade', r => {
			if (!/^[0-9]+$/.test(r.headers['last-event-id'])) throw new Error('no Last-Event-ID');
			if (!/^[0-9a-f]{16}$/.test(r.headers['rt-store'])) throw new Error('no Rt-Store');
			if (r.headers.heartbeat !== '15') throw new Error('no Heartbeat');
		});
		ws.on('open', () => ws.send('{"n" : 2}'));
		ws.on('message', (data, binary) => {
			console.log(data.toString());
			const n = JSON.parse(data).data.n;
			if (n === 2) ws.send(JSON.stringify({n: 3}));
			if (n === 3) ws.close(1000);
		});
		ws.on('close', code => process.exit(code === 1000 ? 0 : 1));
	END
	bg node node "$RT_TMP/client.js" "$RT_URL"
	bg_wait node
	[ "$BG_STATUS" = 0 ]
	diff "$RT_TMP/node.out" <(fetch -H 'Accept: application/x-ndjson' /topics/chat)
	grep -q '"data":{"n" : 2}}' "$RT_TMP/node.out"
	wait_for sockets 0
}

@test "ws: bytes in are data_base64, and with format=data binary frames out" {
	start_server
	python bytes <<-'END'
		async def main(url):
		    async with connect(url, "/topics/b") as plain, connect(url, "/topics/b?format=data") as data:
		        await plain.send(b"\xff\x00\xfe")
		        envelope = json.loads(await plain.recv())
		        assert base64.b64decode(envelope["data_base64"]) == b"\xff\x00\xfe", envelope
		        assert await data.recv() == b"\xff\x00\xfe"
		        await plain.send('{"n":1}')
		        assert json.loads(await plain.recv())["data"] == {"n": 1}
		        assert await data.recv() == '{"n":1}'
		        await plain.send(b"")
		        assert json.loads(await plain.recv())["data_base64"] == ""
		        assert await data.recv() == b""
	END
	bg_wait bytes
	[ "$BG_STATUS" = 0 ]
}

@test "ws: refusals are told, and cost nothing else" {
	start_server --max-event 1000
	python refused <<-'END'
		async def main(url):
		    async with connect(url, "/topics/t") as ws:
		        for bad in ["", "nonsense", '{"a":1,}', "1 2", json.dumps("x" * 2000)]:
		            await ws.send(bad)
		            answer = json.loads(await ws.recv())
		            assert list(answer) == ["error"] and answer["error"], answer
		        await ws.send("1")
		        assert json.loads(await ws.recv())["data"] == 1
		    async with connect(url, "/topics/t/*") as ws:
		        await ws.send("1")
		        assert "/ws" in json.loads(await ws.recv())["error"]
		    async with connect(url, "/events?topic=a&topic=b") as ws:
		        await ws.send("1")
		        assert "several topics" in json.loads(await ws.recv())["error"]
		    async with connect(url, "/topics/$presence/t") as ws:
		        await ws.send("1")
		        assert "error" in json.loads(await ws.recv())
	END
	bg_wait refused
	[ "$BG_STATUS" = 0 ]
	run -0 fetch /topics/t
	assert_json 'map(.data) == [1]'
}

@test "ws: a flood of publishes is taken in order, a few at a time" {
	start_server
	python flood <<-'END'
		async def main(url):
		    async with connect(url, "/topics/t", max_queue=None) as ws:
		        async def send():
		            for n in range(1, 2001):
		                await ws.send('{"n":%d}' % n)
		        sending = asyncio.create_task(send())
		        for n in range(1, 2001):
		            envelope = json.loads(await ws.recv())
		            assert envelope["data"]["n"] == n and envelope["seq"] == n, envelope
		        await sending
	END
	bg_wait flood 30
	[ "$BG_STATUS" = 0 ]
}

@test "ws: pings carry the cursor, at once and with each heartbeat" {
	start_server --heartbeat 1
	cat >"$RT_TMP/client.js" <<-'END'
		const WebSocket = require('ws');
		const ws = new WebSocket(process.argv[2].replace('http', 'ws') + '/topics/quiet');
		ws.on('ping', data => console.log(data.toString()));
	END
	bg node node "$RT_TMP/client.js" "$RT_URL"
	wait_lines node.out 1
	put other 1
	newest=$(fetch /topics/other | jq -r '.[0].id')
	wait_for grep -q "^$newest$" "$RT_TMP/node.out"
	wait_lines node.out 3
}

@test "ws: until, and the end of a connection" {
	start_server
	python until <<-'END'
		async def main(url):
		    async with connect(url, "/topics/t?until=end&format=data") as ws:
		        print("open", flush=True)
		        print(await ws.recv())
		        print(await ws.recv(), flush=True)
		        await closed(ws)
	END
	wait_lines until.out 1
	put t 1
	put t 2 type=end
	put t 3
	bg_wait until
	[ "$BG_STATUS" = 0 ]
	[ "$(cat "$RT_TMP/until.out")" = $'open\n1\n2\nclosed 1000 until' ]
	end=$(fetch /topics/t | jq -r '.[1].id')
	run fetch -o /dev/null -w '%{http_code}' -H 'Connection: Upgrade' -H 'Upgrade: websocket' \
		-H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==' \
		"/topics/t?until=end&since=$end"
	[ "$output" = 204 ]
}

@test "ws: gaps come as text frames" {
	start_server
	python gap <<-'END'
		async def main(url):
		    async with connect(url, "/topics/t?since=9007199254740000") as ws:
		        gap = json.loads(await ws.recv())["gap"]
		        assert gap["reason"] == "ahead" and gap["topic"] == "t", gap
		        await ws.send("1")
		        assert json.loads(await ws.recv())["data"] == 1
	END
	bg_wait gap
	[ "$BG_STATUS" = 0 ]
}

@test "ws: mistakes are answered before the upgrade" {
	start_server
	run fetch -w '%{http_code}' -H 'Connection: Upgrade' -H 'Upgrade: websocket' \
		-H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==' \
		"/topics/t?since=never"
	[[ $output == *'"detail":"since= is'* ]]
	[[ $output == *400 ]]
}

@test "ws: a draining server says going away, --max-stream asks to connect again" {
	start_server
	python drained <<-'END'
		async def main(url):
		    async with connect(url, "/topics/t") as ws:
		        print("open", flush=True)
		        await closed(ws)
	END
	wait_lines drained.out 1
	stop_server
	bg_wait drained
	grep -q '^closed 1001 ' "$RT_TMP/drained.out"
	restart_server --max-stream 1s
	python aged <<-'END'
		async def main(url):
		    async with connect(url, "/topics/t") as ws:
		        await closed(ws)
	END
	bg_wait aged
	grep -q '^closed 1012 ' "$RT_TMP/aged.out"
}

@test "ws: who stops reading later gets everything" {
	start_server --store memory: --heartbeat "$RT_SLOW"
	run -0 flood many "$SERVER_PID" 4 10000 ws
	assert_json ".complete and .there == 4 and .grown < $((30 * RT_SHADOW))"
}
