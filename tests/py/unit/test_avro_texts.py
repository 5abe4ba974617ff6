# SPDX-License-Identifier: MIT
"""Texts that are not ASCII, and long decimals: whatever bytes there are, they are read as CPython reads them."""

from __future__ import annotations

import decimal
import random
from collections.abc import Iterator

import pytest

from django_kafka._native import AvroSchema, DecodeError

TEXT = AvroSchema('"string"')

# One of each length, and of each border between lengths and kinds of str.
EDGES = (*"a\x7f\x80\xff\u0100\u07ff", *"\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff")
# What can stand in four bytes where UTF-8 is decided.
BYTES = (
    0x00,
    0x7F,
    0x80,
    0x8F,
    0x90,
    0x9F,
    0xA0,
    0xBF,
    0xC0,
    0xC1,
    0xC2,
    0xDF,
    0xE0,
    0xE1,
    0xED,
    0xEF,
    0xF0,
    0xF4,
    0xF5,
)


def framed(data: bytes) -> bytes:
    return AvroSchema('"bytes"').encode(data)


def check(data: bytes) -> None:
    try:
        wanted = data.decode()
    except UnicodeDecodeError:
        with pytest.raises(DecodeError, match="not valid UTF-8"):
            TEXT.decode(framed(data))
    else:
        read = TEXT.decode(framed(data))
        assert read == wanted, data
        assert hash(read) == hash(wanted)  # the same characters in the same kind of str


@pytest.mark.parametrize("around", [0, 1, 15, 16, 17, 31, 32, 33, 70])
def test_every_character_in_every_place(around: int) -> None:
    for fill in EDGES:
        for char in EDGES:
            for before in range(around + 1) if around < 40 else (31, 33, 63, 65):
                text = fill * before + char + fill * (around - min(before, around))
                read = TEXT.decode(TEXT.encode(text))
                assert read == text
                assert (read.__sizeof__(), hash(read)) == ("".join(list(text)).__sizeof__(), hash(text))


def sequences() -> Iterator[bytes]:
    for first in BYTES:
        yield bytes([first])
        for second in BYTES:
            yield bytes([first, second])
            for third in BYTES:
                yield bytes([first, second, third])


@pytest.mark.parametrize("place", [0, 29, 30, 31, 32, 61, 64])
def test_what_is_not_utf8_is_refused(place: int) -> None:
    for sequence in sequences():
        check(b"x" * place + sequence)
        check(b"x" * place + sequence + b"y" * 40)
        check("é".encode() * 20 + b"x" * place + sequence + "я".encode() * 20)


def test_four_bytes_that_are_nearly_utf8() -> None:
    for first in (0xF0, 0xF1, 0xF4, 0xF5):
        for second in (0x7F, 0x80, 0x8F, 0x90, 0xBF, 0xC0):
            for third in (0x7F, 0x80, 0xBF, 0xC0):
                for last in (b"", b"\x80", b"\xbf", b"\xc0", b"a"):
                    check("я".encode() * 30 + bytes([first, second, third]) + last)
                    check(bytes([first, second, third]) + last + b"z" * 40)


def test_random_texts() -> None:
    seeded = random.Random(7)
    for _ in range(3000):
        alphabet = seeded.sample(EDGES, seeded.randint(1, 4))
        text = "".join(seeded.choices(alphabet, k=seeded.randint(0, 200)))
        check(text.encode())
        damaged = bytearray(text.encode())
        if damaged:
            damaged[seeded.randrange(len(damaged))] = seeded.randrange(256)
            check(bytes(damaged))


@pytest.mark.parametrize("digits", [1, 18, 19, 20, 38, 39, 40, 57, 77, 154, 155, 156, 400])
def test_decimals_of_any_length(digits: int) -> None:
    schema = AvroSchema(
        f'{{"type": "bytes", "logicalType": "decimal", "precision": {digits}, "scale": {digits // 2}}}'
    )
    seeded = random.Random(digits)
    numbers = [0, 1, 10 ** (digits - 1), 10**digits - 1, 10 ** (digits // 2), seeded.randrange(10**digits)]
    for number in [*numbers, *(2**bits for bits in range(0, 520, 8) if 2**bits < 10**digits)]:
        for signed in {number, -number, -number - 1 if number + 1 < 10**digits else -number}:
            data = signed.to_bytes(signed.bit_length() // 8 + 1, "big", signed=True)
            with decimal.localcontext(decimal.Context(prec=1000)):
                wanted = decimal.Decimal(signed).scaleb(-(digits // 2))
            for more in (b"", b"\xff" * 3 if signed < 0 else b"\0" * 3):  # sign extension
                read = schema.decode(framed(more + data))
                assert read.as_tuple() == wanted.as_tuple(), signed
