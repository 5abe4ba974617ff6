# SPDX-License-Identifier: MIT
"""MariaDB in a temporary folder, on a free loopback port.

with MariaServer() as mariadb:
    ... mariadb.django_settings() ...
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.live.servers.process import Server, ServerError, ServerProcess, free_port, keep_log

USER = "lab"


def _server() -> str | None:
    return shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin")


def available() -> str | None:
    """None when MariaDB can be started here, else what is missing and how to get it."""
    if _server() and shutil.which("mariadb-install-db") and shutil.which("my_print_defaults"):
        return None
    return "no MariaDB server with what it needs to make a database: tools/setup.sh system test"


class MariaServer(Server):
    """One server with a database `lab`; nobody is asked for a password, and nothing is synced to disk.

    options: more of them for the server, log-bin for example."""

    def __init__(self, options: Mapping[str, str] | None = None) -> None:
        if reason := available():
            raise ServerError(reason)
        self.options = dict(options or {})
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="django-kafka-maria-"))
        self.process = ServerProcess("MariaDB", self.folder / "server.log")
        self._as = [f"--user={pwd.getpwuid(os.getuid()).pw_name}"]  # which root has to say
        try:
            self._install()
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def _install(self) -> None:
        command = [
            "mariadb-install-db",
            "--no-defaults",
            f"--datadir={self.folder / 'data'}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            *self._as,
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.folder)
        if done.returncode != 0:
            raise ServerError(f"mariadb-install-db failed:\n{done.stdout}{done.stderr}")
        self.bootstrap = self.folder / "init.sql"
        self.bootstrap.write_text(
            f"CREATE USER IF NOT EXISTS '{USER}'@'localhost';\n"
            f"GRANT ALL ON *.* TO '{USER}'@'localhost';\n"
            "CREATE DATABASE IF NOT EXISTS lab CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;\n"
        )

    def start(self) -> None:
        options = {
            "datadir": str(self.folder / "data"),
            "port": str(self.port),
            "bind-address": "127.0.0.1",
            "socket": str(self.folder / "socket"),
            "pid-file": str(self.folder / "pid"),
            "init-file": str(self.bootstrap),
            "innodb-flush-log-at-trx-commit": "0",
            "character-set-server": "utf8mb4",
            **self.options,
        }
        arguments = ["--no-defaults", *self._as, *(f"--{key}={value}" for key, value in options.items())]
        self.process.start([str(_server()), *arguments], folder=self.folder)
        self.process.wait_ready(self._accepts, 90)

    def _accepts(self) -> bool:
        if "ready for connections" not in self.process.output():
            return False
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def django_settings(self) -> dict[str, Any]:
        """For DATABASES, with PyMySQL in the place of mysqlclient."""
        address = {"HOST": "127.0.0.1", "PORT": str(self.port)}
        return {"ENGINE": "django.db.backends.mysql", "NAME": "lab", "USER": USER, **address}

    def close(self, *, keep_logs: bool = False) -> None:
        """Stop, and leave nothing behind."""
        self.process.stop()
        if keep_logs:
            keep_log(self.process.log, f"{self.folder.name}.log")
        shutil.rmtree(self.folder, ignore_errors=True)
