"""What bytecode format 1 is of one source: an interpreter that gives anything else is not used."""

from __future__ import annotations

PATH = "/opt/venv/lib/known.py"

SOURCE = b"""\
# -*- coding: cp1252 -*-
'''\x93Known\x94 answers.'''
import os.path as _p
from a.b import c as \xe9, d
NUMBERS = 0, 1, True, 1.0, 0.0, -0.0, 1e999 - 1e999, 2 ** 0.5, 10 ** -3, 1j, -0j, 2 ** 200, -2 ** 31, 0xFFFFFFFF, None, ...
TEXTS = 'a', b'a', 'a b', '\\ud800', '\\N{BULLET}', 'x' * 300, b'\\0' * 300, ('', b'', ('a', (b'a', ())), ('a', (b'a', ())))
FOUND = d in {'b', 'a', b'a', 1, 2.0, None, ('b', 1), (1, 'b'), ('b', 1.0)}
class K(d.K, metaclass=type):
    x: int = 1
    @property
    def f(self, a, /, b=1, *c, d: 'int' = 2, **e) -> int:
        def g(): return a, lambda y: (b, y)
        return g if self.x else \xe9[1:2, ...]
"""
"""It has what interpreters could differ in: an encoding, names of Unicode, numbers that C computes; and nothing else.

Releases of one minor compile it to the same. They differ in rarer things, such as the lines of `finally`.
"""

ANSWERS = {
    "3.11": "485a29f5f837fbbee38c232aad110883609ec06de63a0557635f2ce44fb036de",
    "3.12": "f5440dc58817b670366b5eb4a42af812d96b29fd705a02a8dc4ea9d794135a00",
    "3.13": "8dff34a6f929d510f6cb84aa3629d4941b08c4ca8bee28c558b1b317b211ac0f",
}
"""By minor, the sha256 of the compiled file."""


def answer_of(version: str) -> str:
    """Return the sha256 of what a CPython makes of the source, or nothing where its minor was not known."""
    return ANSWERS.get(".".join(version.split(".")[:2]), "")
