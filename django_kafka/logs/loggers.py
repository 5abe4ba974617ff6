# SPDX-License-Identifier: MIT
"""Loggers by name. The names are public: projects configure them in LOGGING. They stay when a module moves."""

from __future__ import annotations

import logging

ROOT = logging.getLogger("django_kafka")
CLIENT_ERRORS = logging.getLogger("django_kafka.error_handlers")
CONSUMER = logging.getLogger("django_kafka.consumer.consumer")
COPIES = logging.getLogger("django_kafka.copies")
FAILURE_TOPICS = logging.getLogger("django_kafka.failure_topics")
MODEL_TOPICS = logging.getLogger("django_kafka.topic.model")
NATIVE = logging.getLogger("django_kafka.client")
PRODUCER = logging.getLogger("django_kafka.producer")
REPLAY = logging.getLogger("django_kafka.dead_letter.replay")
RUNNER = logging.getLogger("django_kafka.consumer.runner")
SUPERVISOR = logging.getLogger("django_kafka.consumer.supervisor")

# Those that clients log to unless the project gives them another one.
OF_CLIENTS = (NATIVE, CONSUMER, COPIES, REPLAY, PRODUCER)
