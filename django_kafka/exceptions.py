# SPDX-License-Identifier: MIT
"""The exceptions of the face, rooted at DjangoKafkaError. Those of the client are confluent_kafka's."""

from __future__ import annotations

import inspect
from typing import Any


class DjangoKafkaError(Exception):
    """Something is wrong in the use of django_kafka."""

    context: Any

    def __init__(self, *args: object, context: Any = None, **kwargs: Any) -> None:
        """`context` is whatever helps to understand the error: for Kafka Connect the HTTP response."""
        if not args and type(self) is not DjangoKafkaError:
            args = (inspect.getdoc(type(self)) or type(self).__name__,)
        super().__init__(*args, **kwargs)
        self.context = context


class TopicNotRegisteredError(DjangoKafkaError):
    """No topic of this consumer matches the name."""


class ConfigurationError(DjangoKafkaError):
    """A setting or a class attribute is wrong; the text names it and says what to do."""


class SchemaSourceError(DjangoKafkaError, ValueError):
    """No Avro schema can be made of this model or type; the text names the field. A ValueError, as the original's."""


class HandlerResultError(DjangoKafkaError):
    """A handler returned something that says neither that the message is done nor that it is not."""


class UnavailableError(DjangoKafkaError):
    """A service that is needed does not answer. No message's fault: its partition waits."""


class SchemaRegistryUnavailable(UnavailableError):
    """The schema registry does not answer."""
