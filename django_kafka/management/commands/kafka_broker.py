# SPDX-License-Identifier: MIT
"""manage.py kafka_broker: a Kafka for development, inside this process."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import functools
import os
import re
import signal
from collections.abc import Coroutine, Iterable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_kafka._native import Broker

HOST = "127.0.0.1"
LIMITS = """\
This is librdkafka's mock cluster: for development, demos and tests, not for data.
  - in memory only, some 4 MB per partition; older messages vanish
  - topics appear on first use (4 partitions) or by --topics, not by admin requests
  - records cannot be deleted (kafka_dead_letters purge), no offsets by time
  - aborted transactions are read all the same, no ACLs, no TLS
  - reached from this machine only
  - a consumer that is restarted, or joins others, waits for session.timeout.ms less a
    second: 44 s by default, 5 s with these settings. An idle one looks for messages
    twice a second by default"""
SETTINGS = """\
DJANGO_KAFKA = {{
    "GLOBAL_CONFIG": {{"bootstrap.servers": "{address}"}},
    "CONSUMER_CONFIG": {{
        "auto.offset.reset": "earliest",
        "session.timeout.ms": 6000,
        "fetch.wait.max.ms": 10,
    }},
}}"""


class Command(BaseCommand):
    help = "Run an embedded Kafka broker for development. Ends on Ctrl-C."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--port",
            type=port_number,
            default=0,
            help="Port of 127.0.0.1 to listen on, so that a settings file can name it. Default: a free port, "
            "which is printed.",
        )
        parser.add_argument(
            "--topics",
            nargs="+",
            type=topic,
            default=[],
            metavar="NAME[:PARTITIONS]",
            help="Topics to create. Each has 1 partition unless a number is given.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        names = [name for name, _ in options["topics"]]
        if twice := {name for name in names if names.count(name) > 1}:
            raise CommandError(f"--topics: {', '.join(sorted(twice))} given more than once.")
        with Broker() as broker:
            for name, partitions in options["topics"]:
                broker.create_topic(name, partitions)
            asyncio.run(self.serve(broker, options["port"], options["topics"]))

    async def serve(self, broker: Broker, port: int, topics: Iterable[tuple[str, int]]) -> None:
        """Say where the broker is and wait for a signal to stop."""
        stop = asyncio.Event()
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(signum, stop.set)
        with contextlib.ExitStack() as stack:
            address = broker.bootstrap
            if port:
                try:
                    forwarder = await asyncio.start_server(functools.partial(forward, address), HOST, port)
                except OSError as exc:
                    raise CommandError(
                        f"Port {port} of {HOST} cannot be used: {why(exc)}. Choose another by --port, or "
                        "leave --port out for a free one."
                    ) from exc
                stack.callback(forwarder.close)  # not entered: that would wait for clients to leave
                address = f"{HOST}:{port}"
            # This line comes first and has this form, so that scripts can read the address from it.
            self.stdout.write(f"bootstrap.servers: {address}")
            for name, partitions in topics:
                self.stdout.write(f"topic: {name}, {partitions} partition{'s' if partitions > 1 else ''}")
            self.stdout.write("For the project's settings, in development:\n")
            self.stdout.write(SETTINGS.format(address=address))
            self.stdout.write(f"\n{LIMITS}")
            self.stdout.write("Ctrl-C ends it.")
            self.stdout.flush()
            await stop.wait()


def why(error: OSError) -> str:
    """The reason alone: asyncio wraps it in words of its own."""
    if error.errno == errno.EADDRINUSE:
        return "something else listens there already"
    return os.strerror(error.errno) if error.errno else str(error)


async def forward(address: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass a client's first connection on to the broker, which then tells it the port to go on with."""
    host, _, port = address.partition(",")[0].rpartition(":")
    with contextlib.closing(writer), contextlib.suppress(OSError, asyncio.CancelledError):  # cancelled at the end
        broker_reader, broker_writer = await asyncio.open_connection(host, int(port))
        with contextlib.closing(broker_writer):
            await exchange(pump(reader, broker_writer), pump(broker_reader, writer))


async def exchange(*pumps: Coroutine[Any, Any, None]) -> None:
    """Run the pumps until one of them has ended."""
    tasks = [asyncio.ensure_future(one) for one in pumps]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


def port_number(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: a number from 1 to 65535")
    return int(text)


def topic(text: str) -> tuple[str, int]:
    """ "name" or "name:partitions"."""
    name, colon, number = text.partition(":")
    if not re.fullmatch(r"[a-zA-Z0-9._-]{1,249}", name) or name in (".", ".."):
        raise argparse.ArgumentTypeError(
            f"{name!r} cannot be a topic's name: 1 to 249 letters, digits, dots, underscores and dashes are allowed"
        )
    if colon and not (number.isdecimal() and 1 <= int(number) <= 1000):
        raise argparse.ArgumentTypeError(f"{number!r} is not a number of partitions, 1 to 1000, for topic {name!r}")
    return name, int(number) if colon else 1
