# SPDX-License-Identifier: MIT
"""The whole of it: which topic the table follows. Found by django_kafka when Django starts."""

from catalogue.models import Product
from django_kafka import kafka
from django_kafka.consumer import Consumer, Topics
from django_kafka.topic.json import JSONTopicConsumer
from django_kafka.topic.model import ModelTopicConsumer


class ProductTopic(JSONTopicConsumer, ModelTopicConsumer):
    name = "products"
    model = Product


@kafka.consumers()
class CatalogueConsumer(Consumer):
    topics = Topics(ProductTopic())
    config = {"group.id": "catalogue"}
