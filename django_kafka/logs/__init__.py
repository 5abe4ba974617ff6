# SPDX-License-Identifier: MIT
"""How the library logs: never so that it disturbs what it reports, and not the same thing again and again.

What it logs is listed in `django_kafka.events`."""
