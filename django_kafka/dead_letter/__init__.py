# SPDX-License-Identifier: MIT
"""Where messages go that failed for good."""
