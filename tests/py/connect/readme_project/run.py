# SPDX-License-Identifier: MIT
"""`python -m tests.py.connect.readme_project.run` does what the README says, and prints what it sees."""

from __future__ import annotations

import json
from typing import Any

import django
from django.conf import settings

settings.configure(
    INSTALLED_APPS=[
        "django.contrib.contenttypes",
        "django.contrib.auth",
        "django_kafka",
        "tests.py.connect.readme_project.people",
    ],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    AUTH_USER_MODEL="people.User",
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DJANGO_KAFKA={"CONNECT_HOST": "http://connect:8083"},
    SECRET_KEY="test",
    USE_TZ=True,
)
django.setup()

from django.core import checks  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection, models  # noqa: E402

from django_kafka import kafka, producer  # noqa: E402
from tests.py.connect.readme_project.people.models import User  # noqa: E402

said: dict[str, Any] = {}
deleted: list[bool] = []


def flag() -> bool:
    return bool(User.objects.get().kafka_skip)


def synced(name: str = "John") -> Any:
    """A user that Kafka wrote, as it is read."""
    User.objects.create(first_name=name, kafka_skip=True)
    return User.objects.get(first_name=name)


def watch(execute: Any, sql: str, *arguments: Any) -> Any:
    if sql.startswith(f'DELETE FROM "{User._meta.db_table}"'):
        deleted.extend(models.QuerySet(User).order_by("pk").values_list("kafka_skip", flat=True))
    return execute(sql, *arguments)


def deletions() -> list[bool]:
    """The flags of the rows that were deleted since."""
    found = list(deleted)
    deleted.clear()
    return found


def main() -> None:
    said["connectors"] = sorted(kafka.connectors)
    said["checks"] = [str(message) for message in checks.run_checks()]
    field: Any = User._meta.get_field("kafka_skip")
    said["field"] = [field.get_internal_type(), field.default]
    queryset = User.objects.all()
    base = type(queryset)
    said["manager"] = [type(User.objects).__name__, base.__name__, User.objects.get_queryset().model is User]

    user = synced()
    user.save()
    said["saved"] = flag()
    user.kafka_skip = True
    user.save()
    said["set"] = flag()
    User.objects.get().delete()
    said["deleted"] = deletions()

    with producer.suppress():
        user = User.objects.create(first_name="John")
    suppressed = flag()
    user.save()
    with producer.suppress():
        user.delete()
    said["suppressed"] = [suppressed, deletions()]

    synced()
    User.objects.update(last_login=None)
    said["updated"] = flag()
    User.objects.update(first_name="John", kafka_skip=True)
    said["updated with it"] = flag()

    User.objects.create(first_name="Jane")
    User.objects.all().delete()
    together = deletions()
    User.objects.bulk_create([User(first_name="John", kafka_skip=True), User(first_name="Jane")])
    User.objects.all().delete(kafka_skip=True)
    said["deleted together"] = together + deletions()


call_command("migrate", verbosity=0)
with connection.schema_editor() as editor:
    editor.create_model(User)
with connection.execute_wrapper(watch):
    main()
print(json.dumps(said))
