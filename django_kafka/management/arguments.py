# SPDX-License-Identifier: MIT
"""Arguments of commands."""

from __future__ import annotations

import argparse
import math


def seconds(text: str) -> float:
    """An argument that is a number of seconds, 0 or more."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds, 0 or more")
    return value
