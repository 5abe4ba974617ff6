# SPDX-License-Identifier: MIT
"""The ways of a message through the loop, a file for each; plan.py chooses."""
