# SPDX-License-Identifier: MIT
"""A PostgreSQL in a temporary folder, if its programs and psycopg are installed here."""

from __future__ import annotations

import contextlib
import glob
import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

OPTIONS = ("fsync=off", "full_page_writes=off", "synchronous_commit=off")  # its data are not kept


def programs() -> Path | None:
    """The folder of initdb and pg_ctl; None where there is none, or nothing to connect with."""
    if importlib.util.find_spec("psycopg") is None:
        return None
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda path: float(path.split("/")[4]))
    path = found[-1] if found else shutil.which("initdb")
    return Path(path).parent if path else None


@contextlib.contextmanager
def running(folder: Path, programs: Path) -> Iterator[dict[str, Any]]:
    """A server with its data in this folder, which has to be empty. Gives an entry for DATABASES."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    as_user: list[str] = []
    if os.getuid() == 0:  # which PostgreSQL refuses
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
        as_user = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups"]

    def run(program: str, *arguments: str) -> None:
        command = [*as_user, str(programs / program), *arguments]
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    data = str(folder / "data")
    run("initdb", "-D", data, "-A", "trust", "-U", "demo", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
    options = " ".join(f"-c {option}" for option in (*OPTIONS, f"port={port}", f"unix_socket_directories={folder}"))
    log = str(folder / "server.log")
    run("pg_ctl", "-D", data, "-l", log, "-w", "-o", f"{options} -c listen_addresses=127.0.0.1", "start")
    try:
        address = {"HOST": "127.0.0.1", "PORT": str(port), "USER": "demo", "NAME": "postgres"}
        yield {"ENGINE": "django.db.backends.postgresql", **address}
    finally:
        run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
