"""What locks of images may be called: by their definitions, whatever the order and wherever the project is."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest

from onedigest.definition.flyte.definition import Copy, Definition, PipPackages, Step, UvScript, Variables
from onedigest.definition.flyte.lock_names import candidates, plain_name
from onedigest.definition.values import LONGEST_NAME, image_name

ROOT = Path("/project")
SCRIPT = ROOT / "jobs" / "my_Job.py"


def image(*environments: str, name: str = "flyte", steps: tuple[Step, ...] = ()) -> Definition:
    return Definition(name=name, registry="", platforms=("linux/amd64",), environments=environments, steps=steps)


def packages(name: str) -> tuple[Step, ...]:
    return (PipPackages(packages=(name,)),)


def names(*definitions: Definition, given: frozenset[str] = frozenset()) -> list[tuple[str, ...]]:
    return candidates(definitions, SCRIPT, ROOT, given)


def best(*definitions: Definition) -> list[str]:
    return [each[0] for each in names(*definitions)]


def test_image_that_is_alone_is_called_as_its_script() -> None:
    assert names(image("cpu")) == [("my-job", "cpu", "cpu-7b303346")]


def test_own_name_comes_first() -> None:
    assert names(image("cpu", name="team/tools"))[0][:2] == ("team-tools", "cpu")


def test_script_that_flyte_names_as_all_others_has_that_name() -> None:
    made = image(steps=(UvScript(script=str(SCRIPT)),))

    assert plain_name(made, SCRIPT) == "flyte"
    assert plain_name(image(), SCRIPT) == "my-job"


def test_unnamed_images_of_one_script_are_called_as_their_environments() -> None:
    assert best(image("cpu"), image("gpu", "gpu2", steps=packages("x"))) == ["cpu", "gpu"]


def test_images_with_one_name_are_called_as_their_environments() -> None:
    assert best(image("a", name="app"), image("b", name="app"), image("c", name="other")) == ["a", "b", "other"]


def test_environment_does_not_take_the_name_of_another_image() -> None:
    first, second = names(image("web", name="api"), image("api", name="web"))

    assert first[0] == "api"
    assert second[0] == "web"
    assert not set(first) & set(second)


def test_all_environments_of_an_image_may_name_it() -> None:
    """A lock keeps its name when another environment gets the image too."""
    assert names(image("cpu", "more"), image("gpu"))[0][:2] == ("cpu", "more")
    assert best(image("both", "cpu"), image("both", steps=packages("a")))[0] == "cpu"


def test_environment_called_as_the_script() -> None:
    assert best(image("my-job"), image("gpu")) == ["my-job", "gpu"]


def test_one_environment_name_of_two_images_needs_numbers() -> None:
    found = best(image("train", steps=packages("a")), image("train", steps=packages("b")))

    assert [each.rpartition("-")[0] for each in found] == ["train", "train"]
    assert len(set(found)) == 2


def test_images_without_environments_have_numbers() -> None:
    found = best(image(name="app", steps=packages("a")), image(name="app", steps=packages("b")))

    assert [each.rpartition("-")[0] for each in found] == ["app", "app"]
    assert len(set(found)) == 2


def test_names_do_not_depend_on_order() -> None:
    images = [image("t", steps=packages("a")), image("t", steps=packages("b")), image("u"), image(name="x")]
    expected = dict(zip(images, names(*images), strict=True))
    for several in itertools.permutations(images):
        assert dict(zip(several, names(*several), strict=True)) == expected


def test_number_stays_while_an_image_changes() -> None:
    """Where environments tell images apart, what is in them does not count."""
    before = names(image("cpu"))[0][-1]

    assert names(image("cpu", steps=packages("a")))[0][-1] == before
    assert names(image("cpu"), image("gpu"))[0][-1] == before
    assert candidates([image("cpu")], ROOT / "other.py", ROOT)[0][-1] != before


def test_number_is_that_of_every_machine() -> None:
    def found(root: Path) -> list[tuple[str, ...]]:
        copies = [(Copy(source=f"{root}/jobs/{name}", target=".", is_folder=False),) for name in ("a", "b")]
        made = [replace(image("t", steps=each), file=f"{root}/jobs/x.py", line=len(str(root))) for each in copies]
        return candidates(made, root / "jobs" / "x.py", root)

    assert found(Path("/here")) == found(Path("/elsewhere/deep"))


def test_number_takes_any_text() -> None:
    odd = [image("t", steps=(Variables(pairs=(("A", value),)),)) for value in ("\ud800", "\x00", "é", "\U0001f600")]

    assert len(set(best(*odd))) == 4


@pytest.mark.parametrize("name", ["Upper_Case", "a__b", "-", "", "ä ö", "x" * 300, "trailing-", "a/b", "../../up"])
def test_names_of_environments_become_names_of_images(name: str) -> None:
    for first, second in (names(image(name), image("other")), names(image(name), image(name, steps=packages("a")))):
        for each in (*first, *second):
            assert image_name(each) == each
            assert len(each) <= LONGEST_NAME


def test_name_that_the_script_gives_is_taken() -> None:
    assert names(image("cpu"), given=frozenset({"my-job", "cpu"})) == [("cpu-7b303346",)]
