# SPDX-License-Identifier: MIT
"""What becomes of a message whose handler failed: a verdict of the consumer's comes in, one outcome goes out.

policy.py asks the consumer's overridable methods, delivery.py keeps what they say of the message, copies.py sends
what goes to a retry or dead-letter topic."""
