# SPDX-License-Identifier: MIT
"""`manage.py kafka_connect`, called in this process."""

from __future__ import annotations

import io

from django.core.management import CommandError, call_command


def run(*arguments: str, code: int = 0) -> tuple[str, str]:
    """What the command prints, and its error. code: 1 for a CommandError."""
    out = io.StringIO()
    try:
        call_command("kafka_connect", *arguments, stdout=out, skip_checks=True, no_color=True)
    except CommandError as failure:
        assert code == 1, f"{out.getvalue()}{failure}"
        return out.getvalue(), f"{failure}\n"
    assert code == 0, out.getvalue()
    return out.getvalue(), ""


def lines(*arguments: str, code: int = 0) -> list[str]:
    """The lines that it prints, without its error."""
    return run(*arguments, code=code)[0].splitlines()
