# SPDX-License-Identifier: MIT
"""The project of settings.py with topics that fail in every way instead."""

from __future__ import annotations

from tests.live.project.settings import *  # noqa: F403

INSTALLED_APPS = ["django_kafka", "tests.live.project.ways"]
