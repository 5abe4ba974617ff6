# SPDX-License-Identifier: MIT
"""Debezium's sink connector by JDBC: topics of a source connector of Debezium into the tables of models.

Options: https://debezium.io/documentation/reference/stable/connectors/jdbc.html"""

from __future__ import annotations

import re
from typing import Any, ClassVar

from django_kafka.connect.debezium.common import DebeziumConnector, exactly, split_table
from django_kafka.exceptions import ConfigurationError

_URLS = {"postgresql": "jdbc:postgresql://{}:{}/{}", "mysql": "jdbc:mysql://{}:{}/{}"}
_ROUTER = "org.apache.kafka.connect.transforms.RegexRouter"
# What Debezium replaces in the names of topics.
_INVALID = re.compile(r"[^a-zA-Z0-9._-]")
_SIMPLE = re.compile(r"[a-zA-Z0-9_]+")
_PORTS = {"postgresql": 5432, "mysql": 3306}


class DebeziumJdbcSinkConnector(DebeziumConnector):
    """Writes into the tables of `models` what comes in `<topic_prefix>.<source_schema>.<table>`. It needs schemas:
    "json_schemas" or "avro"."""

    connector_class = "io.debezium.connector.jdbc.JdbcSinkConnector"
    converter: ClassVar[str] = "json_schemas"
    # In the middle of the topics' names: the schema, or for MySQL the database, of the source.
    source_schema: ClassVar[str] = "public"

    def made_options(self) -> dict[str, Any]:
        entry = self.database()
        if self.converter == "json":
            raise ConfigurationError(f'{self.where()}: the sink needs schemas: converter = "json_schemas" or "avro".')
        engine = str(entry["ENGINE"]).rpartition(".")[2]
        vendor = {"postgis": "postgresql"}.get(engine, engine)
        if vendor not in _URLS and "connection.url" not in self.options:
            raise ConfigurationError(f'{self.where()}: set options = {{"connection.url": "jdbc:…"}} for {engine}.')
        url = _URLS.get(vendor, "").format(
            self.host("connection.url"), entry.get("PORT") or _PORTS.get(vendor), entry["NAME"]
        )
        return {
            "topics": ",".join(self.topic(schema, table) for schema, table in self.tables()),
            "connection.url": url,
            "connection.username": entry.get("USER") or "",
            "connection.password": self.secret(),
            "insert.mode": "upsert",
            "delete.enabled": True,
            "primary.key.mode": "record_key",
            "schema.evolution": "none",
            "use.reduction.buffer": True,
            "quote.identifiers": True,  # as Django does
            "field.include.list": self._fields(),
            **self._routes(),
            **self.converters(),
        }

    def topic(self, schema: str, table: str) -> str:
        """Where the source connector sends the table's rows."""
        return _INVALID.sub("_", f"{self.prefix}.{schema or self.source_schema}.{table}")

    def target(self, schema: str, table: str) -> str:
        """What the topic is renamed to, from which the sink takes the table: it reads dots and quotes as SQL does."""
        if schema or not _SIMPLE.fullmatch(table):
            return ".".join(f'"{part}"' for part in (schema, table) if part)
        return table

    def _fields(self) -> str | None:
        """The columns of the models. Messages have more of them: Debezium's own, and what the source alone has; the
        sink would stop at each. None when the option has no way to write them."""
        found = [
            f"{self.target(*split_table(table))}:{column}"
            for table, columns in self.columns().items()
            for column in columns
        ]
        return None if any("," in each or each.count(":") > 1 for each in found) else ",".join(found)

    def _routes(self) -> dict[str, Any]:
        """From topics to tables: the end of the topic's name, except for tables that have to be quoted."""
        before = self.topic("", "")
        routes = {"table": (f"{exactly(before)}(.*)", "$1")}
        for schema, table in self.tables():
            target = self.target(schema, table)
            if target != table:
                # Before the common one, which finds nothing then.
                routes = {f"table{len(routes)}": (exactly(self.topic(schema, table)), _plain(target)), **routes}
        options = {
            f"transforms.{name}.{option}": value
            for name, route in routes.items()
            for option, value in zip(("type", "regex", "replacement"), (_ROUTER, *route), strict=True)
        }
        return {"transforms": ",".join(routes), **options}


def _plain(text: str) -> str:
    """A replacement of Java's regular expressions that is this text."""
    return re.sub(r"([\\$])", r"\\\1", text)
