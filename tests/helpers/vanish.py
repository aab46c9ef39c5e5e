#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Peers that vanish without a FIN, and a living one that only reads slowly.

    vanish.py http://127.0.0.1:PORT COUNT HEARTBEAT

Run it in a network namespace of its own, as root there. COUNT subscribers connect from 127.0.0.2, a
quarter on each transport, two with a closed window from 127.0.0.3. Then everything from and to
127.0.0.2 is dropped. Prints how many there were, how many heartbeats (of HEARTBEAT seconds) later
they were gone, and whether the slow ones stayed and then got everything.
"""
import json
import subprocess
import sys
import time
import urllib.request

from raw_http import SLOW, fail
from swarm import TRANSPORTS, Swarm

EVENTS, SIZE = 2000, 4000
DROP = """
table ip vanish {
	chain input {
		type filter hook input priority 0;
		ip saddr 127.0.0.2 drop
		ip daddr 127.0.0.2 drop
	}
}
"""


def get(url, what):
    return json.load(urllib.request.urlopen(url + what))


def there(url, source):
    return len([c for c in get(url, "/connections?limit=2000")["connections"]
                if c["peer"].startswith(source)])


def flood(url):
    body = "".join('{"n":%d,"pad":"%s"}\n' % (n, "x" * SIZE) for n in range(1, EVENTS + 1))
    urllib.request.urlopen(urllib.request.Request(
        url + "/topics/slow", body.encode(), {"Content-Type": "application/x-ndjson"})).read()


def main():
    url, count, beat = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    swarm, slow = Swarm(url), Swarm(url)
    readers = [slow.join(t, "/topics/slow", rcvbuf=4096, source="127.0.0.3") for t in ("sse", "ws")]
    if not slow.run(lambda: all(r.ready for r in readers)):
        fail("the slow ones were not answered")
    for i in range(count):
        swarm.join(TRANSPORTS[i % 4], "/topics/quiet", source="127.0.0.2", wait=2 * SLOW)
    if not swarm.run(lambda: all(r.ready for r in swarm.readers)):
        fail("not all were answered")
    flood(url)
    before = there(url, "127.0.0.2")
    subprocess.run(["nft", "-f", "-"], input=DROP, text=True, check=True)
    start = time.monotonic()
    # All connections, those whose long poll was answered meanwhile too; but not the slow and this.
    while (left := get(url, "/stats")["connections"] - len(readers) - 1) > 0:
        if time.monotonic() - start > 20 * beat * SLOW:
            fail(f"{left} of {before} are still there")
        time.sleep(beat / 5)
    took = time.monotonic() - start
    while time.monotonic() - start < 5 * beat:      # the slow ones had their chance to be dropped
        time.sleep(0.05)
    stayed = there(url, "127.0.0.3")
    complete = slow.run(lambda: all(len(r.lines) == EVENTS for r in readers))
    print(json.dumps({"before": before, "heartbeats": round(took / beat, 1), "slow": stayed,
                      "complete": complete, "dead": get(url, "/stats")["net"]["dead"],
                      "subscriptions": get(url, "/stats")["hub"]["subscriptions"]}))


main()
