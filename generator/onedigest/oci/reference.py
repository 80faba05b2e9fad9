"""The names of images: registry, repository, tag and digest, with what docker takes for granted."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from onedigest.digest import Digest
from onedigest.errors import InputError

HUB = "docker.io"
HUB_HOST = "registry-1.docker.io"
"""The host that Docker Hub is asked at."""
HUB_NAMES = ("index.docker.io", HUB_HOST)
"""What else Docker Hub is called."""
MIRRORS = "ONEDIGEST_REGISTRY_MIRRORS"
"""The variable that says where images are read in the place of a registry."""

_NONE = Digest("")

_REFERENCE = re.compile(
    r"(?P<name>[^@]+?)(?::(?P<tag>\w[\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?", re.ASCII
)
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)(?::\d{1,5})?", re.ASCII)
_PATH = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*", re.ASCII)
_LONGEST = 512
_LAST_PORT = 65535


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """The name of an image in a registry. A digest, where there is one, decides; a tag is then a remark."""

    registry: str
    repository: str
    tag: str = ""
    digest: Digest = _NONE

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.name}{tag}" + (f"@{self.digest}" if self.digest else "")

    @property
    def name(self) -> str:
        """Registry and repository."""
        return f"{self.registry}/{self.repository}"

    @property
    def asked(self) -> str:
        """What a registry is asked for: the digest, or else the tag."""
        return self.digest or self.tag or "latest"

    def at(self, digest: str) -> Reference:
        """Return the name of one image of the repository."""
        return replace(self, tag="", digest=Digest(digest))


def parse_reference(text: str, where: str = "") -> Reference:
    """Read a reference such as `ghcr.io/acme/penguins:1` or `python:3.13-slim`. Raises `InputError`.

    A name without a registry is one of Docker Hub, as docker has it. Names of hosts have no capitals (RFC 9110, 4.2.3).
    """
    match = _REFERENCE.fullmatch(text) if len(text) <= _LONGEST else None
    if match:
        first, slash, rest = match["name"].partition("/")
        if not (slash and (re.search("[.:]", first) or first == "localhost")):
            first, rest = HUB, match["name"]
        first = first.lower()
        if first in (HUB, HUB_NAMES[0]):
            first, rest = HUB, rest if "/" in rest else f"library/{rest}"
        if _HOST.fullmatch(first) and _port(first) <= _LAST_PORT and _PATH.fullmatch(rest):
            digest = Digest(match["digest"] or "")
            return Reference(registry=first, repository=rest, tag=match["tag"] or "", digest=digest)
    raise InputError.of(
        f"`{text[:_LONGEST]}` is not the reference of an image",
        where=where,
        hint="write HOST/NAME:TAG or HOST/NAME@sha256:…",
    )


def _port(host: str) -> int:
    port = host.rpartition(":")[2]
    return int(port) if port.isdecimal() else 0
