# SPDX-License-Identifier: MIT
"""A proxy in front of a Kafka node that can lose single answers."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from typing import NamedTuple

# The number of ConsumerGroupHeartbeat in the protocol.
HEARTBEAT = 68


class Answer(NamedTuple):
    """What the broker answers to a request of a client. body: behind the length."""

    api: int
    client_id: str
    body: bytes

    # Of one to a heartbeat:

    @property
    def epoch(self) -> int:
        return int.from_bytes(self.body[self._epoch_at :][:4], "big", signed=True)

    @property
    def has_partitions(self) -> bool:
        """Whether there is an assignment in it, and not an empty one."""
        at = self._epoch_at + 8  # behind epoch and interval
        return self.body[at] == 1 and self.body[at + 1] > 1

    @property
    def _epoch_at(self) -> int:
        at = 4 + 1 + 4 + 2  # behind correlation id, tags, throttle time, error
        at += max(1, self.body[at])  # error message: its length and one, 0 for none; shorter than 127
        return at + max(1, self.body[at])  # member id, the same


class KafkaProxy:
    """`lose` is asked of each answer, and may say that it never comes."""

    def __init__(self, port: int, lose: Callable[[Answer], bool]) -> None:
        self.lose = lose
        self._sockets: list[socket.socket] = []
        proxy = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                proxy._connect(self.request)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            block_on_close = True

        self._server = Server(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self.target = 0

    def start(self, target: int) -> None:
        """Pass on to this port."""
        self.target = target
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        for one in self._sockets:
            _end(one)
        self._server.server_close()

    def _connect(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self.target))
        except OSError:  # the node is away: so is the proxy
            return
        self._sockets += [client, server]
        asked: dict[bytes, tuple[int, str]] = {}
        answers = threading.Thread(target=self._answers, args=(server, client, asked), daemon=True)
        answers.start()
        for body in _frames(client):
            length = int.from_bytes(body[8:10], "big", signed=True)
            asked[body[4:8]] = (int.from_bytes(body[:2], "big"), body[10 : 10 + max(0, length)].decode())
            if not _send(server, body):
                break
        _end(server)
        answers.join()
        server.close()

    def _answers(self, server: socket.socket, client: socket.socket, asked: dict[bytes, tuple[int, str]]) -> None:
        for body in _frames(server):
            answer = Answer(*asked.pop(body[:4]), body)
            if not self.lose(answer) and not _send(client, body):
                break
        _end(client)


def _end(one: socket.socket) -> None:
    try:
        one.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it has ended already


def _send(one: socket.socket, body: bytes) -> bool:
    try:
        one.sendall(len(body).to_bytes(4, "big") + body)
    except OSError:
        return False
    return True


def _frames(one: socket.socket) -> Iterator[bytes]:
    """What comes, request by request or answer by answer, until the connection ends."""
    with one.makefile("rb") as file:
        try:
            while len(head := file.read(4)) == 4:
                body = file.read(size := int.from_bytes(head, "big"))
                if len(body) < size:
                    return
                yield body
        except OSError:
            return
