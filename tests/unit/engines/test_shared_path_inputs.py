"""The layer of the virtual environment is made of wheels that share paths; those that share none are not read again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from onedigest.assembler.layer import virtual_environment_layer
from onedigest.engines.shared_path_inputs import inputs_that_matter
from onedigest.engines.workers import inflater
from onedigest.plan.layers import Input, Recipe
from onedigest.store import Store
from wheel_builder import wheel_bytes

OPTIONS = (("interpreter", "/usr/bin/python3"), ("version", "3.13.1"))


class Wheels:
    """Wheels in a folder, by their projects' names, and the recipe of a layer above them."""

    def __init__(self, root: Path, files: Mapping[str, Mapping[str, bytes]]) -> None:
        self.store = Store(root / "store")
        self.paths = {}
        inputs = []
        for project, each in files.items():
            path = root / f"{project}-1.0-py3-none-any.whl"
            path.write_bytes(wheel_bytes(project, "1.0", files=each))
            self.paths[path.name] = path
            digest = self.store.add(path.read_bytes())
            inputs.append(Input(flag="wheel", name=path.name, digest=digest, size=path.stat().st_size))
        self.recipe = Recipe(command="virtual-environment", options=OPTIONS, inputs=tuple(inputs))

    def mattering(self) -> list[str]:
        found = inputs_that_matter(self.recipe, self.paths, self.store, inflater())
        return [path.name.partition("-")[0] for path in found]


def test_only_wheels_that_share_a_path_matter(tmp_path: Path) -> None:
    wheels = Wheels(
        tmp_path,
        {
            "a": {"a.py": b"", "x.py": b"1"},
            "b": {"b.py": b"", "tests/t.py": b"2"},
            "c": {"c.py": b"", "x.py": b"3"},
            "d": {"d.py": b"", "tests/t.py": b"2"},
            "e": {"e.py": b""},
        },
    )
    matter = inputs_that_matter(wheels.recipe, wheels.paths, wheels.store, inflater())

    assert [path.name[0] for path in matter] == ["a", "b", "c", "d"]
    everything = virtual_environment_layer("/usr/bin/python3", "3.13.1", wheels=wheels.paths.values())
    assert [(each.path, each.mode, each.digest) for each in everything] == [
        (each.path, each.mode, each.digest)
        for each in virtual_environment_layer("/usr/bin/python3", "3.13.1", wheels=matter)
    ]
    assert "opt/venv/lib/python3.13/site-packages/x.py" in {each.path for each in everything}


def test_nothing_is_read_again_where_nothing_is_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheels = Wheels(tmp_path, {"a": {"a.py": b"1"}, "b": {"b.py": b"2"}})

    assert wheels.mattering() == []
    monkeypatch.setattr("onedigest.engines.shared_path_inputs.wheel_entries", None)
    assert wheels.mattering() == []


def test_file_against_a_directory_is_left_to_the_layer_to_refuse(tmp_path: Path) -> None:
    wheels = Wheels(tmp_path, {"a": {"b": b"1"}, "b": {"b/__init__.py": b"2"}, "c": {"c.py": b""}})

    assert wheels.mattering() == ["a", "b", "c"]
