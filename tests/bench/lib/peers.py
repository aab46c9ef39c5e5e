# SPDX-License-Identifier: MIT
"""Servers: how each is started on a free port of loopback, keeping nothing, as the current user."""
import os
import pwd
import shutil

from .process import Process, Unavailable, free_port

HERE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "peers")


def find(name):
    """A program, also in the folders of the super-user."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/local/sbin")
    if path is None:
        raise Unavailable(f"{name} is not installed")
    return path


def begin(bench, argv, cores, **options):
    """Start it on the cores asked for. It keeps nothing: when it is over, it need not be asked."""
    return bench.start(argv, cores, **{"gently": False, **options})


def ready(process, port, dialect):
    """Wait until it listens; what does not is ended."""
    try:
        process.wait_for_port(port)
    except BaseException:
        process.end()
        raise
    process.port, process.dialect = port, dialect
    return process


def announced(process, pattern, dialect):
    """Wait for the line that tells its port."""
    try:
        process.port = process.port_of_line(pattern)
    except BaseException:
        process.end()
        raise
    process.dialect = dialect
    return process


def floor(bench, args, cores):
    """tests/bench/floor.c"""
    p = begin(bench, [bench.program("tests/bench/floor"), *args], cores)
    return announced(p, r"listening on (\d+)", "floor-sse")


def rt_serve(bench, args, cores):
    """One thread, memory:, and an end at once, unless args say otherwise."""
    args = [str(a) for a in args]
    for option, value in (("--threads", "1"), ("--store", "memory:"), ("--drain", "0s")):
        if option not in args:
            args += [option, value]
    p = begin(bench, [bench.program("rt-serve"), "--listen", "127.0.0.1:0", *args], cores,
              gently="memory:" not in args)
    return announced(p, r"http://127\.0\.0\.1:(\d+)", "sse")


def configured(bench, name, port, **values):
    """A file of peers/, filled in, in a new temporary folder: (folder, path)."""
    folder = bench.folder()
    with open(os.path.join(HERE, name), encoding="utf-8") as f:
        text = f.read()
    values.update(PORT=port, DIR=folder, USER=pwd.getpwuid(os.getuid()).pw_name)
    for key, value in values.items():
        text = text.replace(f"@{key}@", str(value))
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return folder, path


def nchan(bench, _, cores):
    """nginx with Nchan, one worker."""
    nginx, port = find("nginx"), free_port()
    module = "/usr/lib/nginx/modules/ngx_nchan_module.so"
    if not os.path.exists(module):
        raise Unavailable("libnginx-mod-nchan is not installed")
    root = "user root;" if os.getuid() == 0 else ""
    folder, path = configured(bench, "nginx.conf", port, NCHAN=module, AS_USER=root)
    return ready(begin(bench, [nginx, "-p", folder, "-e", "stderr", "-c", path], cores), port,
                 "nchan-sse")


def redis(bench, _, cores):
    """Redis, one thread as always."""
    program, port = find("redis-server"), free_port()
    _, path = configured(bench, "redis.conf", port)
    return ready(begin(bench, [program, path], cores), port, "redis")


def nats(bench, _, cores):
    """NATS; one processor, as the others have one thread."""
    program, port = find("nats-server"), free_port()
    _, path = configured(bench, "nats.conf", port)
    return ready(begin(bench, [program, "-c", path], cores, env={"GOMAXPROCS": "1"}), port, "nats")


def mosquitto(bench, _, cores):
    """Mosquitto, one thread as always."""
    program, port = find("mosquitto"), free_port()
    _, path = configured(bench, "mosquitto.conf", port)
    return ready(begin(bench, [program, "-c", path], cores), port, "mqtt")


def node(bench, cores, script, dialect):
    """A script of peers/, with what npm installed for it."""
    port = free_port()
    env = {"NODE_PATH": os.path.join(bench.rows_folder, "node", "node_modules")}
    return ready(begin(bench, [find("node"), os.path.join(HERE, script), port], cores, env=env),
                 port, dialect)


def node_ws(bench, _, cores):
    """npm's ws."""
    return node(bench, cores, "ws.js", "node-ws")


def uwebsockets(bench, _, cores):
    """uWebSockets.js: C++ below Node, as somebody else than its authors put it on npm."""
    if not os.path.isdir(os.path.join(bench.rows_folder, "node", "node_modules", "uwebsockets")):
        raise Unavailable("not installed (make bench WITH=uwebsockets)")
    return node(bench, cores, "uws.js", "node-ws")


def socketio(bench, _, cores):
    """npm's socket.io."""
    return node(bench, cores, "socketio.js", "socketio")


SERVERS = {
    "floor": floor, "rt-serve": rt_serve, "nchan": nchan, "redis": redis, "nats": nats,
    "mosquitto": mosquitto, "uws": uwebsockets, "ws": node_ws, "socket.io": socketio,
}


# For the report.
COMMANDS = """\
floor                [--gather] [--uring]
rt-serve             --listen 127.0.0.1:0 --threads 1 --store memory: --drain 0s --io uring|epoll
nginx                -c tests/bench/peers/nginx.conf
redis-server         tests/bench/peers/redis.conf
GOMAXPROCS=1 nats-server -c tests/bench/peers/nats.conf
mosquitto            -c tests/bench/peers/mosquitto.conf
node                 tests/bench/peers/uws.js
node                 tests/bench/peers/ws.js
node                 tests/bench/peers/socketio.js
load                 --dialect ... --subscribers ... (tests/bench/loader)
"""


class Subject:
    """Who takes part in a scenario: what it is called, the server, its arguments, the dialect."""

    def __init__(self, name, server, *args, dialect=None):
        self.name, self.server, self.args, self.dialect = name, server, args, dialect

    def start(self, bench, **options):
        """Its server; see Bench.server."""
        return bench.server(self.server, *self.args, **options)

    def load(self, bench, server, **options):
        """Its subscribers; see Bench.load."""
        return bench.load(server, self.dialect, **options)


REFERENCE = Subject("floor", "floor")
FLOORS = [
    Subject("gathering floor", "floor", "--gather"),
    Subject("uring floor", "floor", "--uring"),
    Subject("gathering uring floor", "floor", "--gather", "--uring"),
]
OURS = [Subject(f"rt-serve {name}, {io}", "rt-serve", "--io", io, dialect=dialect)
        for name, dialect in (("SSE", "sse"), ("WebSocket", "ws")) for io in ("uring", "epoll")]
PEERS = [
    Subject("uWebSockets", "uws"),
    Subject("Nchan SSE", "nchan"),
    Subject("Nchan WebSocket", "nchan", dialect="nchan-ws"),
    Subject("Redis", "redis"),
    Subject("NATS", "nats"),
    Subject("Mosquitto", "mosquitto"),
    Subject("Node ws", "ws"),
    Subject("socket.io", "socket.io"),
]


def start(bench, name, args, cores):
    """Start one of SERVERS; Unavailable if it cannot be."""
    server = SERVERS[name](bench, args, cores)
    assert isinstance(server, Process)
    return server
