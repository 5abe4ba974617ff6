# SPDX-License-Identifier: MIT
"""What the other project's connector sends, written into this one's database."""

from __future__ import annotations

import json
import os

from django_kafka import kafka
from django_kafka.consumer import Consumer, Topics
from django_kafka.topic.debezium import DbzModelTopicConsumer
from django_kafka.topic.json import JSONTopicConsumer
from tests.synced.models import Skipping


class SkippingTopic(JSONTopicConsumer, DbzModelTopicConsumer):
    (name,) = json.loads(os.environ["LIVE_TOPICS"])
    model = Skipping


@kafka.consumers()
class SharedConsumer(Consumer):
    topics = Topics(SkippingTopic())
    config = {"group.id": os.environ["LIVE_GROUP"], "auto.offset.reset": "earliest"}
