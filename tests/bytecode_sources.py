"""Sources of the vectors of bytecode format 1: each kind of syntax, odd values, odd bytes, and what is left out."""

from __future__ import annotations

SOURCES: dict[str, tuple[int, bytes]] = {
    "empty": (11, b""),
    "blank": (11, b"\n\n"),
    "comment": (11, b"# nothing\n"),
    "no-final-newline": (11, b"a = 1"),
    "crlf": (11, b"'''one\r\ntwo'''\r\nif a:\r\n    b = 1\r\n"),
    "cr": (11, b"a = 1\rb = 2\r"),
    "form-feed": (11, b"a = 1\n\x0c\ndef f():\n\x0c    return a\n"),
    "tabs": (11, b"if a:\n\tb = 1\n\tif b:\n\t\tc = 2\n"),
    "byte-order-mark": (11, b"\xef\xbb\xbf'''\xc3\xa9'''\n"),
    "latin-1": (11, b"# -*- coding: latin-1 -*-\na = '\xe9'\n"),
    "cp1251": (11, b"#!/usr/bin/python\n# vim: set fileencoding=cp1251 :\na = '\xcf\xf0\xe8'\n"),
    "utf-8-sig": (11, b"# coding: utf-8-sig\na = '\xc3\xa9'\n"),
    "shebang": (11, b"#!/usr/bin/env python3\nprint(1)\n"),
    "identifiers": (11, "é = 1\n\uff58 = é\nclass Ω:\n    def ª(self, 中文, *, ﬁ=1): return 中文, ﬁ\n".encode()),
    "long-names": (11, b"a%s = b.%s\n" % (b"a" * 300, b"b" * 300)),
    "long-texts": (11, b"a = '%s', '%s', b'%s', '%s'\n" % (b"x" * 255, b"x" * 256, b"y" * 300, b"a b" * 100)),
    "surrogates": (11, rb"a = '\ud800', '\udfff\ud800', '\U0010ffff', '\x00', '\x7f', '\x80', '\xff', '\u0100'"),
    "names-that-are-none": (11, b"a = '<module>', '', 'a.b', 'a b', '1', '_', 'a_1', 'A', b'a', b'', 'a\\n'\n"),
    "integers": (
        11,
        b"a = 0, 1, -1, 255, 256, -5, -6, 2**31 - 1, 2**31, -2**31, -2**31 - 1, 2**30, 2**60, 2**63, 10**100, -10**100\n",
    ),
    "floats": (
        11,
        b"a = 0.0, -0.0, 1.0, 1, True, 1e308, 1e309, -1e309, 5e-324, 1e309 - 1e309, -(1e309 - 1e309), 0.1, .1e-400, 2 ** -1\n",
    ),
    "complex": (11, b"a = 0j, -0j, 1j, 1e309j, 1j * 1e309, 0.0, 1 + 0j, -1j, 0 - 0j\n"),
    "types-stay-apart": (
        11,
        b"a = (1, 1.0, True, 1 + 0j), (1,), (1.0,), (True,), ((0.0,), (-0.0,)), ('a',), (b'a',), ((1, (1.0,)), (1, (1,)))\n",
    ),
    "equal-values": (
        11,
        b"def f(): return (1, 'a b', 1.5), 'a b', 1000000\ndef g(): return (1, 'a b', 1.5), 'a b', 1000000, b'x', b'x'\n",
    ),
    "sets": (
        11,
        b"a in {'b', 'a', 'c'}\na in {1, 2.0, 'a', b'a', None, ..., (1, 2), (1, 'a'), (1.0,), True, -1, 2**40, 3j}\n"
        b"for b in {('x', 1), ('x', 1.5), 'x'}: pass\nc = ('x', 1.5), 'x'\n",
    ),
    "ellipsis": (11, b"...\na = ..., None, True, False, NotImplemented, __debug__\n"),
    "folding": (
        11,
        b"a = 'ab' * 5, 3 * (1, 2), (1, 2) + (3,), 'abc'[1], 7 // 2, -7 % 3, 1 << 40, ~5, not 1, 'a' 'b'\n",
    ),
    "slices": (11, b"a[1:2], a[:], a[::-1], a[1:2, 'x':, ...], a[b:1]\na[1:2] = b\ndel a[1:2]\n"),
    "statements": (
        11,
        b"import a, b.c, d as e\nfrom . import f\nfrom ..g.h import i as j, k\nfrom l import *\n"
        b"m = n = o, *p = q\nr += 1\nr @= 2\ns: int = 1\nt: 'str'\n(u): v = 1\ndel w, x.y, z[0]\nassert a, 'why'\nassert b\n"
        b"if a: pass\nelif b: c\nelse: d\nwhile a: break\nelse: continue_\nfor a, (b, *c) in d: continue\nelse: e\nraise a from b\n",
    ),
    "expressions": (
        11,
        b"a = b if c else d\n(e := f)\ng = h and i or not j\nk = l < m <= n != o is p is not q in r not in s\n"
        b"t = {**a, 'b': c}, {*d, e}, [*f], (*g,)\nu = v(w, *x, y=z, **aa)\nab = -a + ~b ** +c // d % e @ f & g | h ^ i << j >> k\n"
        b"l = lambda: 0\nm = lambda a, /, b=1, *c, d, e=2, **f: (a, f)\n",
    ),
    "comprehensions": (
        11,
        b"a = [b for c in d if e for f in g], {h for i in j}, {k: l for m, n in o}, (p for q in r)\n"
        b"def s(t): return [[u, t] for u in [v for v in t]], [lambda: w for w in t], {x: (y := x) for x in t}\n",
    ),
    "format-strings": (
        11,
        b"a = f'', f'a', f'{b}', f'{b!r:>{c}}', f'{b=}', f'{b!s}x{c!a}', f'{{}}', f'{b:%Y}', rf'\\{b}', f'{b}' 'c' f'{d}'\n",
    ),
    "functions": (
        11,
        b"def f(a, /, b: int = 1, *c: 'x', d, e=2, **f) -> None:\n    'Doc.'\n    global g\n    g = a\n"
        b"    def h():\n        nonlocal b\n        b = lambda: (a, b, d)\n        return h\n    return h\n"
        b"@a\n@b.c(1)\ndef i(): yield\ndef j(): k = yield from i(); return (yield k)\n",
    ),
    "nested-functions": (
        11,
        b"def a(x):\n def b(y):\n  def c(z):\n   def d(): return x, y, z, lambda: [x for y in z if (lambda: y)]\n   return d\n"
        b"  return c\n return b\n",
    ),
    "classes": (
        11,
        b"class A: pass\nclass B(A, c.D, *e, metaclass=f, **g):\n    'Doc.'\n    __slots__ = ('a', '__b')\n    x: int\n"
        b"    y: list[int] = []\n    def m(self): return super().m(), __class__, self.__private\n"
        b"    class C:\n        z = [x for x in y]\n",
    ),
    "async": (
        11,
        b"async def f():\n    async for a in b: await a\n    async with c as d, e: yield [g async for g in h if await g]\n"
        b"    return\nasync def i(): return await j, (k async for k in l)\n",
    ),
    "try": (
        11,
        b"def f():\n    try: a\n    except (B, C) as d: return 1\n    except E: raise\n    else: g\n    finally: h\n"
        b"    for i in j:\n        try: continue\n        finally: k\n    with l as m, n: return 2\n",
    ),
    "except-star": (11, b"try: a\nexcept* B as c: d\nexcept* (E, F): g\n"),
    "match": (
        11,
        b"match a:\n    case 1 | -1 | 1.5 | 'x' | b'y' | None | True: b\n    case [c, *_, d] if e: f\n    case {'k': g, **h}: i\n"
        b"    case J(k, l=m): n\n    case o.p: q\n    case (1 + 2j): r\n    case [[s], (t, u)] as v: w\n    case _: x\n",
    ),
    "future": (11, b"'''Doc.'''\nfrom __future__ import annotations\ndef f(a: b.c[d]) -> 'e': x: f = 1\n"),
    "chain": (11, b"a = b" + b" + b" * 500 + b"\n"),
    "many-names": (11, b"".join(b"a%d = b%d\n" % (each, each) for each in range(300))),
    "many-constants": (11, b"a = [%s]\n" % b", ".join(b"%d.5" % each for each in range(300))),
    "long-tuple": (11, b"a = (%s)\n" % b", ".join(b"%d" % each for each in range(300))),
    "many-lines": (11, b"a = (\n" + b"\n" * 400 + b"b.c)\n" + b"x" * 300 + b" = 1; y = 2\n"),
    "jumps": (11, b"def f(a):\n    while a:\n        if b: c\n" + b"        d = a + b\n" * 100 + b"    return e\n"),
    "generics": (
        12,
        b"def f[T](a: T) -> T: return a\nclass A[T, *U, **P](B[T]): x: T\ntype C[T: (int, str)] = list[T]\n"
        b"class D[T: int]:\n    def m[U](self, a: U): type E = T | U; return E\n",
    ),
    "format-strings-of-3.12": (12, b"a = f'{'b'}', f'{\"\\n\".join(c)}', f'{f'{d}'}', f'''{\n e # why\n}'''\n"),
    "generic-defaults": (13, b"class A[T = int, *U = *tuple[int], **P = [int]]: pass\ntype B[T = str] = T\n"),
    "annotations-of-3.14": (
        14,
        b"a: b = c\nclass D:\n    e: F\n    def g(self, h: I) -> J: k: L = 1\n    if m: n: O\n",
    ),
    "template-strings": (14, b"a = t'', t'{b}', t'{c!r:>{d}}' t'e', rt'\\{f=}'\n"),
    "except-without-brackets": (14, b"try: a\nexcept B, C: d\n"),
    "finally-that-returns": (11, b"def f():\n    for a in b:\n        try: c\n        finally: break\n"),
}
"""By name: the first minor of Python 3 that has its syntax, and the source."""

