# SPDX-License-Identifier: MIT
"""Client options that are no options, or that would lose messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.checks import CheckMessage, Error, Warning

from django_kafka.logs.clean import repr_of


def check_client_config(config: Mapping[Any, Any], where: str) -> list[CheckMessage]:
    """What is wrong with a client's configuration. where: for the text."""
    messages: list[CheckMessage] = []
    if str(config.get("enable.auto.offset.store", False)).lower() in ("true", "1", "t"):
        messages.append(
            Warning(
                f"{where}: 'enable.auto.offset.store' is on. It would count a message as finished as soon as it "
                "is fetched: one whose handler fails or is interrupted would be lost. The option is ignored.",
                hint="Remove it: django_kafka stores the offset of a message when its handler has succeeded.",
                id="django_kafka.W002",
            )
        )
    for key in config:
        if not isinstance(key, str):
            messages.append(Error(f"{where}: the key {repr_of(key)} is not a string.", id="django_kafka.E005"))
        elif "_" in key and not key.endswith("_cb") and key not in _KEYS_WITH_UNDERSCORE:
            messages.append(
                Error(
                    f"{where}: {key!r} is not a client option (did you mean {key.replace('_', '.')!r}?).",
                    id="django_kafka.E005",
                )
            )
    return messages


# Callables are the only client options with an underscore in their names.
_KEYS_WITH_UNDERSCORE = frozenset({"on_commit", "on_delivery"})
