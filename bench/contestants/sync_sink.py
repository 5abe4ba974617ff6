# SPDX-License-Identifier: MIT
"""A connector in the worker of Kafka Connect that runs already (bench/jdbc_sink.py). BENCH_SINK is its configuration,
BENCH_CONNECT the worker's address, BENCH_PID its process, which is measured."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import urllib.error
import urllib.request
from typing import Any

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "syncsettings"
django.setup()

from meter import GROUP  # noqa: E402
from sync_watch import watch  # noqa: E402

ADDRESS = f"{os.environ['BENCH_CONNECT']}/connectors/{GROUP}"
PAUSE = 1.0


def ask(method: str, path: str, body: bytes | None = None) -> Any:
    """The answer of Connect; None when it does not know the connector yet."""
    request = urllib.request.Request(ADDRESS + path, body, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return json.load(reply)
    except urllib.error.HTTPError as error:
        with error:
            if error.code != 404:
                raise
        return None


def main() -> None:
    """The watcher ends the process; a task that fails does, too."""
    ask("PUT", "/config", os.environ["BENCH_SINK"].encode())
    while True:
        time.sleep(PAUSE)
        status = ask("GET", "/status")
        for task in status["tasks"] if status else ():
            if task["state"] == "FAILED":
                sys.exit(task["trace"])


threading.Thread(target=watch, daemon=True).start()
main()
