# SPDX-License-Identifier: MIT
"""Which versions of what were measured."""
import os

from . import machine


def collect(out):
    """Of rt and of each other program that is there: a list of (what, which)."""
    path = "PATH", os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    os.environ.update([path])
    found = [
        ("rt", machine.output(os.path.join(out, "rt-serve"), "--version")),
        ("nginx", machine.output("nginx", "-v")),
        ("Nchan", machine.output("dpkg-query", "-W", "-f", "${Version}", "libnginx-mod-nchan")),
        ("Redis", machine.output("redis-server", "--version")),
        ("NATS", machine.output("nats-server", "--version")),
        ("Mosquitto", machine.output("dpkg-query", "-W", "-f", "${Version}", "mosquitto")),
        ("Node", machine.output("node", "--version")),
    ]
    return [(what, which) for what, which in found if which]
