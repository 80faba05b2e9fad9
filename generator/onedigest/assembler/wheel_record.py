"""The RECORD of a wheel: what it says of its files, what is odd about that, and how a new one is written."""

from __future__ import annotations

import base64
import csv
import io
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from onedigest.assembler.entry import Entry, unpadded_base64
from onedigest.assembler.refusal import Refused
from onedigest.assembler.wheel_metadata import text_of
from onedigest.assembler.zip_directory import MEMBERS
from onedigest.assembler.zip_member import Member

ROWS = 2 * MEMBERS
"""Bound of RECORD: it may list bytecode of each member."""

_DIGEST_BYTES = {"sha256": 32, "sha384": 48, "sha512": 64}
"""The algorithms that PEP 376 allows; whatever else is stated counts for nothing."""
_USUAL = re.compile(r"sha256=[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
"""A sha256 as PEP 376 spells it; its last character has four bits."""
_MOST_SHOWN = 40
_MOST_DIGITS = 20


class Record(NamedTuple):
    """What a wheel's RECORD says: the hash of each member, spelled as PEP 376 has it, and what is odd about others.

    A member without a hash is one that RECORD says nothing usable of. `oddity` is the first of those that are odd, in
    words that follow "RECORD", and `odd` counts the files.
    """

    hashes: Mapping[str, str]
    oddity: str = ""
    odd: int = 0

    def warning(self, wheel: str) -> str:
        """Return what a reader is told of a wheel whose RECORD is odd; empty for any other."""
        more = f", and is odd about {self.odd - 1} more file{'s' if self.odd > 2 else ''}" if self.odd > 1 else ""
        return f"{wheel}: RECORD {self.oddity}{more}; the image has a RECORD of what is there" if self.odd else ""


def read_record(wheel: str, members: Mapping[str, Member], info: str, kept: frozenset[str]) -> Record:
    """Return what RECORD says of the members that are `kept`; it has to be there, and to be read.

    Raises `Refused` (`record`).
    """
    if f"{info}/RECORD" not in members:
        raise Refused("record", f"{wheel}: no RECORD")
    hashes: dict[str, str] = {}
    found: dict[str, str] = {}
    absent, count = "", 0
    for row in _rows(wheel, text_of(members[f"{info}/RECORD"]).removeprefix("\ufeff")):
        name = row[0] if row[0] in members else _plain(row[0])
        if name in kept:
            stated, oddity = _statement(row, members[name])
            if stated and hashes.setdefault(name, stated) != stated:
                hashes[name], oddity = "", f"states two hashes of {name}"
            found[name] = found.get(name) or oddity
        elif name not in members and not _is_left_out(name):
            absent, count = absent or f"lists {_shown(row[0])}, which is not there", count + 1
    oddities = [found.get(name, f"does not list {name}") for name in members if name in kept]
    oddities = [*filter(None, oddities), *filter(None, [absent])]
    return Record(hashes, oddities[0], len(oddities) + max(count - 1, 0)) if oddities else Record(hashes)


def new_record(entries: list[Entry], site: str, info: str) -> bytes:
    """Write RECORD anew: relative paths of files, sorted, LF, fields quoted only where they must be.

    Entries outside of `site`, …/lib/python3.N/site-packages, are of the virtual environment that it is in.
    """
    venv = site.rpartition("/lib/")[0]

    def relative(path: str) -> str:
        inside = path.removeprefix(f"{site}/")
        return inside if inside != path else "../../../" + path.removeprefix(f"{venv}/")

    def quoted(field: str) -> str:
        return '"' + field.replace('"', '""') + '"' if re.search('[,"]', field) else field

    rows = [(relative(entry.path), f"{entry.digest},{entry.size}") for entry in entries if entry.kind == "file"]
    rows.append((f"{info}/RECORD", ","))
    return "".join(f"{quoted(path)},{rest}\n" for path, rest in sorted(rows)).encode()


def _rows(wheel: str, record: str) -> Iterator[list[str]]:
    """Yield the rows of RECORD that are not empty, one by one: there may be millions of empty ones."""
    try:
        for number, row in enumerate(filter(None, csv.reader(io.StringIO(record, newline="")))):
            if number >= ROWS:
                raise Refused("limit", f"{wheel}: more than {ROWS} rows in RECORD")
            yield row
    except csv.Error as error:
        raise Refused("record", f"{wheel}: RECORD is not valid CSV ({error})") from None


def _plain(path: str) -> str:
    """Return a path as the zip file has it, where RECORD has backslashes, or begins at the root or at `.`."""
    return re.sub(r"\A(?:\.?/)+", "", path.replace("\\", "/"))


def _is_left_out(path: str) -> bool:
    """Tell whether a row is about bytecode, or about what is beside site-packages, which installers wrote."""
    return path.endswith(".pyc") or path.startswith("../")


def _statement(row: list[str], member: Member) -> tuple[str, str]:
    """Return the hash that a row states, where it can be used, and what is odd about the row; either may be empty."""
    name, field, size = member.name, *(*row[1:], "", "")[:2]
    if size.strip().isdecimal() and (other := int(size.strip()[:_MOST_DIGITS])) != member.size:
        # such as a file that was signed after RECORD was written: the row is not about what is there
        return "", f"states {other} bytes for {name}, which has {member.size}"
    stated = _hash(field)
    if not stated:
        return "", f"has no usable hash of {name} ({_shown(field)})" if field else f"has no hash of {name}"
    if stated != field:
        return stated, f"spells the hash of {name} oddly ({_shown(field)})"
    if row[0] != name:
        return stated, f"lists {name} as {_shown(row[0])}"
    if len(row) != 3 or size not in ("", str(member.size)):
        return stated, f"has no row of three columns with a size for {name}"
    return stated, ""


def _hash(field: str) -> str:
    """Return a hash as PEP 376 spells it, from that, padded or plain base64, or hexadecimal digits; empty for none."""
    if _USUAL.fullmatch(field):
        return field
    algorithm, _, value = field.strip().partition("=")
    algorithm, value = algorithm.lower().replace("-", ""), value.strip()
    count = _DIGEST_BYTES.get(algorithm, 0)
    if not count:
        return ""
    if re.fullmatch(rf"[0-9A-Fa-f]{{{2 * count}}}", value):
        return f"{algorithm}={unpadded_base64(bytes.fromhex(value))}"
    value = value.rstrip("=").translate(str.maketrans("+/", "-_"))
    if not re.fullmatch(rf"[\w-]{{{-(-count * 4 // 3)}}}", value, re.ASCII):
        return ""
    return f"{algorithm}={unpadded_base64(base64.urlsafe_b64decode(value + '=' * (-len(value) % 4)))}"


def _shown(text: str) -> str:
    return repr(text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "…")
