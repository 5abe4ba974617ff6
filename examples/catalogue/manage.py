#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Django's command line for the catalogue."""

import os
import sys
from pathlib import Path

# So that the example also runs from a checkout that was built but not installed.
sys.path.append(str(Path(__file__).resolve().parents[2]))

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "catalogue.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
