# SPDX-License-Identifier: MIT
"""The two topics: how a model becomes a message, and what to do with a message."""

from typing import Any

from confluent_kafka.serialization import MessageField
from django.db import models

from django_kafka.topic.json import JSONTopic
from shop.models import Customer, Order


class ModelTopic(JSONTopic):
    """Instances of a model as JSON, keyed by primary key, so that changes of one instance stay in order."""

    model: type[models.Model]

    def publish(self, instance: models.Model) -> None:
        fields = {field.attname: getattr(instance, field.attname) for field in instance._meta.concrete_fields}
        self.produce(fields, key=instance.pk)

    def consume(self, msg: Any) -> None:
        fields = self.deserialize(msg.value(), MessageField.VALUE)
        # A message can be delivered twice, say after a crash. Writing the same row again does no harm.
        self.model(**fields).save()


class CustomerTopic(ModelTopic):
    name = "customers"
    model = Customer


class OrderTopic(ModelTopic):
    name = "orders"
    model = Order
