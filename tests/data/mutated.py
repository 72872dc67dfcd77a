"""Bytes changed by chance, as damage and malice change them."""

from __future__ import annotations

import random

import numpy as np

NUMBERS = (
    *(b"-1", b"0", b"99999999999999999999", b"1e308", b"nan", b"inf", b"\xff", b"\xe2\x80\xa8", b"", b"%s", b"LIST"),
    *(b"../../../etc/passwd", b"(1,2,3) none (0,0,0)"),
)
"""What a text header does not expect in place of a number or a name."""


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Some bytes replaced, cut out, doubled, or a word of the text replaced."""
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 4))):
        place, kind = chance.randrange(len(data) or 1), chance.randrange(5)
        if kind == 0:
            data[place : place + 1] = bytes([chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))])
        elif kind == 1:
            del data[place : place + chance.choice((1, 2, 8, len(data)))]
        elif kind == 2:
            data[place:place] = data[place : place + 8]
        elif kind == 3:
            data[place : place + 4] = np.array(chance.choice((-1, 0, 2**31 - 1, -(2**31))), np.int32).tobytes()
        else:
            words = bytes(data).split(b" ")
            words[chance.randrange(len(words))] = chance.choice(NUMBERS)
            data = bytearray(b" ".join(words))
    return bytes(data)
