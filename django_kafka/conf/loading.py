# SPDX-License-Identifier: MIT
"""Objects that settings name by a dotted path."""

from __future__ import annotations

import pkgutil
import re
from typing import Any

from django_kafka.conf.shown import quoted
from django_kafka.exceptions import ConfigurationError

_PATH = re.compile(r"[\w.:]+")


def load(path: Any, what: str) -> Any:
    """The object at a dotted path; anything that is not a string is given back.

    what: where the path was written, for the error. Errors: ConfigurationError."""
    if not isinstance(path, str):
        return path
    if not _PATH.fullmatch(path):
        raise ConfigurationError(f"{what}: cannot import {quoted(path)}, which is no dotted path.")
    try:
        return pkgutil.resolve_name(path)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(f"{what}: cannot import {path!r} ({error}).") from error
