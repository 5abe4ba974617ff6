# SPDX-License-Identifier: MIT
"""Debezium's source connectors for MySQL and MariaDB.

Options: https://debezium.io/documentation/reference/stable/connectors/mysql.html"""

from __future__ import annotations

import zlib
from typing import Any, ClassVar

from django_kafka.conf import SETTINGS_KEY, settings
from django_kafka.connect.debezium.common import exactly
from django_kafka.connect.debezium.source import DebeziumSource
from django_kafka.exceptions import ConfigurationError

_HISTORY = "schema.history.internal.kafka.bootstrap.servers"


class DebeziumMySqlConnector(DebeziumSource):
    """As DebeziumPostgresConnector. `mariadb = True` for MariaDB."""

    mariadb: ClassVar[bool] = False

    @property
    def connector_class(self) -> str:  # type: ignore[override]
        if self.mariadb:
            return "io.debezium.connector.mariadb.MariaDbConnector"
        return "io.debezium.connector.mysql.MySqlConnector"

    def made_options(self) -> dict[str, Any]:
        entry = self.database()
        database = str(entry["NAME"])
        tables = [f"{exactly(schema or database)}\\.{exactly(table)}" for schema, table in self.tables()]
        return {
            "database.hostname": self.host("database.hostname"),
            "database.port": entry.get("PORT") or 3306,
            "database.user": entry.get("USER") or "",
            "database.password": self.secret(),
            # A replica's number, which no other may have: the same one for the same connector.
            "database.server.id": 10_000 + zlib.crc32(self.name.encode()) % 4_000_000_000,
            "database.include.list": ",".join(
                dict.fromkeys(exactly(schema or database) for schema, _ in self.tables())
            ),
            "topic.prefix": self.prefix,
            "table.include.list": ",".join(tables),
            _HISTORY: self._brokers(),
            "schema.history.internal.kafka.topic": f"{self.prefix}.schema-history",
            # Without it the task fails for good if the brokers take three seconds to answer once.
            "schema.history.internal.kafka.query.timeout.ms": 30_000,
            "heartbeat.interval.ms": self.heartbeat_ms,
            # Django's booleans are tinyint(1), which is a number otherwise.
            "converters": "booleans",
            "booleans.type": "io.debezium.connector.binlog.converters.TinyIntOneToBooleanConverter",
            "signal.data.collection": self.signal_table,
            **self.transforms(),
            **self.converters(),
        }

    def _brokers(self) -> str | None:
        brokers = settings.GLOBAL_CONFIG.get("bootstrap.servers")
        if not brokers and _HISTORY not in self.options:
            raise ConfigurationError(
                f"{self.where()}: the history of schemas needs the brokers: set {SETTINGS_KEY}['GLOBAL_CONFIG']"
                f'[\'bootstrap.servers\'], or options = {{"{_HISTORY}": "…"}}.'
            )
        return brokers