LEFT_OUT: dict[str, bytes] = {
    "syntax": b"print 'of Python 2'\n",
    "template": b"class {{ name }}: pass\n",
    "indentation": b"if a:\nb\n",
    "null-byte": b"a = '\0'\n",
    "not-utf-8": b"a = '\xe9'\n",
    "unknown-encoding": b"# coding: klingon\n",
    "extension-encoding": b"# coding: gbk\na = '\xd6\xd0'\n",
    "escaped-encoding": b"# coding: unicode_escape\na = 1\n",
    "odd-encoding-for-mark": b"\xef\xbb\xbf# coding: latin-1\n",
    "no-text-encoding": b"# coding: hex\n",
    "long-number": b"a = " + b"9" * 5000 + b"\n",
    "brackets": b"a = " + b"(" * 300 + b")" * 300 + b"\n",
    "nested-blocks": b"".join(b" " * each + b"while a:\n" for each in range(30)) + b" " * 30 + b"b\n",
    "indents": b"".join(b" " * each + b"if a:\n" for each in range(120)) + b" " * 120 + b"b\n",
    "signs": b"a = " + b"-" * 100_000 + b"1\n",
    "surrogate": "a = '\ud800'\n".encode("utf-8", "surrogatepass"),
    "await-outside": b"await a\n",
    "return-outside": b"return\n",
    "too-many-marks": b"a = [" + b"b," * 1_200_000 + b"]\n",
    "too-long": b"#" * (8 << 20) + b"\n",
}
"""By name: a source that no interpreter compiles."""
