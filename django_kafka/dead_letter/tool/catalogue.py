# SPDX-License-Identifier: MIT
"""Which dead-letter topics there are, and whose they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaException

from django_kafka import kafka
from django_kafka._native import Consumer
from django_kafka.conf import settings
from django_kafka.dead_letter.topic import DeadLetterTopicProducer
from django_kafka.exceptions import DjangoKafkaError, TopicNotRegisteredError

if TYPE_CHECKING:
    from django_kafka.topic import TopicConsumer

ASK_TIMEOUT = 10.0
# Of the reader. It never joins, and commits nothing: a group of the project is not touched.
GROUP = "django-kafka-dead-letters"


@dataclass(frozen=True)
class Owner:
    """The registered consumer that a dead-letter topic belongs to."""

    consumer: str
    group: str
    origin: str
    handler: TopicConsumer | None
    """The topic object for `origin`; None when the consumer no longer consumes it."""


def identify(name: str) -> Owner | None:
    """Whose dead-letter topic this is, judged by its name; None when no registered consumer fits."""
    found = list(_owners(name))
    # Groups may begin with each other's names: "shop" and "shop.eu".
    return max(found, key=lambda owner: (owner.handler is not None, len(owner.group)), default=None)


def _owners(name: str) -> Iterator[Owner]:
    ending = f".{DeadLetterTopicProducer.suffix()}"
    for key in kafka.consumers:
        cls: Any = kafka.consumers[key]
        if hasattr(cls, "origin_group_id"):
            continue  # a retry consumer: its dead letters go where its consumer's go
        group = cls.build_config().get("group.id")
        if not group or not name.startswith(f"{group}.") or not name.endswith(ending):
            continue
        origin = name.removesuffix(ending)[len(group) + 1 :]
        if origin:
            yield Owner(key, group, origin, _handler(cls, origin))


def _handler(cls: Any, origin: str) -> TopicConsumer | None:
    try:
        handler: TopicConsumer = cls.topics.get(topic_name=origin)
    except (TopicNotRegisteredError, AttributeError):
        return None
    return handler


def check_name(name: str) -> None:
    """Errors: DjangoKafkaError when this cannot be a dead-letter topic."""
    ending = f".{DeadLetterTopicProducer.suffix()}"
    if not name.endswith(ending) or name == ending:
        raise DjangoKafkaError(
            f"'{name}' is not a dead-letter topic: their names are <group>.<topic>{ending}; `list` shows them."
        )


class Cluster:
    """The brokers, as a reader sees them: a client and the topics with the number of their partitions."""

    def __init__(self) -> None:
        """Errors: DjangoKafkaError when no broker answers."""
        self._last_error: Any = None
        self.client = self.reader()
        try:
            found = self.client.list_topics(timeout=ASK_TIMEOUT).topics
        except KafkaException as error:
            self.client.close(1)
            raise DjangoKafkaError(f"No broker answers at {bootstrap()}: {error.args[0].str()}") from error
        self.partitions = {name: len(topic.partitions) for name, topic in found.items() if topic.error is None}

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *exc: object) -> None:
        self.client.close(ASK_TIMEOUT)

    def reader(self) -> Consumer:
        """Another client. Each reading takes its own: the end of a partition that is reported late would be taken for
        the end of the next reading."""
        return Consumer(self._config(), commit_interval=-1)

    def find(self, name: str) -> Owner | None:
        """The owner of an existing dead-letter topic, None when nobody registered owns it.

        Errors: DjangoKafkaError when there is no such topic."""
        check_name(name)
        if name not in self.partitions:
            raise DjangoKafkaError(f"There is no topic '{name}' at {bootstrap()}; `list` shows those there are.")
        return identify(name)

    def owned(self) -> dict[str, Owner]:
        """The dead-letter topics of the registered consumers."""
        owners = {name: identify(name) for name in sorted(self.partitions)}
        return {name: owner for name, owner in owners.items() if owner is not None}

    def trouble(self) -> str:
        """What the client has last complained about, for the text of an error."""
        return f" ({self._last_error})" if self._last_error is not None else ""

    def _config(self) -> dict[str, Any]:
        """The project's way to the brokers, with nothing that makes a member of a group."""
        config = {"client.id": settings.CLIENT_ID, **settings.GLOBAL_CONFIG, **settings.CONSUMER_CONFIG}
        config.pop("group.instance.id", None)
        return {
            **{key: value for key, value in config.items() if not callable(value) or key == "oauth_cb"},
            "group.id": GROUP,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "error_cb": self._note_error,
        }

    def _note_error(self, error: Any) -> None:
        self._last_error = error


def bootstrap() -> str:
    """Where the settings say that the brokers are, for texts."""
    config = {**settings.GLOBAL_CONFIG, **settings.CONSUMER_CONFIG}
    return str(config.get("bootstrap.servers") or config.get("metadata.broker.list") or "(no bootstrap.servers set)")
