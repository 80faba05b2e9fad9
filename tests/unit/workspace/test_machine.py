"""The machine is what variables say of it: nothing else of the environment counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from onedigest.errors import InputError
from onedigest.workspace import own_store
from onedigest.workspace.machine import Machine
from onedigest.workspace.own_store import home_of


def test_variables_are_copied_and_never_shown(tmp_path: Path) -> None:
    variables = {"HOME": str(tmp_path), "PASSWORD": "secret"}
    machine = Machine.from_environment(variables)
    variables.clear()

    assert home_of(machine.variables) == tmp_path
    assert "secret" not in repr(machine)


def test_variables_of_the_process_are_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEDIGEST_TEST", "x")
    assert Machine.from_environment().variables["ONEDIGEST_TEST"] == "x"
    assert Machine.from_environment({}).variables == {}


def test_store_is_where_the_given_variables_say(tmp_path: Path) -> None:
    machine = Machine.from_environment({"HOME": "/none", "XDG_CACHE_HOME": str(tmp_path)})
    assert machine.store.root.is_relative_to(tmp_path)
    assert machine.store is machine.store


def test_store_needs_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless(*_: object) -> Path:
        raise RuntimeError("no home")

    monkeypatch.setattr(own_store, "home_of", homeless)
    with pytest.raises(InputError) as caught:
        _ = Machine.from_environment({}).store

    assert str(caught.value) == "no home folder is known to keep files in\nhint: set HOME or XDG_CACHE_HOME"


def test_there_is_a_worker_at_least() -> None:
    assert Machine.from_environment({}).workers >= 1
