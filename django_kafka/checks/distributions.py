# SPDX-License-Identifier: MIT
"""Which of the two packages with this import name is installed."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register

from django_kafka import DISTRIBUTION


@register(Tags.compatibility, "django_kafka")
def check_distributions(app_configs: Any = None, **_: Any) -> list[CheckMessage]:
    """The original and this replacement have the same import name: only one of them can be installed."""
    installed = [name for name in ("django-kafka", DISTRIBUTION) if _is_installed(name)]
    if len(installed) < 2:
        return []
    return [
        Warning(
            f"Both {installed[0]} and {installed[1]} are installed. They share the import name django_kafka, so it "
            "depends on the order of installation whose files are in use.",
            hint=f"pip uninstall -y {installed[0]} {installed[1]} && pip install {DISTRIBUTION}",
            id="django_kafka.W001",
        )
    ]


def _is_installed(distribution: str) -> bool:
    try:
        version(distribution)
    except PackageNotFoundError:
        return False
    return True
