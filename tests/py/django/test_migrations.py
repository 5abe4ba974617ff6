# SPDX-License-Identifier: MIT
"""The library's own migration, on databases that know those of the original."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import django
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["django_kafka"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
)
django.setup()
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
recorder = MigrationRecorder(connection)
recorder.ensure_schema()
for name in KNOWN:
    recorder.record_applied("django_kafka", name)
call_command("migrate", verbosity=0)
call_command("makemigrations", "--check", verbosity=0)
from django_kafka.models import StoredOffset
row = StoredOffset.objects.create(group="g", topic="t", partition=3, offset=2**62)
assert str(row) == "g: t [3] at 4611686018427387904"
call_command("migrate", "django_kafka", "zero", verbosity=0)
assert "django_kafka_storedoffset" not in connection.introspection.table_names()
"""


@pytest.mark.parametrize(
    "known",
    [(), ("0001_initial", "0002_waitingmessage", "0007_waitingmessage_numeric_partition_offset")],
    ids=["new", "of the original"],
)
def test_the_table_is_made(known: tuple[str, ...]) -> None:
    command = [sys.executable, "-c", f"KNOWN = {known!r}\n{PROGRAM}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
