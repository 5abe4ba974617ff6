# SPDX-License-Identifier: MIT
"""A consumer of Avro."""
