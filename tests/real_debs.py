"""Real packages of Debian for tests, pinned by sha256: of the machine's own mirror, or the snapshot service."""

from __future__ import annotations

import hashlib
import os
import urllib.request
from pathlib import Path
from urllib.error import URLError

from onedigest.assembler import deb
from onedigest.assembler.configuration.system import System
from onedigest.debian.mirror import find_mirrors

_SNAPSHOT = "https://snapshot.debian.org/archive/debian/20260801T000000Z"


def fetch_deb(path: str, sha256: str) -> Path:
    """Return a package of the archive's pool, which the cache of the tests keeps."""
    kept = Path(os.environ["XDG_CACHE_HOME"]) / "real-debs" / f"{sha256[:12]}.deb"
    if kept.is_file():
        return kept
    kept.parent.mkdir(parents=True, exist_ok=True)
    mirrors = find_mirrors(os.environ.get("ONEDIGEST_DEBIAN_MIRROR", ""), "", Path("/etc/apt"))
    for place in (*mirrors.debian, _SNAPSHOT):
        try:
            with urllib.request.urlopen(f"{place}/pool/main/{path}", timeout=60) as answer:
                data = answer.read()
        except URLError:
            continue
        if hashlib.sha256(data).hexdigest() == sha256:
            part = kept.with_suffix(f".{os.getpid()}")
            part.write_bytes(data)
            return part.rename(kept)
    raise LookupError(path)


def system_of(*packages: Path) -> System:
    """Return the files of packages, as makers see them."""
    read = tuple(deb.read(path) for path in packages)
    return System({entry.path: entry for package in read for entry in package.entries}, read)
