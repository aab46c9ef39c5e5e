#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Run JavaScript in the page of a headless Chromium, as its console would.

    devtools.py PROFILE EXPRESSION

PROFILE is the --user-data-dir of a Chromium that runs with --remote-debugging-port=0. Prints the
value: text as it is, all else as JSON. A promise is waited for. Exit status 1 and a message if
there is no page yet, or if the expression throws.
"""
import asyncio
import json
import sys
import urllib.request

import websockets


def page_socket(profile):
    with open(profile + "/DevToolsActivePort") as f:
        port = int(f.readline())
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{port}/json/list", timeout=10) as answer:
        pages = [p for p in json.load(answer) if p["type"] == "page"]
    return pages[0]["webSocketDebuggerUrl"]


async def evaluate(url, expression):
    async with websockets.connect(url, max_size=None, compression=None) as ws:
        params = {
            "expression": expression,
            "awaitPromise": True,
            "returnByValue": True,
            "replMode": True,
        }
        await ws.send(json.dumps({"id": 1, "method": "Runtime.evaluate", "params": params}))
        while True:
            answer = json.loads(await ws.recv())
            if answer.get("id") == 1:
                return answer["result"]


def main():
    profile, expression = sys.argv[1:]
    try:
        url = page_socket(profile)
    except (OSError, IndexError, ValueError) as e:
        sys.exit(f"no page yet: {e}")
    result = asyncio.run(asyncio.wait_for(evaluate(url, expression), 30))
    if "exceptionDetails" in result:
        sys.exit("threw: " + json.dumps(result["exceptionDetails"]["exception"].get("description")))
    value = result["result"].get("value")
    print(value if isinstance(value, str) else json.dumps(value))


main()
