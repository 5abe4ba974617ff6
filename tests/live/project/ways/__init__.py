# SPDX-License-Identifier: MIT
"""An app with a topic for each way in which handling a message can fail."""
