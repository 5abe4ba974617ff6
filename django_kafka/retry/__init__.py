# SPDX-License-Identifier: MIT
"""What happens to a message whose handler failed: `settings` says how often and when it is tried again."""
