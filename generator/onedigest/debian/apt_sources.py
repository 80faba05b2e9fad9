"""The sources of apt: where a machine's own Debian packages come from (sources.list(5))."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

_MOST_BYTES = 1 << 20
_MOST_FILES = 1000
_ONE_LINE = re.compile(r"[ \t]*deb[ \t]+(?:\[([^\]\n]*)\][ \t]*)?(\S+)[ \t]+(\S+)[ \t]*([^#\n]*)(?:#.*)?")
_OPTION = re.compile(r"([A-Za-z-]+)[+-]?=(\S+)")
_FIELD = re.compile(r"([A-Za-z-]+):[ \t]*(.*)")
_ADDRESS = re.compile(r"https?://[!-~]+", re.ASCII)
_NO = frozenset({"no", "false", "without", "off", "disable", "0"})


@dataclass(frozen=True, kw_only=True, slots=True)
class AptSource:
    """Where packages come from, which suites of it are read, and what apt holds them against.

    `keys` is what `Signed-By` says, which is empty for apt's own keys. `expires` tells whether a release file is
    refused after its `Valid-Until`.
    """

    address: str
    suites: tuple[str, ...]
    components: tuple[str, ...]
    keys: str
    expires: bool


def read_sources(folder: Path) -> list[AptSource]:
    """Return the sources of packages in apt's configuration folder, as apt reads them: those over HTTP alone.

    A file that cannot be read is passed over, and so is what is switched off.
    """
    below = folder / "sources.list.d"
    files = [folder / "sources.list", *sorted(below.glob("*.list")), *sorted(below.glob("*.sources"))]
    found: list[AptSource] = []
    for file in files[:_MOST_FILES]:
        try:
            with file.open("rb") as opened:
                text = opened.read(_MOST_BYTES).decode("utf-8", "replace")
        except OSError:
            continue
        found += _stanzas(text) if file.suffix == ".sources" else _lines(text)
    return found


def _lines(text: str) -> Iterator[AptSource]:
    for line in text.split("\n"):
        if match := _ONE_LINE.fullmatch(line.rstrip("\r")):
            options = {name.lower(): value for name, value in _OPTION.findall(match[1] or "")}
            yield from _sources([match[2]], [match[3]], match[4].split(), options)


def _stanzas(text: str) -> Iterator[AptSource]:
    for paragraph in re.split(r"\n[ \t\r]*\n", text):
        fields: dict[str, str] = {}
        name = ""
        for line in paragraph.split("\n"):
            if line.startswith("#"):
                continue
            if name and line[:1] in (" ", "\t"):
                fields[name] += f" {line.strip()}"
            elif match := _FIELD.match(line):
                name = match[1].lower()
                fields[name] = match[2].strip()
        if "deb" in fields.get("types", "").split() and fields.get("enabled", "yes").lower() not in _NO:
            addresses, suites, components = (fields.get(name, "").split() for name in ("uris", "suites", "components"))
            yield from _sources(addresses, suites, components, fields)


def _sources(
    addresses: list[str], suites: list[str], components: list[str], options: Mapping[str, str]
) -> Iterator[AptSource]:
    for address in addresses:
        if is_address(address):
            yield AptSource(
                address=address.rstrip("/"),
                suites=tuple(suites),
                components=tuple(components),
                keys=options.get("signed-by", ""),
                expires=options.get("check-valid-until", "yes").lower() not in _NO,
            )


def is_address(text: str) -> bool:
    """Tell whether a text is an address that packages can be read at here."""
    try:
        return bool(_ADDRESS.fullmatch(text) and urlsplit(text).hostname)
    except ValueError:
        return False
