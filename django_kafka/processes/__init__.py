# SPDX-License-Identifier: MIT
"""What kafka_consume runs: a supervisor, and a process of its own for each consumer.

supervisor.py and child.py know processes and signals, and nothing of Kafka; worker.py is what a child does here."""
