# SPDX-License-Identifier: MIT
"""What a version is: the time in milliseconds, and behind it bits by chance, so that two writes of the same
millisecond do not get the same number."""

from __future__ import annotations

import random
import time
from typing import Any

from django.db.models import BigIntegerField, F, Value
from django.db.models.functions import Greatest

VERSION = "kafka_version"
GIVEN = "_kafka_version_given"  # of an object: its version is what the next save() writes, if it is not 0
RANDOM_BITS = 20
_chance = random.SystemRandom()


def new_version(floor: int = 0) -> int:
    """By the clock, and larger than `floor`."""
    return max((time.time_ns() // 1_000_000 << RANDOM_BITS) + step(), floor + step())


def step() -> int:
    return 1 + _chance.getrandbits(RANDOM_BITS)


def next_version() -> Any:
    """For an update: larger than what the row has, whatever the clock says."""
    field = BigIntegerField()
    return Greatest(F(VERSION) + Value(step(), field), Value(new_version(), field), output_field=field)


def has_version(model: Any) -> bool:
    """Whether it is a KafkaConnectVersionedModel."""
    return hasattr(model, GIVEN)
