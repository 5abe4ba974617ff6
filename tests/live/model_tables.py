# SPDX-License-Identifier: MIT
"""A model with the columns that PostgreSQL alone has, and the tables of tests/synced in a real server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.postgres.fields import (
    ArrayField,
    DateRangeField,
    DateTimeRangeField,
    DecimalRangeField,
    HStoreField,
    IntegerRangeField,
)
from django.db import connections, models

from tests.live.servers import PostgresServer
from tests.synced.models import Base


class Special(Base):
    tags = ArrayField(models.TextField(null=True), null=True)
    days = ArrayField(models.DateField(null=True), null=True)
    numbers = ArrayField(models.IntegerField(null=True), default=list)
    pairs = HStoreField(null=True)
    ages = IntegerRangeField(null=True)
    prices = DecimalRangeField(null=True)
    dates = DateRangeField(null=True)
    moments = DateTimeRangeField(null=True)
    address = models.GenericIPAddressField(null=True)
    short = models.CharField(max_length=3, null=True)
    price = models.DecimalField(max_digits=5, decimal_places=2, null=True)
    tiny = models.SmallIntegerField(null=True)


class Quoted(Base):
    """In a schema of its own, in a table of several partitions."""

    id = models.IntegerField(primary_key=True)
    what = models.CharField(max_length=20, db_column="The What", default="")

    class Meta(Base.Meta):
        abstract = False
        managed = False
        db_table = 'other"."Quoted Table'


QUOTED = """
CREATE SCHEMA other;
CREATE TABLE other."Quoted Table" (id integer PRIMARY KEY, "The What" varchar(20) NOT NULL)
    PARTITION BY RANGE (id);
CREATE TABLE other.low PARTITION OF other."Quoted Table" FOR VALUES FROM (0) TO (100);
CREATE TABLE other.high PARTITION OF other."Quoted Table" FOR VALUES FROM (100) TO (1000);
"""


@contextmanager
def database(alias: str, settings: dict[str, Any]) -> Iterator[str]:
    """Another database of the project, as long as the context lasts."""
    whole = connections.configure_settings({"default": {}, alias: settings})
    connections.settings[alias] = whole[alias]
    try:
        yield alias
    finally:
        connections[alias].close()
        del connections[alias]
        del connections.settings[alias]


@contextmanager
def own_database(server: PostgresServer, name: str, *statements: str, alias: str = "") -> Iterator[str]:
    """The alias, which is its name by default, of a new database of a server, after these statements."""
    server.psql(f"CREATE DATABASE {name}", database="postgres")
    try:
        for statement in statements:
            server.psql(statement, database=name)
        with database(alias or name, {**server.django_settings(), "NAME": name}) as found:
            yield found
    finally:
        server.psql(f"DROP DATABASE {name} WITH (FORCE)", database="postgres")
