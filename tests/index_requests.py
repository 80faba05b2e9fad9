"""Locks a script in this process as far as its indexes are asked: there is no base, so that it always ends there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from listener import Listener
from onedigest.cli.options import open_context
from onedigest.errors import NetworkError, OnedigestError
from onedigest.lock import resolver
from onedigest.workspace.image_sources import sources
from onedigest.workspace.images import find_images


def make_project(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project that is the working directory, and an environment that holds nothing of this machine."""
    root = home / "project"
    (root / ".git").mkdir(parents=True)
    monkeypatch.chdir(root)
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "NETRC", "UV_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "UV_CACHE_DIR"):
        monkeypatch.setenv(name, str(home / name.lower()))

    def no_base(*_: object) -> None:
        raise NetworkError.of("no Debian here")

    monkeypatch.setattr(resolver, "resolve_debian", no_base)
    return root


def script(folder: Path, *indexes: tuple[str, Listener | str], dependencies: tuple[str, ...] = ("alpha",)) -> None:
    """Write a script that names indexes; a text is a whole address."""
    places = [(name, place if isinstance(place, str) else f"{place.address}/simple") for name, place in indexes]
    rows = [f"{{ name = {json.dumps(name)}, url = {json.dumps(url)} }}" for name, url in places]
    rows[-1:] = [row.replace(" }", ", default = true }") for row in rows[-1:]]
    lines = ["requires-python = '>=3.11'", f"dependencies = {json.dumps(dependencies)}", "[tool.uv]"]
    block = "".join(f"# {line}\n" for line in (*lines, f"index = [{', '.join(rows)}]"))
    (folder / "job.py").write_text(f"# /// script\n{block}# ///\n")


def lock() -> None:
    """Read the script and ask its indexes, as `generate` does."""
    session = open_context(
        lockfiles=None, offline=False, insecure=(), as_json=False, quiet=False, verbose=False, color="never"
    )
    (image,) = find_images(session, ["job.py"], everything=False)
    reached = sources(session, image)
    resolver.resolve(image.spec, None, reached, folder=image.script_folder, upgrade=resolver.Upgrade())


def failed() -> str:
    """Return the error that locking ends in, for want of a base at the latest."""
    with pytest.raises(OnedigestError) as caught:
        lock()
    return str(caught.value)
