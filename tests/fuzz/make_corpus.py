# SPDX-License-Identifier: MIT
"""Seeds of the fuzzers, made of the vectors in tests/vectors/avro: run it when those change.

python tests/fuzz/make_corpus.py
"""

from __future__ import annotations

import re
import shutil
from hashlib import sha1
from pathlib import Path

HERE = Path(__file__).parent
CUT = b"\xfe"


def sections(text: str) -> list[dict[str, str]]:
    found = []
    for section in text.split("\n## ")[1:]:
        blocks = re.findall(r"^```([^\n]+)\n(.*?)\n?```$", section, re.MULTILINE | re.DOTALL)
        found.append({info.removesuffix(" one-way"): body for info, body in blocks})
    return found


def write(fuzzer: str, seed: bytes) -> None:
    folder = HERE / "corpus" / fuzzer
    folder.mkdir(parents=True, exist_ok=True)
    (folder / sha1(seed).hexdigest()[:12]).write_bytes(seed)


def main() -> None:
    shutil.rmtree(HERE / "corpus", ignore_errors=True)
    for path in sorted((HERE.parent / "vectors" / "avro").glob("*.md")):
        for vector in sections(path.read_text()):
            avsc = vector.get("avsc", "").encode()
            data = bytes.fromhex(vector.get("hex", ""))
            write("schema", avsc)
            if "avsc reader" in vector:
                write("resolve", avsc + CUT + vector["avsc reader"].encode() + CUT + data)
            elif "hex" in vector:
                write("decode", avsc + CUT + data)
    guid = bytes(range(16))
    for seed in (
        b"\0\0\0\0\7x",
        b"\1" + guid + b"x",
        b"x" + CUT + b"\1" + guid,
        b"x" + CUT + b"\0\0\0\0\7",
        b"{}",
        b"\0\0",
    ):
        write("wire", seed)


if __name__ == "__main__":
    main()
