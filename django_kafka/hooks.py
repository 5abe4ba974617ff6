# SPDX-License-Identifier: MIT
"""What lower floors of the package call on higher ones: `apps.ready()` puts it in.

The registry is below consumers, and yet builds retry consumers; `kafka` is below what runs them, and yet runs them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from django_kafka.exceptions import DjangoKafkaError

if TYPE_CHECKING:
    from django_kafka.consumer import Consumer


def _not_ready(*_args: object, **_kwargs: object) -> int:
    raise DjangoKafkaError(
        "Consumers cannot run before Django is set up: call django.setup(), with 'django_kafka' in INSTALLED_APPS."
    )


# The retry consumer of a consumer class, None when it needs none. Until it is set, the registry waits with building.
build_retry_consumer: Callable[[type[Consumer]], type[Consumer] | None] | None = None

# As `django_kafka.consumer.runner.run_consumers`.
run_consumers: Callable[..., int] = _not_ready
