"""Requirements that name a place alone: the error shows the form that works, and no secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from onedigest.definition.project import Project
from onedigest.definition.script import parse
from onedigest.definition.spec import specify
from onedigest.errors import InputError
from onedigest.shown_text import masked


def refused(requirement: str) -> tuple[str, str]:
    """Return message and hint of a script that asks for something, as they are printed."""
    text = f"# /// script\n# dependencies = [{requirement!r}]\n# ///\n"
    with pytest.raises(InputError) as caught:
        specify(parse(text.encode(), "app.py"), Project(root=Path()), "app.py")
    (problem,) = caught.value.problems
    assert problem.where == "app.py:2"
    return masked(problem.message), masked(problem.hint)


@pytest.mark.parametrize(
    ("requirement", "form"),
    [
        ("git+https://S3CR3T@github.com/o/repo", "repo @ git+https://github.com/o/repo"),
        ("git+https://oauth2:S3CR3T@h/o/My_Repo.git@v1.2", "my-repo @ git+https://h/o/My_Repo.git@v1.2"),
        ("git+https://u:S3C/R3T@h/o/r", "r @ git+https://****@h/o/r"),
        ("git+ssh://git@github.com/o/repo.git", "repo @ git+ssh://git@github.com/o/repo.git"),
        ("git+https://h/o/r.git#egg=foo", "foo @ git+https://h/o/r.git#egg=foo"),
        ("git+https://h/o/r.git@main#subdirectory=pkgs/my_lib", "my-lib @ git+https://h/o/r.git@main#subdirectory=pkgs/my_lib"),
        ("git+https://h/o/r; python_version>'3'", "r @ git+https://h/o/r ; python_version>'3'"),
        ("git@github.com:o/repo.git", "repo @ git+ssh://git@github.com/o/repo.git"),
        ("github.com/o/repo", "repo @ git+https://github.com/o/repo"),
        ("foo git+https://S3CR3T@h/o/r", "foo @ git+https://h/o/r"),
        ("-e git+https://S3CR3T@h/o/r", "r @ git+https://h/o/r"),
        ("https://h/x/foo-1.0-py3-none-any.whl?token=S3CR3T", "foo @ https://h/x/foo-1.0-py3-none-any.whl?…"),
        ("https://u:S3CR3T@h/foo_bar-1.0.tar.gz", "foo-bar @ https://h/foo_bar-1.0.tar.gz"),
        ("https://h/o/r/archive/main.zip", "NAME @ https://h/o/r/archive/main.zip"),
    ],
)  # fmt: skip
def test_address_without_a_name(requirement: str, form: str) -> None:
    message, hint = refused(requirement)

    assert message.endswith(", which names no project")
    assert hint == f"write the name of its project before it: `{form}`"
    assert "S3CR3T" not in message
    assert "R3T" not in message


@pytest.mark.parametrize(
    ("requirement", "name", "path"),
    [
        ("./foo", "foo", "./foo"),
        ("../foo_bar/", "foo-bar", "../foo_bar/"),
        ("/w/foo-1.0-py3-none-any.whl", "foo", "/w/foo-1.0-py3-none-any.whl"),
        ("wheels/foo-1.0-py3-none-any.whl", "foo", "wheels/foo-1.0-py3-none-any.whl"),
        ("foo-1.0-py3-none-any.whl", "foo", "foo-1.0-py3-none-any.whl"),
        ("foo-1.0.tar.gz", "foo", "foo-1.0.tar.gz"),
        ("file:///w/foo-1.0.tar.gz", "foo", "/w/foo-1.0.tar.gz"),
        ("-e .", "NAME", "."),
        ("~/foo", "foo", "~/foo"),
    ],
)
def test_place_on_this_machine(requirement: str, name: str, path: str) -> None:
    assert refused(requirement) == (
        f"`dependencies` has {requirement!r}, which names no project",
        f'write `{name}`, and `{name} = {{ path = "{path}" }}` in [tool.uv.sources]',
    )


@pytest.mark.parametrize(
    ("requirement", "hint"),
    [
        ("-r requirements.txt", "write the requirements of that file themselves"),
        ("--index-url https://u:S3CR3T@h/simple", "name an index by `[[tool.uv.index]]` with its `url`"),
    ],
)
def test_option_of_pip(requirement: str, hint: str) -> None:
    message, said = refused(requirement)

    assert said == hint
    assert "S3CR3T" not in message


@pytest.mark.parametrize("requirement", ["foo==1.0 bar", "foo @", "a b", "git+" + "@" * 5000])
def test_what_is_not_known_is_told_as_it_was(requirement: str) -> None:
    message, hint = refused(requirement)

    assert "which is not a requirement: " in message
    assert hint == ""


@pytest.mark.parametrize("requirement", ["zope.zip", "foo-1.0", "a.whl.b", "foo@git+https://h/o/r", "git @ https://h/x.whl", "tar.gz"])  # fmt: skip
def test_project_is_one(requirement: str) -> None:
    text = f"# /// script\n# dependencies = [{requirement!r}]\n# ///\n"

    assert specify(parse(text.encode(), "app.py"), Project(root=Path()), "app.py").dependencies
