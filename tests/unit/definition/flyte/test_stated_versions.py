"""Where only running a script tells an image, its text tells whether a version was chosen by the author at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from onedigest.definition.flyte.definition import Definition
from onedigest.definition.flyte.stated_versions import is_always_stated
from onedigest.flyte_plugin.context import FlyteContext
from onedigest.flyte_plugin.written import as_told

NAMED = "for name in ('a', 'b'):\n    image = flyte.Image.from_debian_base(name=name, python_version=(3, 11))\n"


@pytest.mark.parametrize(
    "text",
    [
        NAMED,
        "image = Image.from_debian_base((3, 11), name=f())",
        "image = flyte.Image.from_uv_script(__file__, name=f(), python_version=sys.version_info[:2])",
        "image = flyte.Image.from_uv_script(__file__, f(), None, None, (3, 11))",
    ],
)
def test_python_that_is_named_wherever_an_image_begins_is_the_author_s(text: str) -> None:
    assert is_always_stated("python_version", [text])
    assert is_always_stated("python_version", [text, "import flyte\n", NAMED])


@pytest.mark.parametrize(
    "text",
    [
        "image = flyte.Image.from_debian_base(name=f())",
        "image = flyte.Image.from_debian_base(name=f(), python_version=None)",
        "image = flyte.Image.from_uv_script(__file__, name=f())",
        "image = flyte.Image.from_debian_base(**given)",
    ],
)
def test_python_that_is_not_named_everywhere_may_be_nobody_s(text: str) -> None:
    assert not is_always_stated("python_version", [text])
    assert not is_always_stated("python_version", [NAMED, text])


@pytest.mark.parametrize("text", ["", "x = (", "image = flyte.Image.from_base('x').clone(python_version=(3, 11))"])
def test_text_without_an_image_of_debian_names_none(text: str) -> None:
    assert not is_always_stated("python_version", [text])


def test_version_of_flyte_is_one_of_images_that_take_one() -> None:
    pinned = "image = flyte.Image.from_debian_base(name=f(), flyte_version='2.8.1')"
    script = "image = flyte.Image.from_uv_script(__file__, name=f())"

    assert is_always_stated("flyte_version", [pinned, script])
    assert not is_always_stated("flyte_version", [script])
    assert not is_always_stated("flyte_version", [pinned, NAMED])


def test_versions_that_are_stated_count_for_an_image_that_only_flyte_tells(tmp_path: Path) -> None:
    session = FlyteContext({"lockfiles": None, "insecure": [], "run": "x"})
    asked = Definition(name="a", registry="", platforms=("linux/amd64",), flyte="flyte")

    def told(text: str) -> tuple[str, str]:
        (tmp_path / "job.py").write_text(f"import flyte\n{text}", encoding="utf-8")
        found, _ = as_told(session, asked, [str(tmp_path / "job.py")], "3.11", "flyte==2.12.1")
        return found.python, found.flyte

    assert told(NAMED) == ("3.11", "flyte")
    assert told(NAMED.replace("(3, 11)", "(3, 11), flyte_version='2.12.1'")) == ("3.11", "flyte==2.12.1")
    assert told(NAMED.replace(", python_version=(3, 11)", "")) == ("", "flyte")
