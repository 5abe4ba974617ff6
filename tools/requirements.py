# SPDX-License-Identifier: MIT
"""Print, one a line, what a development environment needs, out of pyproject.toml, the only place where it is written.

python tools/requirements.py build      the package's own requirements and the build tools
python tools/requirements.py dev        these and the tools for tests and lint
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path


def requirements(extra: str) -> list[str]:
    """What `extra` ("build" or "dev") needs, without repeats."""
    data = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
    found = [*data["build-system"]["requires"], *data["project"]["dependencies"]]
    if extra != "build":
        found += data["project"]["optional-dependencies"][extra]
    return sorted(set(found))


if __name__ == "__main__":
    print("\n".join(requirements(sys.argv[1])))
