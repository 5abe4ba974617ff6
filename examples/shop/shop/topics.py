# SPDX-License-Identifier: MIT
"""The two topics: how a model becomes a message, and what to do with a message."""

import json
from typing import Any

from confluent_kafka.serialization import Deserializer, MessageField, SerializationContext, Serializer
from django.db import models

from django_kafka.topic import Topic
from shop.models import Customer, Order


class JSONSerializer(Serializer):
    def __call__(self, obj: Any, ctx: SerializationContext | None = None) -> bytes:
        return json.dumps(obj).encode()


class JSONDeserializer(Deserializer):
    def __call__(self, value: bytes | None, ctx: SerializationContext | None = None) -> Any:
        return None if value is None else json.loads(value)


class ModelTopic(Topic):
    """Instances of a model as JSON, keyed by primary key, so that changes of one instance stay in order."""

    model: type[models.Model]
    value_serializer = JSONSerializer
    value_deserializer = JSONDeserializer

    def publish(self, instance: models.Model) -> None:
        fields = {field.attname: getattr(instance, field.attname) for field in instance._meta.concrete_fields}
        self.produce(fields, key=str(instance.pk))

    def consume(self, msg: Any) -> None:
        fields = self.deserialize(msg.value(), MessageField.VALUE, msg.headers())
        # A message may come twice, say after a crash. Writing the same row again does no harm.
        self.model(**fields).save()


class CustomerTopic(ModelTopic):
    name = "customers"
    model = Customer


class OrderTopic(ModelTopic):
    name = "orders"
    model = Order
