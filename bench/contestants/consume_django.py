# SPDX-License-Identifier: MIT
"""A Consumer class of a Django project, its loop in this process: one file for this library and its peer."""

from __future__ import annotations

import os

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "benchsettings"
django.setup()

from benchapp.consumers import BenchConsumer  # noqa: E402

consumer = BenchConsumer()
if hasattr(consumer, "run"):
    consumer.run()
else:
    consumer.start()
