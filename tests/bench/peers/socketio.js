// SPDX-License-Identifier: MIT
// Fan-out with npm's socket.io: "sub" joins a room, "pub" sends to it, "sync" is answered.
"use strict";
const http = require("http");
const { Server } = require("socket.io");

const server = http.createServer();
const io = new Server(server, {
	transports: ["websocket"], perMessageDeflate: false, pingInterval: 3600000,
});

io.on("connection", socket => {
	socket.on("sub", (topic, done) => {
		socket.join(topic);
		done();
	});
	socket.on("pub", (topic, payload) => io.to(topic).emit("e", payload));
	socket.on("sync", done => done());
});
server.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 });
