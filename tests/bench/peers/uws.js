// SPDX-License-Identifier: MIT
// Fan-out with uWebSockets.js, by its own topics: /sub/TOPIC listens, /pub takes "TOPIC PAYLOAD".
// Each publish visits this script; what goes to subscribers is all in C++.
"use strict";
const uws = require("uwebsockets");

const server = uws.App();

server.ws("/*", {
	compression: uws.DISABLED,
	idleTimeout: 0,
	sendPingsAutomatically: false,
	maxBackpressure: 1 << 30,	// whoever does not read for a while loses nothing, as elsewhere
	upgrade: (response, request, context) => response.upgrade(
		{ path: request.getUrl() }, request.getHeader("sec-websocket-key"),
		request.getHeader("sec-websocket-protocol"),
		request.getHeader("sec-websocket-extensions"), context),
	open: socket => {
		const { path } = socket.getUserData();
		if (path.startsWith("/sub/"))
			socket.subscribe(path.slice("/sub/".length));
	},
	message: (_, message) => {
		const bytes = Buffer.from(message);
		const at = bytes.indexOf(" ");
		server.publish(bytes.toString("latin1", 0, at), bytes.subarray(at + 1), false);
	},
});
server.listen("127.0.0.1", Number(process.argv[2]), listening => {
	if (!listening)
		process.exit(1);
});
