"""The files of a wheel's .dist-info except RECORD: WHEEL, METADATA and entry points."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping

from onedigest.assembler.entry import check_path
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
_NUMBERED = {
    "pip": (re.compile(r"pip\d+(?:\.\d+)?", re.ASCII), ("pip3", "pip{}")),
    "easy_install": (re.compile(r"easy_install-\d+\.\d+", re.ASCII), ("easy_install-{}",)),
}
_IDENTITY = ("name", "version", "wheel-version")
_HEADER = re.compile(r"([!-9;-~]+):(.*)", re.DOTALL)
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


def is_of(found: tuple[str, str], expected: tuple[str, str]) -> bool:
    """Tell whether a wheel that states a (name, version) is the one expected, whose local version it may lack.

    Files get such a name after they are built, as `demo-1.0+cu12-…`, and installers take them.
    """
    name, version = expected
    return same_identity(found, expected) or same_identity(found, (name, version.partition("+")[0]))


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
    """Return the name of the one .dist-info directory, which must be of the project and version expected.

    It and METADATA say the same. Raises `Refused` (`wheel`, `identity`).
    """
    infos = {name.partition("/")[0] for name in members if name.partition("/")[0].endswith(".dist-info")}
    if len(infos) != 1 or not all(f"{info}/{each}" in members for info in infos for each in ("WHEEL", "METADATA")):
        raise Refused("wheel", f"{wheel}: needs exactly one .dist-info directory, with WHEEL and METADATA")
    info = infos.pop()
    wheel_version = _headers(members[f"{info}/WHEEL"]).get("wheel-version", "")
    if not re.fullmatch(r"1\.\d+", wheel_version, re.ASCII):
        raise Refused("wheel", f"{wheel}: Wheel-Version {wheel_version!r}, 1.x is needed")
    metadata = _headers(members[f"{info}/METADATA"])
    found = metadata.get("name", ""), metadata.get("version", "")
    if not all(found):
        raise Refused("identity", f"{wheel}: its METADATA does not begin with headers that have Name and Version")
    for each in info_identity(info), found:
        if not is_of(each, expected):
            raise Refused("identity", f"{wheel}: holds {' '.join(each)}, {' '.join(expected)} is expected")
    if not same_identity(info_identity(info), found):
        raise Refused("identity", f"{wheel}: METADATA is of {' '.join(found)}, and its directory is {info}")
    return info


def info_identity(info: str) -> tuple[str, str]:
    """Return name and version as the name of a .dist-info directory states them."""
    name, _, version = info.removesuffix(".dist-info").rpartition("-")
    return name, version


def launchers(wheel: str, member: Member | None, venv: str) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Return the launchers of console and of GUI entry points, by file name (entry points specification).

    They start the Python of the virtual environment `venv`.
    """
    sections: dict[str, dict[str, bytes]] = {"console_scripts": {}, "gui_scripts": {}}
    section = ""
    for raw_line in text_of(member).split("\n") if member else ():
        line = raw_line.strip()
        if not line or line[0] in "#;":
            continue
        if line[0] == "[" and line[-1] == "]":
            section = line[1:-1].strip()
        elif section in sections:
            name, text = _launcher(wheel, line, venv)
            if sections[section].setdefault(name, text) != text:
                raise Refused("entry-point", f"{wheel}: two entry points are called {name}")
            if len(sections[section]) > LAUNCHERS:
                raise Refused("limit", f"{wheel}: more than {LAUNCHERS} entry points")
    return sections["console_scripts"], sections["gui_scripts"]


def numbered(found: dict[str, bytes], python: str) -> dict[str, bytes]:
    """Return console launchers with those of pip and easy_install under the number of this Python, as pip makes them.

    In a wheel they have the number of the Python that it was built with.
    """
    for name, text in ((name, found[name]) for name in _NUMBERED if name in found):
        pattern, others = _NUMBERED[name]
        kept = {each: other for each, other in found.items() if not pattern.fullmatch(each)}
        found = {**kept, name: text, **{each.format(python): text for each in others}}
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
    text = text_of(member)
    if text.startswith("\ufeff"):
        raise Refused("wheel", f"{member.label}: begins with a byte order mark, so no reader finds its headers")
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


def text_of(member: Member) -> str:
    """Return the content of a small member that is to be UTF-8. Raises `Refused` (`wheel`)."""
    try:
        return member.read().decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("wheel", f"{member.label}: not UTF-8") from None
