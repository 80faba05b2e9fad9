"""A base without an image for a platform: the error says what there is to choose."""

from __future__ import annotations

import pytest

from onedigest.definition.spec import Spec
from onedigest.digest import Digest
from onedigest.errors import InputError
from onedigest.lock.base.missing_platforms import refuse_missing_platforms
from onedigest.oci.read import ReadImage
from onedigest.platforms import ARM64


@pytest.mark.parametrize(
    ("offered", "hint"),
    [
        (("linux/amd64", "linux/arm/v7"), "it has linux/amd64, linux/arm/v7; choose `platforms` among them, or another base"),
        (("linux/arm64/v9", "windows/arm64"), "it has linux/arm64/v9, windows/arm64; use another base"),
        ((), "nothing in its index is an image that can be run: use another base"),
    ],
)  # fmt: skip
def test_what_there_is_to_choose_is_said(offered: tuple[str, ...], hint: str) -> None:
    spec = Spec(name="app", script="app.py", requires_python="", base="x/y", entrypoint=(), platforms=(ARM64,))
    image = ReadImage(digest=Digest("sha256:" + "0" * 64), platforms=(), offered=offered)
    with pytest.raises(InputError) as caught:
        refuse_missing_platforms(spec, "x/y:1", image)

    assert str(caught.value) == f"app.py: the base x/y:1 has no image for linux/arm64\nhint: {hint}"
