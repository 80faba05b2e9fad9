"""The library in the hands of a program: odd arguments, edits, other folders, other processes."""

from __future__ import annotations

import pickle

import pytest

from conftest import Project
from onedigest import InputError, NetworkError, Problem, UsageError, Workspace, WorkspaceImage

BLOCK = ('requires-python = ">=3.11"', "dependencies = []")


def spec_of(image: WorkspaceImage) -> tuple[str, tuple[str, ...]]:
    read = image._read()
    return read.spec.name, read.script.dependencies


def test_a_string_is_one_name_and_no_list_of_letters(project: Project) -> None:
    project.script("hello.py", *BLOCK)
    workspace = Workspace.open(project.root, insecure_registries="registry.test:5000", environment=project.environment)

    assert workspace._context.machine.insecure == ("registry.test:5000",)
    with pytest.raises(UsageError, match=r"^`v 1` is no tag\n"):
        workspace.image("hello.py").build(tags="v 1", output=project.root / "hello.tar")


def test_what_is_no_path_is_a_type_error(project: Project) -> None:
    project.script("hello.py", *BLOCK)

    with pytest.raises(TypeError, match="not list"):
        Workspace.open(project.root).images(["hello.py"])  # type: ignore[arg-type]  # what people write


def test_a_folder_that_is_not_there_is_refused(project: Project) -> None:
    with pytest.raises(
        InputError, match=r"^.*/nowhere: there is no such folder\nhint: name the folder of the scripts$"
    ):
        Workspace.open(project.root / "nowhere")


def test_names_are_from_the_folder_in_which_it_was_opened(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.script("hello.py", *BLOCK)
    monkeypatch.chdir(project.root)
    workspace = Workspace.open()
    monkeypatch.chdir("/")

    assert workspace.image("hello.py").name == "hello"


def test_an_edit_counts_from_the_next_call_on(project: Project) -> None:
    project.script("hello.py", *BLOCK)
    image = Workspace.open(project.root).image("hello.py")
    project.script("hello.py", BLOCK[0], 'dependencies = ["idna"]')

    assert spec_of(image) == ("hello", ("idna",))
    project.script("hello.py", *BLOCK, "[tool.onedigest]", 'name = "other"')
    assert spec_of(image) == ("other", ())
    project.write("hello.py", "print()\n")
    with pytest.raises(InputError, match="no PEP 723 `script` block"):
        image.build()
    project.root.joinpath("hello.py").unlink()
    with pytest.raises(InputError, match=r"hello.py: cannot be read: No such file or directory"):
        image.check()


def test_an_edit_of_the_project_counts_too(project: Project) -> None:
    project.script("hello.py", *BLOCK)
    project.write("onedigest.toml", "")
    image = Workspace.open(project.root).image("hello.py")
    project.write("onedigest.toml", 'platforms = ["linux/amd64"]\n')

    assert [each.oci for each in image._read().spec.platforms] == ["linux/amd64"]


def test_an_error_of_a_worker_process_arrives_whole() -> None:
    error = pickle.loads(pickle.dumps(NetworkError.of("gone", where="a.py:1", hint="wait")))

    assert (type(error), error.problems) == (NetworkError, (Problem("gone", "a.py:1", "wait"),))
