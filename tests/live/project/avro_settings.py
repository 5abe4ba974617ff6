# SPDX-License-Identifier: MIT
"""The project of settings.py with the consumer of Avro instead."""

from __future__ import annotations

from tests.live.project.settings import *  # noqa: F403

INSTALLED_APPS = ["django_kafka", "tests.live.project.avro"]
