# SPDX-License-Identifier: MIT
"""Debezium's source connector for PostgreSQL.

Options: https://debezium.io/documentation/reference/stable/connectors/postgresql.html"""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import DatabaseError, connections

from django_kafka.connect.connector import Prerequisite
from django_kafka.connect.debezium.common import (
    SKIP_FIELD,
    exactly,
    identifier,
    split_table,
)
from django_kafka.connect.debezium.prerequisites import Needs, look
from django_kafka.connect.debezium.source import DebeziumSource

# libpq's names in OPTIONS, and Debezium's.
_TLS = {
    "sslmode": "database.sslmode",
    "sslrootcert": "database.sslrootcert",
    "sslcert": "database.sslcert",
    "sslkey": "database.sslkey",
}


class DebeziumPostgresConnector(DebeziumSource):
    """
    @kafka.connectors()
    class Shop(DebeziumPostgresConnector):
        models = ["shop.Order", "shop.Line"]
    """

    connector_class = "io.debezium.connector.postgresql.PostgresConnector"
    # Of a table without a schema.
    schema: ClassVar[str] = "public"
    # Heartbeats move the slot while nothing changes: PostgreSQL keeps its log for it.

    def made_options(self) -> dict[str, Any]:
        entry = self.database()
        tables = [f"{exactly(schema)}\\.{exactly(table)}" for schema, table in self.full_tables()]
        given = entry.get("OPTIONS") or {}
        return {
            "plugin.name": "pgoutput",
            "database.hostname": self.host("database.hostname"),
            "database.port": entry.get("PORT") or 5432,
            "database.user": entry.get("USER") or "",
            "database.password": self.secret(),
            "database.dbname": entry["NAME"],
            **{theirs: given[ours] for ours, theirs in _TLS.items() if ours in given},
            "topic.prefix": self.prefix,
            "table.include.list": ",".join(tables),
            "slot.name": self.own_name,
            "publication.name": self.own_name,
            "publication.autocreate.mode": "filtered",
            "heartbeat.interval.ms": self.heartbeat_ms,
            "signal.data.collection": self.signal_table,
            **self.transforms(),
            **self.converters(),
        }

    def full_tables(self) -> list[tuple[str, str]]:
        return [(schema or self.schema, table) for schema, table in self.tables()]

    def flagged_tables(self) -> list[tuple[str, str]]:
        """Whose rows are left out by their flag."""
        found = (split_table(table) for table, columns in self.columns().items() if SKIP_FIELD in columns)
        return [(schema or self.schema, table) for schema, table in found] if self.skip_own else []

    @property
    def own_name(self) -> str:
        """Of the slot and the publication."""
        return identifier(self.name)

    def prerequisites(self) -> list[Prerequisite]:
        """What the database lacks, with the SQL that mends it. Asks the database."""
        config = self.config
        needs = Needs(
            role=config.get("database.user", ""),
            slot=config.get("slot.name", ""),
            publication=config.get("publication.name", ""),
            tables=self.full_tables(),
            flagged=frozenset(self.flagged_tables()),
        )
        connection = connections[self.using]
        if connection.vendor != "postgresql":
            return [Prerequisite("error", f"The database {self.using!r} is no PostgreSQL, but {connection.vendor}.")]
        try:
            with connection.cursor() as cursor:
                return list(look(cursor, needs, connection.ops.quote_name))
        except DatabaseError as error:
            return [Prerequisite("warning", f"The database {self.using!r} could not be looked at: {error}")]
