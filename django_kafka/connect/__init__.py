# SPDX-License-Identifier: MIT
"""Kafka Connect: connectors that are classes, a client of its REST interface, and models that sync both ways."""
