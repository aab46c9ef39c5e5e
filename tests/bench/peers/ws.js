// SPDX-License-Identifier: MIT
// Fan-out with npm's ws, as its users write it: /sub/TOPIC listens, /pub takes "TOPIC PAYLOAD".
"use strict";
const http = require("http");
const { WebSocketServer } = require("ws");

const topics = new Map();
const server = http.createServer((request, response) => response.end("[]"));
const sockets = new WebSocketServer({ server, perMessageDeflate: false });

function subscribe(socket, topic) {
	let subscribers = topics.get(topic);
	if (subscribers === undefined)
		topics.set(topic, subscribers = new Set());
	subscribers.add(socket);
	socket.on("close", () => subscribers.delete(socket));
}

function publish(message) {
	const at = message.indexOf(" ");
	const payload = message.subarray(at + 1);
	for (const socket of topics.get(message.toString("utf8", 0, at)) ?? [])
		socket.send(payload, { binary: false });
}

sockets.on("connection", (socket, request) => {
	socket.on("error", () => {});
	if (request.url.startsWith("/sub/"))
		subscribe(socket, request.url.slice("/sub/".length));
	else
		socket.on("message", publish);
});
server.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 });
