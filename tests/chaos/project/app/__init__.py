# SPDX-License-Identifier: MIT
"""Consumers that fail as planned and write down what they do."""
