# SPDX-License-Identifier: MIT
"""manage.py kafka_explain: which way messages take, and what rules faster ones out."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_kafka import kafka
from django_kafka.conf.kinds import near
from django_kafka.management.explanation import Explainer

WIDTH = 80


class Command(BaseCommand):
    help = (
        "Explain, per consumer and topic, which way messages take through the consumer and, for model topics, how "
        "rows are written, with every reason that rules a faster way out. Neither Kafka nor a consumer is needed."
    )
    # What is wrong with consumers and topics is said there; the project's other checks have no say in this.
    requires_system_checks = ("django_kafka",)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "names",
            nargs="*",
            metavar="consumer-or-topic",
            help="Registry keys of consumers, such as myapp.consumers.MyConsumer, or names of topics. Default: all "
            "registered consumers.",
        )
        parser.add_argument(
            "--no-connect",
            action="store_true",
            help="Do not ask databases and the schema registry whether the copy path takes registered schemas.",
        )
        parser.add_argument("--json", action="store_true", help="Print it for programs.")

    def handle(self, *args: Any, **options: Any) -> None:
        explainer = Explainer(connects=not options["no_connect"])
        found = [explainer.consumer(key, topics) for key, topics in chosen(options["names"]).items()]
        if options["json"]:
            self.stdout.write(json.dumps(found, indent=2))
        elif not found:
            self.stdout.write(NOTHING)
        else:
            self.stdout.write("\n\n".join("\n".join(lines_of(consumer)) for consumer in found))


NOTHING = "No consumer is registered: decorate a class in <app>/consumers.py with @kafka.consumers()."


def chosen(names: list[str]) -> dict[str, list[Any]]:
    """The topics to explain, by the key of their consumer.

    Errors: CommandError for a name that is neither a consumer's nor a topic's."""
    known = {key: list(getattr(kafka.consumers[key], "topics", None) or ()) for key in kafka.consumers}
    if not names:
        return known
    found: dict[str, list[Any]] = {}
    for name in names:
        matches = {name: known[name]} if name in known else topics_called(name, known)
        if not matches:
            raise CommandError(unknown(name, known))
        for key, topics in matches.items():
            kept = found.setdefault(key, [])
            kept += [topic for topic in topics if topic not in kept]
    return {key: found[key] for key in known if key in found}


def topics_called(name: str, known: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Those of this name, or else those whose pattern takes it."""
    for takes in (lambda topic: topic.name == name, lambda topic: topic.matches(name)):
        found = {key: [topic for topic in topics if takes(topic)] for key, topics in known.items()}
        if any(found.values()):
            return {key: topics for key, topics in found.items() if topics}
    return {}


def unknown(name: str, known: dict[str, list[Any]]) -> str:
    if not known:
        return f"`{name}` is neither a consumer nor a topic. {NOTHING}"
    topics = {topic.name for each in known.values() for topic in each}
    by_class = {key.rpartition(".")[2]: key for key in known}
    meant = f" (did you mean {by_class[name]!r}?)" if name in by_class else near(name, [*known, *topics])
    text = f"`{name}` is neither a registered consumer nor a topic of one{meant}."
    return text if meant else f"{text} Consumers: {', '.join(known)}. Topics: {', '.join(sorted(topics))}."


# ---- for people ----------------------------------------------------------------------------------------------------


def lines_of(consumer: dict[str, Any]) -> Iterator[str]:
    group = f" (group {consumer['group']})" if consumer["group"] else ""
    yield from wrap(0, f"{consumer['consumer']}{group}")
    yield from wrap(1, f"{consumer['path']}: {consumer['means']}")
    for reason in consumer["reasons"]:
        yield from wrap(2, f"not faster: {reason}")
    if consumer["refusal"]:
        yield from wrap(2, f"cannot run: {consumer['refusal']}")
    if not consumer["topics"]:
        yield from wrap(1, "no topics")
    for topic in consumer["topics"]:
        yield from lines_of_topic(topic)


def lines_of_topic(topic: dict[str, Any]) -> Iterator[str]:
    yield from wrap(1, f"topic {topic['topic']} ({topic['class']})")
    most = topic["messages_at_a_time"]
    if topic["takes_batches"]:
        words = [f"consume_batch() gets {f'up to {most} messages' if most > 1 else 'one message'} at a time"]
    else:
        words = ["consume() gets each message"]
    if topic["atomic"]:
        words.append("in a transaction" + (" with their offsets" if topic["offsets_in_database"] else ""))
    yield from wrap(2, ", ".join(words))
    for model in topic["models"]:
        yield from lines_of_model(model)


def lines_of_model(model: dict[str, Any]) -> Iterator[str]:
    if "error" in model:
        rows = f"rows of {model['model']}" if model["model"] else "rows"
        yield from wrap(2, f"{rows}: {model['error']}")
        return
    yield from wrap(2, f"rows of {model['model']} in database {model['using']!r}: {model['path']}")
    for reason in model["reasons"]:
        yield from wrap(3, f"not {reason['against']}: {reason['reason']}")
    schema = model.get("schema")
    if schema is None:
        return
    name = f"schema {schema['subject']}" if "subject" in schema else "schema"
    if "version" in schema:
        name += f", version {schema['version']}"
    if "unknown" in schema:
        yield from wrap(3, f"{name}: {schema['unknown']}")
    elif schema["copied"]:
        yield from wrap(3, f"{name}: is copied")
    for reason in schema.get("reasons", ()):
        yield from wrap(3, f"{name}: not copied: {reason}")


def wrap(depth: int, text: str) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent="  " * depth,
        subsequent_indent="  " * (depth + 2),
        break_long_words=False,
        break_on_hyphens=False,
    )
