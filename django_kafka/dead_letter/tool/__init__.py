# SPDX-License-Identifier: MIT
"""What kafka_dead_letters does: finds dead-letter topics; reads, chooses, shows, replays and deletes letters."""
