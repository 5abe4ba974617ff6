# SPDX-License-Identifier: MIT
"""What kafka_explain says of registered consumers: which way their messages take, and why not a faster one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from confluent_kafka.schema_registry.error import SchemaRegistryError
from django.db import Error as DatabaseError
from django.db import connections

from django_kafka import kafka
from django_kafka.consumer.plan import Path, Plan, plan_of
from django_kafka.consumer.sizes import size_of
from django_kafka.exceptions import DjangoKafkaError
from django_kafka.management import subjects
from django_kafka.sync.columns import describe_table
from django_kafka.sync.copyable import Layout, NotCopyableError
from django_kafka.sync.plan import COPY
from django_kafka.sync.samples import AvroSource
from django_kafka.topic.model import ModelTopicConsumer


class Explainer:
    """Explains consumers, as what JSON can hold. connects: databases and the schema registry may be asked."""

    def __init__(self, connects: bool) -> None:
        self.connects = connects
        self._away: dict[str, str] = {}  # what did not answer, and why: it is not asked again

    def consumer(self, key: str, topics: list[Any]) -> dict[str, Any]:
        """A consumer, and these of its topics."""
        cls = kafka.consumers[key]
        plan = plan_of(cls)
        return {
            "consumer": key,
            "group": _group_of(cls),
            "path": plan.path.name.lower(),
            "means": plan.path.value,
            "reasons": list(plan.reasons),
            "refusal": plan.refusal,
            "topics": [self._topic(topic, plan) for topic in topics],
        }

    def _topic(self, topic: Any, plan: Plan) -> dict[str, Any]:
        cls = type(getattr(topic, "topic_consumer", topic))
        together = size_of(topic) if topic.takes_batches is True and plan.path is Path.DIRECT else 1
        return {
            "topic": topic.name,
            "class": f"{cls.__module__}.{cls.__qualname__}",
            "messages_at_a_time": together,
            "takes_batches": topic.takes_batches is True,
            "atomic": topic.atomic is True or topic.offsets_in_database is True,
            "offsets_in_database": topic.offsets_in_database is True,
            "models": list(self._models(topic)),
        }

    def _models(self, topic: Any) -> Iterator[dict[str, Any]]:
        topic = getattr(topic, "topic_consumer", topic)
        if not isinstance(topic, ModelTopicConsumer):
            return
        rerouted = getattr(topic, "reroute_model_map", None) or {}
        models = dict.fromkeys(model for model in (topic.model, *rerouted.values()) if model is not None)
        if not models:
            yield {"model": None, "error": "get_model() says for each message which model its row is of"}
        for model in models:
            yield self._model(topic, model)

    def _model(self, topic: Any, model: Any) -> dict[str, Any]:
        found: dict[str, Any] = {"model": model._meta.label}
        try:
            using = topic.get_using(model)
            plan = topic.plan(model, using)
        except (DjangoKafkaError, DatabaseError) as error:
            return {**found, "error": str(error).strip()}
        reasons = [{"against": one.path, "reason": one.text, "impossible": one.hard} for one in plan.reasons]
        found.update(using=using, path=plan.path, reasons=reasons)
        if plan.path == COPY:
            found["schema"] = self._schema(topic, model, using)
        return found

    # ---- what only the registry and the database know --------------------------------------------------------------

    def _schema(self, topic: Any, model: Any, using: str) -> dict[str, Any]:
        """Whether rows of the schema that is registered for the topic's values are copied."""
        if topic.find_copy_source() != "avro":
            return {"unknown": "the values are JSON: each message may have other fields"}
        if topic.is_regex():
            return {"unknown": "the topic's name is a pattern: no single schema belongs to it"}
        if not self.connects:
            return {"unknown": "the schema registry was not asked (--no-connect)"}
        subject = f"{topic.name}-value"
        found: dict[str, Any] = {"subject": subject}
        try:
            registered = self._ask("the schema registry", lambda: subjects.latest(subject))
            if registered is None:
                return {**found, "unknown": "the schema registry has none for it yet"}
            found["version"] = registered.version
            if not registered.is_avro:
                return {**found, "unknown": "it is not Avro"}
            db_table = model._meta.db_table
            table = self._ask(f"database {using!r}", lambda: describe_table(connections[using], db_table))
            if table is None:
                return {**found, "unknown": f"there is no table {db_table}"}
            Layout(topic, model, using, table, AvroSource(topic).kind(registered.schema))
        except _AwayError as error:
            return {**found, "unknown": str(error)}
        except NotCopyableError as error:
            return {**found, "copied": False, "reasons": list(error.reasons)}
        except ValueError as error:  # it is no record
            return {**found, "copied": False, "reasons": [str(error)]}
        return {**found, "copied": True, "reasons": []}

    def _ask(self, whom: str, question: Callable[[], Any]) -> Any:
        """Errors: _AwayError when no answer came, now or before."""
        if whom not in self._away:
            try:
                return question()
            except (DjangoKafkaError, SchemaRegistryError, DatabaseError) as error:
                self._away[whom] = f"{whom} cannot be asked: {str(error).strip()}"
        raise _AwayError(self._away[whom])


class _AwayError(Exception):
    """Nobody answers."""


def _group_of(consumer_cls: Any) -> str | None:
    try:
        group = consumer_cls.build_config().get("group.id")
    except DjangoKafkaError:
        return None  # the system checks say why
    return group if isinstance(group, str) else None
