# SPDX-License-Identifier: MIT
"""Schemas of messages: from the registry, and made from Django models."""
