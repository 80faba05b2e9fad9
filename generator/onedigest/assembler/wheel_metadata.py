"""Knows the files of a wheel's .dist-info: WHEEL, METADATA, RECORD and entry points."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping

from onedigest.assembler.entry import Entry, check_path
from onedigest.assembler.refusal import Refused
from onedigest.assembler.zip_member import Member

LAUNCHERS = 10_000
"""Bound of what one wheel may start."""

_LAUNCHER = """\
#!/{venv}/bin/python
import sys

from {module} import {name}

if __name__ == "__main__":
    sys.exit({call}())
"""
_ENTRY_POINT = re.compile(r"([\w.]+)\s*:\s*([\w.]+)\s*(\[.*\])?")
_IDENTITY = ("name", "version", "wheel-version")
_HEADER = re.compile(r"([!-9;-~]+):(.*)", re.DOTALL)
_RECORD_HASH = re.compile(r"sha256=[\w-]{43}|sha384=[\w-]{64}|sha512=[\w-]{86}", re.ASCII)
_PUBLIC_VERSION = re.compile(
    r"v?(?:(\d+)!)?(\d+(?:\.\d+)*)(?:[-_.]?(alpha|a|beta|b|preview|pre|rc|c)[-_.]?(\d*))?"
    r"(?:-(\d+)|([-_.]?)(post|rev|r)[-_.]?(\d*))?([-_.]?dev[-_.]?(\d*))?(?:\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?",
    re.ASCII,
)
_LONGEST_VERSION = 256
_PRE_RELEASE = {"alpha": "a", "beta": "b", "preview": "rc", "pre": "rc", "c": "rc"}


def file_name_identity(name: str) -> tuple[str, str]:
    """Return name and version as the file name of a wheel states them (binary distribution format)."""
    parts = name.removesuffix(".whl").split("-")
    if not name.endswith(".whl") or len(parts) not in (5, 6):
        raise Refused("identity", f"{name}: not the file name of a wheel")
    return parts[0], parts[1]


def same_identity(found: tuple[str, str], expected: tuple[str, str]) -> bool:
    """Tell whether two (name, version) pairs are spellings of the same."""
    if not found[0].isascii():  # some letters have small ones in ASCII
        return False
    return canonical_name(found[0]) == canonical_name(expected[0]) and (
        canonical_version(found[1]) == canonical_version(expected[1])
    )


def canonical_name(name: str) -> str:
    """Normalise a project name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def canonical_version(version: str) -> tuple[object, ...]:
    """Return a key that is equal for equal versions (PEP 440); any other text is equal to itself only."""
    match = _PUBLIC_VERSION.fullmatch(version.strip().lower()) if len(version) <= _LONGEST_VERSION else None
    if not match or not version.isascii():
        return (version,)
    epoch, release, pre, pre_number, post, _, post_word, post_number, dev, dev_number, local = match.groups()
    numbers = [int(number) for number in release.split(".")]
    while len(numbers) > 1 and not numbers[-1]:
        numbers.pop()
    return (
        int(epoch or 0),
        *numbers,
        pre and (_PRE_RELEASE.get(pre, pre), int(pre_number or 0)),
        int(post or post_number or 0) if post or post_word else None,
        int(dev_number or 0) if dev else None,
        local and tuple(part.lstrip("0") or "0" if part.isdigit() else part for part in re.split("[-_.]", local)),
    )


def find_info(wheel: str, members: Mapping[str, Member], expected: tuple[str, str]) -> str:
    """Return the name of the one .dist-info directory, which must be of the project and version expected."""
    infos = {name.partition("/")[0] for name in members if name.partition("/")[0].endswith(".dist-info")}
    if len(infos) != 1 or not all(f"{info}/{each}" in members for info in infos for each in ("WHEEL", "METADATA")):
        raise Refused("wheel", f"{wheel}: needs exactly one .dist-info directory, with WHEEL and METADATA")
    info = infos.pop()
    wheel_version = _headers(members[f"{info}/WHEEL"]).get("wheel-version", "")
    if not re.fullmatch(r"1\.\d+", wheel_version, re.ASCII):
        raise Refused("wheel", f"{wheel}: Wheel-Version {wheel_version!r}, 1.x is needed")
    metadata = _headers(members[f"{info}/METADATA"])
    name, _, version = info.removesuffix(".dist-info").rpartition("-")
    for found in (name, version), (metadata.get("name", ""), metadata.get("version", "")):
        if not same_identity(found, expected):
            raise Refused("identity", f"{wheel}: holds {' '.join(found)}, {' '.join(expected)} is expected")
    return info


