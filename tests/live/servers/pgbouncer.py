# SPDX-License-Identifier: MIT
"""PgBouncer in front of a PostgreSQL, on a free loopback port, with a connection of its pool for each transaction."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Any

from tests.live.servers.postgres import USER, PostgresServer
from tests.live.servers.process import Server, ServerProcess, free_port, keep_log

_PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")

_CONFIG = """\
[databases]
* = host=127.0.0.1 port={server} user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 2
max_client_conn = 20
ignore_startup_parameters = extra_float_digits
"""


def available() -> str | None:
    """None when PgBouncer can be started here, else what is missing."""
    return None if _PROGRAM else "no PgBouncer: install the package pgbouncer"


class PgBouncer(Server):
    def __init__(self, server: PostgresServer) -> None:
        self.server = server
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="django-kafka-bouncer-"))
        self.process = ServerProcess("PgBouncer", self.folder / "server.log")

    def start(self) -> None:
        config = self.folder / "pgbouncer.ini"
        config.write_text(_CONFIG.format(server=self.server.port, port=self.port, user=USER))
        user = "postgres" if os.geteuid() == 0 else None  # it refuses to run as root
        if user:
            owner = pwd.getpwnam(user)
            for path in (self.folder, config):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        self.process.start([str(_PROGRAM), str(config)], user=user)
        self.process.wait_ready(self._accepts, 30)

    def _accepts(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def close(self, *, keep_logs: bool = False) -> None:
        """Stop, and leave nothing behind."""
        self.process.stop()
        if keep_logs:
            keep_log(self.process.log, f"{self.folder.name}.log")
        shutil.rmtree(self.folder, ignore_errors=True)

    def django_settings(self) -> dict[str, Any]:
        """For DATABASES, as Django's documentation says: no server-side cursors, no prepared statements."""
        return {**self.server.django_settings(), "PORT": str(self.port), "DISABLE_SERVER_SIDE_CURSORS": True}
