# SPDX-License-Identifier: MIT
"""The project of settings.py with a model that two projects write."""

from __future__ import annotations

from tests.live.project.settings import *  # noqa: F403

INSTALLED_APPS = ["django_kafka", "tests.synced", "tests.live.project.shared"]
