"""The places where the files of one wheel go (docs/formats/layers.md, section 5)."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from onedigest.assembler import VENV, zip_directory
from onedigest.assembler.entry import Entry, check_path, file_entry, ignore, merge
from onedigest.assembler.refusal import Refused
from onedigest.assembler.wheel_metadata import (
    canonical_name,
    file_name_identity,
    find_info,
    info_identity,
    launchers,
    numbered,
    same_identity,
)
from onedigest.assembler.wheel_record import new_record, read_record
from onedigest.assembler.zip_member import DEFLATED, Inflater, Member

_PLACEHOLDER = b"#!python"
_STARTERS = ("-script.py", ".exe", ".pya")
_NOT_KEPT = ("RECORD", "RECORD.jws", "RECORD.p7s", "INSTALLER", "REQUESTED", "direct_url.json")


def wheel_entries(
    path: Path,
    python: str,
    inflater: Inflater | None = None,
    venv: str = VENV,
    tell: Callable[[str], object] = ignore,
    identity: tuple[str, str] | None = None,
) -> list[Entry]:
    """Return the files that a wheel puts into a layer for Python `python`, such as "3.13".

    They belong to the virtual environment `venv`. `tell` takes the text of a warning about the wheel. `identity` is
    which project and version to expect, where the file name does not say it. RECORD is the last file. Content is only
    read where RECORD has no hash of it. Raises `Refused`.
    """
    if not re.fullmatch(r"3\.\d+", python, re.ASCII):
        raise Refused("python", f"{python!r} is not a Python version of the form 3.N")
    wheel = path.name
    members = {member.name: member for member in zip_directory.read(path, inflater)}
    info = find_info(wheel, members, identity or file_name_identity(wheel))
    console, windows = launchers(wheel, members.get(f"{info}/entry_points.txt"), venv)
    started = {**numbered(console, python), **windows}  # where a name is both, the window's is there
    places = _Places(venv, python, info, frozenset([*console, *started]))
    site = places.site
    entries = list(_member_entries(wheel, members, info, places, tell))
    entries += [file_entry(f"{venv}/bin/{name}", text, executable=True, origin=wheel) for name, text in started.items()]
    entries.append(file_entry(f"{site}/{info}/INSTALLER", b"onedigest\n", executable=False, origin=wheel))
    entries = [entry for entry in merge(entries) if entry.kind == "file"]
    record = file_entry(f"{site}/{info}/RECORD", new_record(entries, site, info), executable=False, origin=wheel)
    _check_reserved(wheel, entries, python, venv)
    link = Entry(f"{venv}/lib64", "link", 0o777, target="lib", origin=wheel)
    return [*entries, *([link] if any(map(places.is_in_lib64, members)) else []), record]


class _Places:
    """Where members go: site-packages, or one of the directories of `.data` (PEP 427)."""

    def __init__(self, venv: str, python: str, info: str, started: frozenset[str]) -> None:
        self._identity = info_identity(info)
        headers = f"{venv}/include/site/python{python}/{canonical_name(self._identity[0])}"
        self.site = site = f"{venv}/lib/python{python}/site-packages"
        self.venv = venv
        self.started = started
        self._stem = info.removesuffix(".dist-info")
        self._schemes = {"purelib": site, "platlib": site, "scripts": f"{venv}/bin", "data": venv, "headers": headers}

    def find(self, member: Member) -> tuple[str, str]:
        """Return scheme and path in the layer of a member; the path is empty when a launcher replaces it."""
        folder, _, rest = member.name.partition("/")
        if not rest or not folder.endswith(".data"):
            return "", f"{self.site}/{member.name}"
        scheme, _, rest = rest.partition("/")
        owner, _, number = folder.removesuffix(".data").rpartition("-")
        if scheme not in self._schemes or not rest or not same_identity((owner, number), self._identity):
            raise Refused("scheme", f"{member.label}: not in a known directory of {self._stem}.data")
        if scheme == "scripts" and _starter(rest) in self.started:
            return scheme, ""
        if self.is_in_lib64(member.name):
            rest = rest.replace("lib64", "lib", 1)
        target = f"{self._schemes[scheme]}/{rest}"
        if target.removeprefix(f"{self.site}/").partition("/")[0].endswith(".dist-info"):
            raise Refused("wheel", f"{member.label}: would belong to a second .dist-info directory")
        return scheme, target

    def is_in_lib64(self, name: str) -> bool:
        """Tell whether a member is in `lib64`, which is a link to `lib` in a virtual environment (venv)."""
        folder, _, rest = name.partition("/")
        return folder.endswith(".data") and rest.startswith("data/lib64/")


def _starter(script: str) -> str:
    """Return the entry point that a script starts by its name: setuptools made up to three files for one."""
    name = script.rpartition("/")[2]
    ending = next((each for each in _STARTERS if name.lower().endswith(each)), "")
    return name.removesuffix(name[len(name) - len(ending) :])


def _member_entries(
    wheel: str, members: dict[str, Member], info: str, places: _Places, tell: Callable[[str], object]
) -> Iterator[Entry]:
    dropped = {f"{info}/{each}" for each in _NOT_KEPT}
    kept = {
        name: place
        for name, member in members.items()
        if name not in dropped and "__pycache__" not in name.split("/")[:-1] and (place := places.find(member))[1]
    }
    record = read_record(wheel, members, info, frozenset(kept))
    for name, (scheme, target) in kept.items():
        stated = record.hashes.get(name)
        member = members[name]
        content = member.recorded_as(stated) if stated else member.hashed()
        executable = scheme == "scripts" or bool(member.mode & 0o111)
        rewritten = _rewritten_script(content, places.venv) if scheme == "scripts" else None
        if rewritten is not None:
            yield file_entry(target, rewritten, executable=True, origin=wheel)
        else:
            mode = 0o755 if executable else 0o644
            yield Entry(target, "file", mode, content.size, content, digest=content.digest, origin=wheel)
    if warning := record.warning(wheel):
        tell(warning)


def _rewritten_script(member: Member, venv: str) -> bytes | None:
    """Return a script that starts with `#!python`, with the image's interpreter; None for any other script."""
    head = next(member.raw(), b"")
    if member.method == DEFLATED:
        try:
            head = zlib.decompressobj(-15).decompress(head, len(_PLACEHOLDER))
        except zlib.error as error:
            raise Refused("stream", f"{member.label}: broken deflate stream ({error})") from None
    if head[: len(_PLACEHOLDER)] != _PLACEHOLDER:
        return None
    return f"#!/{venv}/bin/python\n".encode() + member.read().partition(b"\n")[2]


def _check_reserved(wheel: str, entries: list[Entry], python: str, venv: str) -> None:
    names = ("pyvenv.cfg", "lib64", "bin/python", "bin/python3", f"bin/python{python}")
    reserved = tuple(f"{venv}/{name}/" for name in names)
    for entry in entries:
        check_path(wheel, entry.path)
        if f"{entry.path}/".startswith(reserved):
            raise Refused("reserved", f"{wheel}: /{entry.path} belongs to the virtual environment")
