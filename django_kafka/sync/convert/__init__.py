# SPDX-License-Identifier: MIT
"""Values as messages have them, into the Python values of a model's fields.

What a value means is said by the message's schema, where there is one (`semantic`), else by the field, and by what is
known of the connector (`modes`). A value that is what the field holds already stays as it is."""
