# SPDX-License-Identifier: MIT
"""What the other project's connector sends."""

from django.conf import settings

from django_kafka.topic.debezium import DbzModelTopicConsumer
from django_kafka.topic.json import JSONTopicConsumer
from orders.models import Order


class OrderTopic(JSONTopicConsumer, DbzModelTopicConsumer):
    name = f"{settings.PEER}.public.orders_order"
    model = Order
    version_field = "kafka_version"
    tombstones = "ignore"  # they have no version
