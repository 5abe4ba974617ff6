# SPDX-License-Identifier: MIT
"""manage.py kafka_explain: how the messages of each topic are handled, and what rules a faster way out."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_kafka import kafka
from django_kafka.exceptions import DjangoKafkaError
from django_kafka.topic.model import ModelTopicConsumer


class Command(BaseCommand):
    help = "Print, for each topic, how its messages are handled, and every reason that rules a faster way out."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "consumers", nargs="*", metavar="consumer", help="keys of registered consumers; all if none"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        for key in options["consumers"] or list(kafka.consumers):
            try:
                consumer = kafka.consumers[key]
            except DjangoKafkaError as error:
                raise CommandError(str(error)) from error
            self.stdout.write(key)
            for topic in consumer.topics:
                self.stdout.write(f"  {topic.name}")
                for line in explain(topic):
                    self.stdout.write(f"    {line}")


def explain(topic: Any) -> list[str]:
    """Lines for one topic."""
    if not isinstance(topic, ModelTopicConsumer):
        return ["consume() is called for each message"]
    lines: list[str] = []
    for model in topic.known_models():
        try:
            first, *others = topic.plan(model).explain().splitlines()
        except DjangoKafkaError as error:
            first, others = str(error), []
        lines += [f"{model._meta.label}: {first}", *(f"  {line}" for line in others)]
    return lines or ["the model is known only when a message comes: get_model() is overridden"]
