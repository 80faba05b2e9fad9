"""Where only running a script tells an image, its text tells whether a Python was chosen by the author at all."""

from __future__ import annotations

import pytest

from onedigest.flyte.stated_python import name_python

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
    assert name_python([text])
    assert name_python([text, "import flyte\n", NAMED])


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
    assert not name_python([text])
    assert not name_python([NAMED, text])


@pytest.mark.parametrize("text", ["", "x = (", "image = flyte.Image.from_base('x').clone(python_version=(3, 11))"])
def test_text_without_an_image_of_debian_names_none(text: str) -> None:
    assert not name_python([text])
