# SPDX-License-Identifier: MIT
"""Nothing secret in what is shown: configurations, texts of others, addresses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MASK = "********"

# Parts of option names whose values nobody should read.
_SECRET = re.compile(
    r"pass(word|wd|phrase)|secret|token|credential|jaas|api[._-]?key|access[._-]?key|private[._-]?key|ssl[._-]key"
    r"|\.pem$|keystore\.key|user[._-]?info|oauthbearer\.config|connection\.ur[il]$",
    re.IGNORECASE,
)
# A reference to a config provider, ${file:/run/secrets/db:password}, is no secret itself.
_REFERENCE = re.compile(r"\$\{[^}]+\}")
_IN_ADDRESS = re.compile(r"(?P<scheme>\b[a-z][a-z0-9+.-]*://)[^/@\s\"']+@", re.IGNORECASE)
_IN_TEXT = re.compile(
    r"(?P<name>[\w.-]*(?:password|passwd|secret|token|jaas\.config)[\w.-]*)(?P<sign>\s*[=:]\s*)(?P<value>\"[^\"]*\"|[^\s,;&}]+)",
    re.IGNORECASE,
)


def is_secret(name: str) -> bool:
    """Whether the value of an option of this name must not be shown."""
    return _SECRET.search(name) is not None


def masked(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration as it may be shown."""
    return {name: masked_value(name, value) for name, value in config.items()}


def masked_value(name: str, value: Any) -> Any:
    """The value of an option as it may be shown."""
    if value in (None, "") or (isinstance(value, str) and _REFERENCE.fullmatch(value)):
        return value
    if is_secret(name):
        if isinstance(value, str) and name.lower().endswith((".url", ".uri")):
            return masked_text(re.sub(r"(?<=[?&;])[^=&;]*(?:pass|user)[^=&;]*=[^&;]*", MASK, value))
        return MASK
    return masked_text(value) if isinstance(value, str) else value


def masked_text(text: str) -> str:
    """Somebody's text without what looks like credentials, and without what a terminal would obey."""
    text = _IN_ADDRESS.sub(rf"\g<scheme>{MASK}@", text)
    text = _IN_TEXT.sub(_mask_named, text)
    return "".join(char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}" for char in text)


def _mask_named(match: re.Match[str]) -> str:
    if _REFERENCE.fullmatch(match["value"]):
        return match[0]
    return f"{match['name']}{match['sign']}{MASK}"
