# SPDX-License-Identifier: MIT
"""Connectors of Debezium whose configuration follows from DATABASES and a list of models."""

from __future__ import annotations

from django_kafka.connect.debezium.jdbc_sink import DebeziumJdbcSinkConnector
from django_kafka.connect.debezium.mysql import DebeziumMySqlConnector
from django_kafka.connect.debezium.postgres import DebeziumPostgresConnector

__all__ = ["DebeziumJdbcSinkConnector", "DebeziumMySqlConnector", "DebeziumPostgresConnector"]
