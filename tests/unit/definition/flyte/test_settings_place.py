"""Hints name the place where an image of Flyte has a setting."""

from __future__ import annotations

import pytest

from onedigest.definition.flyte.settings_place import placed
from onedigest.errors import Problem


@pytest.mark.parametrize(
    ("hint", "of_script", "expected"),
    [
        ("", False, ""),
        ("run `uv lock`", False, "run `uv lock`"),
        ('write `build = ["x"]` in [tool.onedigest]', False, 'write `build = ["x"]` in onedigest.toml'),
        (
            'write `platforms = ["linux/amd64"]` in [tool.onedigest], or choose a version',
            True,
            'write `platform="linux/amd64"` in the definition of the image, or choose a version',
        ),
        (
            'with `platforms = ["linux/amd64", "linux/arm64"]` in [tool.onedigest] that one is chosen',
            False,
            'with `platform=("linux/amd64", "linux/arm64")` in the definition of the image that one is chosen',
        ),
        (
            'write `requires-python = "==3.12.*"`, for which',
            False,
            "write `python_version=(3, 12)` in the definition of the image, for which",
        ),
        ('write `requires-python = "==3.12.*"`', True, 'write `requires-python = "==3.12.*"`'),
    ],
)
def test_place_is_named(hint: str, of_script: bool, expected: str) -> None:
    assert placed(Problem("m", "w", hint), "onedigest.toml", of_script=of_script) == Problem("m", "w", expected)
