// SPDX-License-Identifier: MIT
//
// A plain WebSocket server with `ws`: what one sends to /NAME goes to all others there. Prints its port.
const { WebSocketServer } = require("ws");

const rooms = new Map();
const server = new WebSocketServer({ port: 0, host: "127.0.0.1" }, () => console.log(server.address().port));

server.on("connection", (socket, request) => {
	const name = request.url;
	if (!rooms.has(name))
		rooms.set(name, new Set());
	const room = rooms.get(name);
	room.add(socket);
	socket.on("close", () => room.delete(socket));
	socket.on("message", (data) => {
		for (const other of room)
			if (other !== socket)
				other.send(data.toString());
	});
});
