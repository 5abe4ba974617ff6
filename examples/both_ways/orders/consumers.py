# SPDX-License-Identifier: MIT
"""Found by django_kafka when Django starts, and run by `manage.py kafka_consume`."""

from django.conf import settings

from django_kafka import kafka
from django_kafka.consumer import Consumer, Topics
from orders.topics import OrderTopic


@kafka.consumers()
class OrdersConsumer(Consumer):
    topics = Topics(OrderTopic())
    config = {"group.id": f"orders-{settings.SIDE}"}
