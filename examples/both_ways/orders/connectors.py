# SPDX-License-Identifier: MIT
"""Found by django_kafka when Django starts, and published by `manage.py kafka_connect --publish`."""

from django.conf import settings

from django_kafka import kafka
from django_kafka.connect.debezium import DebeziumPostgresConnector


@kafka.connectors()
class OrdersConnector(DebeziumPostgresConnector):
    name = f"orders-{settings.SIDE}"
    models = ["orders.Order"]
    topic_prefix = settings.SIDE
    # Old and new row: the version of a deletion is in the old one.
    flatten = False
    # A tombstone does not say whose it is, so the filter cannot leave it out.
    options = {"tombstones.on.delete": False}
