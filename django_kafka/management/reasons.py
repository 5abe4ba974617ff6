# SPDX-License-Identifier: MIT
"""What a schema registry says against a schema, in a sentence."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from confluent_kafka.schema_registry import Schema
from confluent_kafka.schema_registry.error import SchemaRegistryError

_LONGEST = 300
# Confluent's registry, in the text of an error or of a list of them: {errorType:'…', description:'…',
# additionalInfo:…}
_DESCRIPTION = re.compile(r"description:\s*'(.*?)'\s*,\s*additionalInfo\s*:", re.S)


def reason_in(text: str) -> str:
    """The first reason in a registry's message, printable and of one line."""
    found = _DESCRIPTION.search(text)
    line = " ".join((found.group(1) if found else text).split())
    line = "".join(char if char.isprintable() else "?" for char in line)
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def refusal(error: SchemaRegistryError) -> str:
    return f"{reason_in(str(error.error_message))} (HTTP {error.http_status_code}, code {error.error_code})"


def ask_compatibility(client: Any, subject: str, schema: Schema) -> tuple[bool, str]:
    """Whether the registry takes the schema as the next version, and its reason if not."""
    if client.test_compatibility(subject, schema):
        return True, ""
    return False, _first_message(client, subject, schema)


def _first_message(client: Any, subject: str, schema: Schema) -> str:
    """confluent's method gives the answer without the messages that were asked for: the question is put once more,
    where its way of putting questions is known."""
    rest = vars(client).get("_rest_client")
    if rest is None:
        return ""
    path = f"compatibility/subjects/{quote(subject, safe='')}/versions/latest?verbose=true"
    try:
        messages = rest.post(path, body=schema.to_dict()).get("messages")
    except (SchemaRegistryError, AttributeError, TypeError):
        return ""
    return reason_in(str(messages[0])) if isinstance(messages, list) and messages else ""
