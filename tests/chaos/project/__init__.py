# SPDX-License-Identifier: MIT
"""The Django project whose `kafka_consume` processes are killed."""
