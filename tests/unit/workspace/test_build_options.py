"""What may be asked of a build together: an output that means another thing elsewhere is no folder here."""

from __future__ import annotations

from pathlib import Path

import pytest

from onedigest.errors import UsageError
from onedigest.workspace.build_options import BuildOptions


def refused(options: BuildOptions) -> tuple[str, str]:
    with pytest.raises(UsageError) as error:
        options.check()
    (problem,) = error.value.problems
    return problem.message, problem.hint


@pytest.mark.parametrize("name", ["-", "/dev/stdout"])
def test_standard_output_is_no_output(name: str) -> None:
    assert refused(BuildOptions(output=Path(name))) == (
        "no image is written to standard output",
        "name a file: --output FILE.tar; `--load` needs none",
    )


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("app.tar.gz", "app.tar"),
        ("out/app-1.2.tgz", "out/app-1.2.tar"),
        ("app.oci.tar.zst", "app.oci.tar"),
        ("APP.TAR.GZ", "APP.tar"),
    ],
)
def test_archive_is_not_compressed_once_more(name: str, other: str) -> None:
    message = f"`{name}`: an archive is a plain .tar, whose layers are compressed"
    assert refused(BuildOptions(output=Path(name))) == (message, f"name it {other}")


def test_form_of_buildx_is_no_name() -> None:
    assert refused(BuildOptions(output=Path("type=oci,dest=app.tar"))) == (
        "`type=oci,dest=app.tar` is a form of buildx",
        "name the file or the folder alone: --output FILE.tar",
    )


@pytest.mark.parametrize("name", ["app.tar", "out/app", "app.oci", ".tar", "tar.gz/app", "type=x/app"])
def test_other_names_are_taken(name: str) -> None:
    BuildOptions(output=Path(name), tags=("v1",), repository="ghcr.io/acme/app").check()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (BuildOptions(tags=("v1",)), "--tag needs --output, --load or --push"),
        (BuildOptions(repository="a/b"), "--repository needs --output, --load or --push"),
        (BuildOptions(output=Path("a.tar"), tags=("a b",)), "`a b` is no tag"),
    ],
)
def test_names_need_a_place_and_tags_are_tags(options: BuildOptions, message: str) -> None:
    assert refused(options)[0] == message


@pytest.mark.parametrize(
    ("tag", "hint"),
    [
        ("ghcr.io/acme/app:v1", "name both: --repository ghcr.io/acme/app --tag v1"),
        ("localhost:5000/app:v1", "name both: --repository localhost:5000/app --tag v1"),
        ("app:v1", "name both: --repository app --tag v1"),
        ("localhost:5000/app", "letters, digits, `_`, `.` and `-`, 128 at most"),
        (":v1", "letters, digits, `_`, `.` and `-`, 128 at most"),
        ("v1+2", "letters, digits, `_`, `.` and `-`, 128 at most"),
    ],
)
def test_tag_of_docker_is_a_repository_and_a_tag(tag: str, hint: str) -> None:
    assert refused(BuildOptions(output=Path("a.tar"), tags=("v1", tag))) == (f"`{tag}` is no tag", hint)
