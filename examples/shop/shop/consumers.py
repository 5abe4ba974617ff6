# SPDX-License-Identifier: MIT
"""Found by django_kafka when Django starts, and run by `manage.py kafka_consume`."""

from django_kafka import kafka
from django_kafka.consumer import Consumer, Topics
from shop.topics import CustomerTopic, OrderTopic


@kafka.consumers()
class ShopConsumer(Consumer):
    topics = Topics(CustomerTopic(), OrderTopic())
    config = {"group.id": "shop"}
