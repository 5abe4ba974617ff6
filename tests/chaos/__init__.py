# SPDX-License-Identifier: MIT
"""Real consumers on a real cluster while everything is killed in turn; a ledger says whether anything was lost."""
