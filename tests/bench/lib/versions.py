# SPDX-License-Identifier: MIT
"""Which versions of what were measured."""
import os

from . import machine


def package(name):
    """Version of a Debian package that is installed, or ''."""
    said = machine.output("dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", name)
    return said.removeprefix("installed ") if said.startswith("installed ") else ""


def from_npm(folder, name):
    """Version of a package below folder/node, or ''."""
    path = os.path.join(folder, "node", "node_modules", name, "package.json")
    return machine.first(path, r'^\s*"version":\s*"([^"]*)"', "")


def uwebsockets(folder):
    """Its authors give it no version that can be asked for: that of the package."""
    version = from_npm(folder, "uwebsockets")
    return f"npm's uwebsockets {version}, a copy that others made" if version else ""


def collect(out, folder):
    """Of rt and of each other program that is there: a list of (what, which)."""
    os.environ["PATH"] = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    found = [
        ("rt", machine.output(os.path.join(out, "rt-serve"), "--version")),
        ("nginx", machine.output("nginx", "-v").removeprefix("nginx version: ")),
        ("Nchan", package("libnginx-mod-nchan")),
        ("Redis", package("redis-server")),
        ("NATS", package("nats-server")),
        ("Mosquitto", package("mosquitto")),
        ("Node", machine.output("node", "--version")),
        ("uWebSockets", uwebsockets(folder)),
        ("ws", from_npm(folder, "ws")),
        ("socket.io", from_npm(folder, "socket.io")),
        ("curl", package("curl")),
        ("kcat", package("kcat")),
        ("jq", package("jq")),
    ]
    return [(what, which) for what, which in found if which]
