# SPDX-License-Identifier: MIT
from __future__ import annotations

from typing import ClassVar

from django_kafka import kafka
from django_kafka.connect.connector import Connector


@kafka.connectors()
class OtherConnector(Connector):
    mark_for_removal = True
    config: ClassVar = {"connector.class": "io.debezium.connector.postgresql.PostgresConnector"}
