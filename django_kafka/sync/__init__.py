# SPDX-License-Identifier: MIT
"""Messages into tables: what a message says of a row, how its values become the model's, and how rows are written."""
