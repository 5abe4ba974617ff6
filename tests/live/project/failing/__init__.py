# SPDX-License-Identifier: MIT
"""A consumer whose handler fails as its messages want it."""
