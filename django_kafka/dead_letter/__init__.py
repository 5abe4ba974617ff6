# SPDX-License-Identifier: MIT
"""Where messages go that failed for good: topic.py writes them while consumers run, tool/ is the command's."""
