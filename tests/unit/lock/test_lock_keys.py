"""The keys of a lock: other ones are another format, and its page names each."""

from __future__ import annotations

import tomllib

from conftest import ROOT
from golden import CASES, expected_files
from onedigest import formats


def key_paths(value: object, path: str = "") -> set[str]:
    """Return the keys of a document with those above them, save those that a script or an image chooses."""
    if isinstance(value, list):
        return {each for item in value for each in key_paths(item, path)}
    if not isinstance(value, dict):
        return set()
    names = {f"{path}.{name}".lstrip(".") for name in value}
    if path in ("tool.onedigest.spec", "tool.onedigest.base.images.labels"):
        return set()
    return names.union(*(key_paths(item, f"{path}.{name}".lstrip(".")) for name, item in value.items()))


DEB = {"name", "version", "architecture", "path", "size", "sha256"}
OWN = "tool.onedigest"
KEYS = {
    2: {
        *("lock-version", "environments", "requires-python", "created-by", "packages", "tool", OWN),
        *(f"packages.{each}" for each in ("name", "version", "marker", "dependencies", "wheels")),
        *(f"packages.dependencies.{each}" for each in ("name", "version")),
        *(f"packages.wheels.{each}" for each in ("name", "path", "size", "upload-time", "hashes", "hashes.sha256")),
        *(f"{OWN}.{each}" for each in ("format", "layer-format", "version", "script", "spec-digest", "requirements")),
        *(f"{OWN}.{each}" for each in ("requirements.name", "requirements.version", "spec", "base")),
        *(f"{OWN}.base.{each}" for each in ("interpreter", "python", "libc", "libc-version", "releases")),
        *(
            f"{OWN}.base.{each}"
            for each in ("packages", "essential-packages", "system-packages", "image", "index", "images")
        ),
        *(f"{OWN}.base.operating-system", *(f"{OWN}.base.packages.{each}" for each in DEB)),
        *(f"{OWN}.base.{each}-packages.{name}" for each in ("essential", "system") for name in DEB),
        *(f"{OWN}.base.releases.{each}" for each in ("suite", "date", "sha256")),
        *(f"{OWN}.base.images.{each}" for each in ("platform", "manifest", "config", "env", "has-workdir", "labels")),
        *(f"{OWN}.base.images.{each}" for each in ("layers", "layers.size", "layers.digest", "layers.diff-id")),
        *(f"{OWN}.base.images.{each}" for each in ("home", "has-home", "passwd", "group")),
        f"{OWN}.base.images.layers.media-type",
    }
}
"""The keys that the golden locks have, by the format that they are of: other keys are another format."""

SOMETIMES = {
    f"{OWN}.base.{array}.{each}"
    for array in ("packages", "essential-packages", "system-packages")
    for each in ("suite", "date")
}
"""Keys that a lock has where a package came from another suite than the main one, or is not there any more."""


def test_keys_move_with_the_format() -> None:
    found = {each for case in CASES for each in key_paths(tomllib.loads(expected_files(case)["pylock.toml"]))}

    assert KEYS[formats.LOCK] <= found <= KEYS[formats.LOCK] | SOMETIMES


def test_page_of_the_format_names_every_key() -> None:
    page = (ROOT / "docs" / "formats" / "lock.md").read_text(encoding="utf-8")

    assert {each for path in KEYS[formats.LOCK] if f"`{(each := path.rpartition('.')[2])}`" not in page} <= {
        "tool", "onedigest", "base", "spec", "sha256", "labels"
    }  # fmt: skip
    assert f"`format`, now {formats.LOCK}" in page
    assert f"`layer-format`, now {formats.LAYERS}" in page
    assert f"number of the defaults, now {formats.DEFAULTS}" in page
