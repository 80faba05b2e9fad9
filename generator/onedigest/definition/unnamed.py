"""A requirement that names a place alone, as pip takes some, and how that is written here."""

from __future__ import annotations

import posixpath
import re
from urllib.parse import unquote

from onedigest import untrusted

_ADDRESS = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?:(?P<user>[^/?#]*)@)?(?P<rest>\S*)", re.IGNORECASE)
_AFTER_NAME = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*(?:\[[^\[\]]*\])?)\s+(?P<address>[a-z+]+://\S+)")
_SCP = re.compile(r"(?P<user>[\w.-]+)@(?P<host>[\w.-]+):(?P<path>[^/\s:]\S*)", re.ASCII)
"""An address as ssh has it (git-clone, "Git URLs"), which PEP 508 reads as a project called `git`."""

_FORGE = re.compile(r"(?:github\.com|gitlab\.com|bitbucket\.org|codeberg\.org)/[\w.-]+/\S+", re.ASCII)
_PATH = re.compile(r"[\w./~+-]+", re.ASCII)
_ARCHIVES = (".tar.gz", ".zip")
_VERSION = re.compile(r"-\d", re.ASCII)
_PLACE = re.compile(r"(?:\.{1,2}|~|)/\S*|\.{1,2}|file:\S+")
_EDITABLE = re.compile(r"(?:-e|--editable)[\s=]+")
_OPTIONS = {
    "write the requirements of that file themselves": ("-r", "--requirement", "-c", "--constraint"),
    "name an index by `[[tool.uv.index]]` with its `url`": ("-i", "--index", "--extra-index", "-f", "--find-links"),
}
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?", re.ASCII)
_LONGEST = 1000


def is_place(text: str) -> bool:
    """Tell whether a requirement, as PEP 508 reads it, is a file's name or an address of ssh in truth."""
    return _is_file(text) or _SCP.fullmatch(text.strip()) is not None


def _is_file(text: str) -> bool:
    is_one = text.endswith(".whl") or (text.endswith(_ARCHIVES) and _VERSION.search(text) is not None)
    return is_one and _PATH.fullmatch(text) is not None


def corrected_form(text: str) -> str:
    """Return how it is written what a requirement means that is none, or nothing where that is not known.

    No user, password or query of an address is repeated: what is shown is to be copied into a file.
    """
    if len(text) > _LONGEST:
        return ""
    for hint, options in _OPTIONS.items():
        if text.strip().startswith(options):
            return hint
    place, _, marker = _EDITABLE.sub("", text.strip()).partition(";")
    name, address = _named(place.strip())
    if not name:
        return ""
    if not address:
        path = re.sub(r"^file:(?://(?:localhost)?)?", "", place.strip())
        return f'write `{name}`, and `{name} = {{ path = "{path}" }}` in [tool.uv.sources]'
    end = f" ; {marker.strip()}" if marker and "://" not in marker else ""
    return f"write the name of its project before it: `{name} @ {address}{end}`"


def ssh_address(text: str) -> str:
    """Return an address as ssh has it in the form that uv reads, or nothing where it is none."""
    match = _SCP.fullmatch(text)
    return f"git+ssh://{match['user']}@{match['host']}/{match['path']}" if match else ""


def _named(place: str) -> tuple[str, str]:
    """Return the name that what is at a place probably has, and its address, which is empty for a path; or nothing."""
    if address := ssh_address(place):
        return _name_of(place.partition(":")[2]), address
    if _FORGE.fullmatch(place):
        return _name_of(place), f"git+https://{place}"
    if match := _AFTER_NAME.fullmatch(place):
        return match["name"], _without_user(match["address"])
    if _PLACE.fullmatch(place) or _is_file(place):
        return _name_of(place), ""
    return (_name_of(place), _without_user(place)) if _ADDRESS.fullmatch(place) else ("", "")


def _without_user(address: str) -> str:
    """Return an address without user, password and query, but for the user of git's own protocol, who is no secret."""
    place, mark, fragment = address.partition("#")
    place, question, _ = place.partition("?")
    end = f"{question}{'…' if question else ''}{mark}{fragment}"
    match = _ADDRESS.fullmatch(place)
    if match is None:
        return untrusted.without_secrets(place) + end
    if match["user"] == "git" and match["scheme"].lower().endswith("ssh"):
        return f"{match['scheme']}://git@{match['rest']}{end}"
    return untrusted.without_secrets(f"{match['scheme']}://{match['rest']}") + end


def _name_of(place: str) -> str:
    """Return what the project of a place is probably called."""
    path, _, fragment = place.partition("#")
    stated = re.search(r"(?:^|&)(?:egg|subdirectory)=([^&\[]+)", fragment)
    last = posixpath.basename(unquote(stated[1] if stated else path.partition("?")[0]).rstrip("/"))
    if last.endswith((".whl", *_ARCHIVES)):
        last = last.partition("-")[0] if "-" in last else ""
    elif not stated:
        last = last.partition("@")[0].removesuffix(".git")
    return re.sub(r"[-_.]+", "-", last).lower() if _NAME.fullmatch(last) else "NAME"
