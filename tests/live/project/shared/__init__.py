# SPDX-License-Identifier: MIT
"""A project that writes a table which another one writes too."""
