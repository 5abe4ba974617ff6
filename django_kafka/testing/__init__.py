# SPDX-License-Identifier: MIT
"""Testing a project that uses Kafka, against a broker that starts in milliseconds.

    from django_kafka.testing import kafka_broker, run_consumer_until

    def test_orders(db):
        with kafka_broker(topics={"orders": 2}) as broker:
            broker.produce("orders", b'{"id": 1}', key=b"1")
            run_consumer_until(OrderConsumer, lambda: Order.objects.filter(pk=1).exists())

The broker is librdkafka's mock cluster; `manage.py kafka_broker` tells its limits. pytest has the same as a fixture
of the name `kafka_broker`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django_kafka.testing.broker import LocalBroker, kafka_broker
    from django_kafka.testing.consumer import run_consumer_until

__all__ = ["LocalBroker", "kafka_broker", "run_consumer_until"]


def __getattr__(name: str) -> Any:
    """Every run of pytest loads the plugin, which lies in this package: what it does not need is imported later."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "run_consumer_until":
        module = importlib.import_module("django_kafka.testing.consumer")
    else:
        module = importlib.import_module("django_kafka.testing.broker")
    value = globals()[name] = getattr(module, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
