# SPDX-License-Identifier: MIT
"""`make bench`: this library side by side with other clients, on one real broker."""
