"""What an image is called where it is pushed or loaded."""

from __future__ import annotations

import pytest

from onedigest.definition.spec import Spec
from onedigest.errors import UsageError
from onedigest.workspace.output_names import names_of, repository_of

SPEC = Spec(name="hello", script="hello.py", entrypoint=())


@pytest.mark.parametrize(
    ("named", "tags", "names"),
    [
        ("", (), ("hello:latest",)),
        ("", ("v1", "v2", "v1"), ("hello:v1", "hello:v2")),
        ("ghcr.io/acme/app", (), ("ghcr.io/acme/app:latest",)),
        ("GHCR.io/acme/app", ("v1",), ("ghcr.io/acme/app:v1",)),
        ("acme/app", (), ("acme/app:latest",)),
    ],
)
def test_image_has_a_name_for_each_tag(named: str, tags: tuple[str, ...], names: tuple[str, ...]) -> None:
    assert names_of(SPEC, named, tags) == names


def test_image_without_a_repository_has_none() -> None:
    assert repository_of(SPEC, "") is None


@pytest.mark.parametrize("named", ["ghcr.io/acme/app:v1", f"ghcr.io/acme/app@sha256:{'a' * 64}"])
def test_repository_has_no_tag_and_no_digest(named: str) -> None:
    with pytest.raises(UsageError) as caught:
        repository_of(SPEC, named)

    assert str(caught.value) == f"`{named}` names a tag or a digest\nhint: name the repository alone, and use --tag"
