# SPDX-License-Identifier: MIT
"""PostgreSQL in a temporary folder, on a free loopback port. Run by root it is started as user postgres.

with PostgresServer() as postgres:
    ... postgres.django_settings() ...
"""

from __future__ import annotations

import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.live.servers.process import Server, ServerError, ServerProcess, free_port, keep_log

USER = "lab"


def _bin() -> Path | None:
    """The folder of the newest server's programs."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda path: float(path.split("/")[4]))
    path = found[-1] if found else shutil.which("initdb")
    return Path(path).parent if path else None


def available() -> str | None:
    """None when PostgreSQL can be started here, else what is missing and how to get it."""
    return None if _bin() else "no PostgreSQL server: tools/setup.sh system test"


class PostgresServer(Server):
    """One server with a database `lab` of a superuser `lab`, no password. Nothing is synced to disk."""

    def __init__(self, *, options: Mapping[str, str] | None = None) -> None:
        folder = _bin()
        if folder is None:
            raise ServerError(str(available()))
        self.bin = folder
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="django-kafka-pg-"))
        self.process = ServerProcess("PostgreSQL", self.folder / "server.log")
        self._user = "postgres" if os.getuid() == 0 else None
        self._options = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", **(options or {})}
        try:
            self._initdb()
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def _initdb(self) -> None:
        self.data.mkdir()
        command = [
            str(self.bin / "initdb"),
            "-D",
            str(self.data),
            "-A",
            "trust",
            "-U",
            USER,
            "-E",
            "UTF8",
            "--no-sync",
        ]
        command += ["--locale=C.UTF-8"]
        if self._user:
            user = pwd.getpwnam(self._user)
            for path in (self.folder, self.data):
                os.chown(path, user.pw_uid, user.pw_gid)
            command = ["setpriv", "--reuid", self._user, "--regid", self._user, "--init-groups", *command]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.folder)
        if done.returncode != 0:
            raise ServerError(f"initdb failed:\n{done.stdout}{done.stderr}")

    def start(self) -> None:
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
            **self._options,
        }
        arguments = [f"--{key}={value}" for key, value in options.items()]
        deadline = time.monotonic() + 90
        while True:
            self.process.start([str(self.bin / "postgres"), "-D", str(self.data), *arguments], user=self._user)
            try:
                self.process.wait_ready(self._accepts, 90)
                break
            except ServerError:
                # Backends of a postmaster that was killed take a moment to see it.
                if "is still in use" not in self.process.output() or time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
        if not (self.folder / "created").exists():
            self.psql("CREATE DATABASE lab", database="postgres")
            (self.folder / "created").touch()

    def _accepts(self) -> bool:
        if "database system is ready to accept connections" not in self.process.output():
            return False
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def psql(self, sql: str, *, database: str = "lab") -> str:
        """Run SQL; the rows, unaligned and without a heading."""
        command = [str(self.bin / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port)]
        done = subprocess.run(
            [*command, "-U", USER, "-d", database, "-c", sql], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise ServerError(f"psql: {done.stderr.strip()}")
        return done.stdout.strip()

    def stop(self) -> None:
        """Fast shutdown: connections are cut, transactions rolled back."""
        self.process.stop(number=signal.SIGINT)

    def kill(self) -> None:
        """kill -9 of the postmaster; its backends see that it is gone and end by themselves."""
        self.process.kill()

    def restart(self) -> None:
        self.stop()
        self.start()

    def django_settings(self) -> dict[str, Any]:
        """For DATABASES["default"]."""
        address = {"HOST": "127.0.0.1", "PORT": str(self.port)}
        return {"ENGINE": "django.db.backends.postgresql", "NAME": "lab", "USER": USER, **address}

    def close(self, *, keep_logs: bool = False) -> None:
        """Stop, and leave nothing behind."""
        self.stop()
        if keep_logs:
            keep_log(self.process.log, f"{self.folder.name}.log")
        shutil.rmtree(self.folder, ignore_errors=True)
