# SPDX-License-Identifier: MIT
"""Connectors as classes: `@kafka.connectors() class Orders(Connector): config = {"connector.class": …}`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django_kafka.conf import settings
from django_kafka.connect.answers import ConnectorStatus, State, body_of, errors_of, is_ok, refusal
from django_kafka.connect.client import KafkaConnectClient
from django_kafka.exceptions import DjangoKafkaError

__all__ = ["Connector", "ConnectorStatus", "Name", "Prerequisite"]

NOT_FOUND = 404
# The remedy for a table that is not there.
MIGRATE = "-- manage.py migrate"


class Name:
    """The name of a connector: that of its class, behind the setting CONNECTOR_NAME_PREFIX and a dot."""

    def __get__(self, obj: object | None, owner: type) -> str:
        prefix = settings.CONNECTOR_NAME_PREFIX
        return f"{prefix}.{owner.__name__}" if prefix else owner.__name__


@dataclass(frozen=True)
class Prerequisite:
    """Something outside of Kafka Connect that a connector needs and does not have.

    severity: "error" or "warning". remedy: SQL, or what else mends it; "" if nobody can know."""

    severity: str
    text: str
    remedy: str = ""


class Connector(ABC):  # noqa: B024 - `config` is abstract
    """A connector of the cluster that CONNECT_HOST names. Making an object asks nothing of it.

    Errors of the methods that ask: DjangoKafkaError when the answer is no, with requests' Response as its `context`;
    those of requests when there is none."""

    name: Any = Name()
    # Whether `kafka_connect --publish` deletes it instead.
    mark_for_removal = False

    if TYPE_CHECKING:
        config: Any  # a class attribute or a property, as the project likes
    else:

        @property
        @abstractmethod
        def config(self) -> dict[str, Any]:
            """The configuration, by the options' names; usually a plain class attribute."""

    def __init__(self) -> None:
        """Errors: DjangoKafkaError without the setting CONNECT_HOST."""
        self.client = make_client()

    @property
    def final_config(self) -> dict[str, Any]:
        """What is validated and published."""
        return dict(self.config)

    def prerequisites(self) -> list[Prerequisite]:
        """What is missing outside of Kafka Connect; looked for by `kafka_connect --validate`."""
        return []

    def delete(self) -> bool:
        """Delete it from the cluster. Returns False when there is none."""
        response = self.client.delete(self.name)
        if response.status_code == NOT_FOUND:
            return False
        if not is_ok(response):
            raise refusal(response)
        return True

    def submit(self) -> dict[str, Any]:
        """Publish the configuration: create the connector, or change it. Returns the answer."""
        response = self.client.update_or_create(self.name, self.final_config)
        if not is_ok(response):
            raise refusal(response)
        answer: dict[str, Any] = response.json()
        return answer

    def is_valid(self, raise_exception: bool = False) -> bool:
        """Whether Kafka Connect finds no error in the configuration.

        Errors: with raise_exception also a DjangoKafkaError that names each option with its error, a line each."""
        # Connect takes the name for a part of the configuration, and misses it.
        response = self.client.validate({"name": self.name, **self.final_config})
        if not is_ok(response):
            if raise_exception:
                raise refusal(response)
            return False
        errors = errors_of(body_of(response))
        if errors and raise_exception:
            raise DjangoKafkaError("\n".join(errors), context=response)
        return not errors

    def status(self) -> str:
        """The state of the connector and of its tasks in one word, of ConnectorStatus: RUNNING when all of them run.
        A connector without any task is UNASSIGNED."""
        return self.state().status

    def state(self) -> State:
        """The state with its reason."""
        response = self.client.connector_status(self.name)
        if not is_ok(response):
            raise refusal(response)
        return State.of(body_of(response))

    def published_config(self) -> dict[str, Any] | None:
        """The configuration on the cluster, without the name; None when it is not there."""
        response = self.client.connector_config(self.name)
        if response.status_code == NOT_FOUND:
            return None
        if not is_ok(response):
            raise refusal(response)
        return {key: value for key, value in body_of(response).items() if key != "name"}


def make_client() -> KafkaConnectClient:
    """A client with a session of its own, as the settings say. Errors: DjangoKafkaError without CONNECT_HOST."""
    if not settings.CONNECT_HOST:
        raise DjangoKafkaError("Kafka `CONNECT_HOST` is not configured.")
    tls = {"verify": settings.CONNECT_VERIFY, "cert": settings.CONNECT_CERT}
    return KafkaConnectClient(
        host=settings.CONNECT_HOST,
        auth=settings.CONNECT_AUTH,
        retry=settings.CONNECT_RETRY,
        timeout=settings.CONNECT_REQUESTS_TIMEOUT,
        **{name: value for name, value in tls.items() if value is not None},
    )