def record_hashes(wheel: str, members: Mapping[str, Member], info: str) -> dict[str, str]:
    """Return the hash of each member that RECORD lists, written as there (PEP 376)."""
    if f"{info}/RECORD" not in members:
        raise Refused("record", f"{wheel}: no RECORD")
    unhashed = {f"{info}/RECORD", f"{info}/RECORD.jws", f"{info}/RECORD.p7s"}
    found: dict[str, str] = {}
    for row in _rows(wheel, _text(members[f"{info}/RECORD"])):
        member = members.get(row[0])
        if row[0] in unhashed or not member:
            continue
        if len(row) != 3 or not _RECORD_HASH.fullmatch(row[1]):
            raise Refused("record", f"{wheel}: RECORD has no valid hash for {row[0]}")
        if row[2] not in ("", str(member.size)) or found.get(row[0], row[1]) != row[1]:
            raise Refused("record", f"{wheel}: RECORD contradicts the zip file or itself on {row[0]}")
        found[row[0]] = row[1]
    return found


def _rows(wheel: str, record: str) -> Iterator[list[str]]:
    """Yield the rows of RECORD that are not empty, one by one: there may be millions of empty ones."""
    try:
        yield from filter(None, csv.reader(io.StringIO(record, newline=""), strict=True))
    except csv.Error as error:
        raise Refused("record", f"{wheel}: RECORD is not valid CSV ({error})") from None


def new_record(entries: list[Entry], site: str, info: str) -> bytes:
    """Write RECORD anew: relative paths, sorted, LF, fields quoted only where they must be.

    Entries outside of `site`, …/lib/python3.N/site-packages, are of the virtual environment that it is in.
    """
    venv = site.rpartition("/lib/")[0]

    def relative(path: str) -> str:
        inside = path.removeprefix(f"{site}/")
        return inside if inside != path else "../../../" + path.removeprefix(f"{venv}/")

    def quoted(field: str) -> str:
        return '"' + field.replace('"', '""') + '"' if re.search('[,"]', field) else field

    rows = [(relative(entry.path), f"{entry.digest},{entry.size}") for entry in entries]
    rows.append((f"{info}/RECORD", ","))
    return "".join(f"{quoted(path)},{rest}\n" for path, rest in sorted(rows)).encode()


def launchers(wheel: str, member: Member | None, venv: str) -> dict[str, bytes]:
    """Return the launcher of each console and GUI entry point, by file name (entry points specification).

    They start the Python of the virtual environment `venv`.
    """
    found: dict[str, bytes] = {}
    section = ""
    for raw_line in _text(member).split("\n") if member else ():
        line = raw_line.strip()
        if not line or line[0] in "#;":
            continue
        if line[0] == "[" and line[-1] == "]":
            section = line[1:-1].strip()
        elif section in ("console_scripts", "gui_scripts"):
            name, text = _launcher(wheel, line, venv)
            if found.setdefault(name, text) != text:
                raise Refused("entry-point", f"{wheel}: two entry points are called {name}")
            if len(found) > LAUNCHERS:
                raise Refused("limit", f"{wheel}: more than {LAUNCHERS} entry points")
    return found


def _launcher(wheel: str, line: str, venv: str) -> tuple[str, bytes]:
    name, _, value = (part.strip() for part in line.partition("="))
    match = _ENTRY_POINT.fullmatch(value)
    words = [*match[1].split("."), *match[2].split(".")] if match else [""]
    if not match or not name or "/" in name or not all(word.isidentifier() for word in words):
        raise Refused("entry-point", f"{wheel}: entry point {line!r} cannot become a launcher")
    check_path(wheel, name)
    text = _LAUNCHER.format(venv=venv, module=match[1], name=match[2].partition(".")[0], call=match[2])
    return name, text.encode()


def _headers(member: Member) -> dict[str, str]:
    """Return the headers of a file of a .dist-info, up to the first line that is none, as every reader finds them.

    Some readers take a carriage return for the end of a line, and of a header that is there twice one or the other.
    Raises `Refused` where that makes a difference to a header that is looked at.
    """
    text = _text(member)
    found = _read_headers(member.label, text.replace("\r\n", "\n").split("\n"))
    if "\r" in text:
        other = _read_headers(member.label, io.StringIO(text, newline=None).read().split("\n"))
        if any(other.get(name) != found.get(name) for name in _IDENTITY):
            raise Refused("wheel", f"{member.label}: carriage returns that readers understand differently")
    return found


def _read_headers(label: str, lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    last = ""
    for line in lines:
        if line[:1] in (" ", "\t") and last:
            found[last] += "\n" + line
            continue
        match = _HEADER.fullmatch(line)
        if not match:
            break
        last = match[1].lower()
        if last in found and last in _IDENTITY:
            raise Refused("wheel", f"{label}: {match[1]} is there twice")
        found[last] = match[2].strip()
    return found


def _text(member: Member) -> str:
    try:
        return member.read().decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("wheel", f"{member.label}: not UTF-8") from None
