"""Where layers of bytecode are in a plan, what they are of, and what their keys depend on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from full_case import LOCK, SPEC
from onedigest.definition.files import File
from onedigest.digest import of_bytes
from onedigest.errors import InputError
from onedigest.lock.model import Lock, LockedPackage, Wheel
from onedigest.plan.arrange import OWN_LAYER_BYTES, arrange
from onedigest.plan.inputs import encoded_archive, prepared_layers
from onedigest.plan.layers import Bytecode, Layer, Plan
from onedigest.platforms import AMD64

PLAIN = replace(SPEC, bytecode=False)
COMPILED = replace(SPEC, bytecode=True)
FILE = File(target="full.py", digest=of_bytes(b"0"), executable=False, content=b"")
MODULE = File(target="lib/tool.py", digest=of_bytes(b"1"), executable=False, content=Path("lib/tool.py"))
DATA = File(target="lib/data.csv", digest=of_bytes(b"1"), executable=False, content=Path("lib/data.csv"))


def layers(plan: Plan) -> list[Layer]:
    return list(plan.platforms[0].layers)


def bytecode_of(plan: Plan) -> list[Layer]:
    return [each for each in layers(plan) if each.bytecode]


def test_bytecode_is_directly_above_what_it_is_of() -> None:
    found = layers(arrange(COMPILED, LOCK, [FILE, MODULE]))
    below = dict(zip([each.holds for each in found[1:]], found, strict=False))

    assert [each.holds for each in found if each.bytecode] == [
        "bytecode of debian:bookworm",
        "bytecode of native 1.0",
        "bytecode of alpha 1.0, beta 1.5, delta 0.1, gamma 3",
        "bytecode of intel 1",
        f"bytecode of virtual environment, Python {LOCK.base.python}",
        "bytecode of full.py and further files in /app",
    ]
    assert all(each.holds == f"bytecode of {below[each.holds].holds}" for each in found if each.bytecode)


def test_nothing_is_compiled_where_it_is_not_asked_for() -> None:
    assert bytecode_of(arrange(PLAIN, LOCK, [FILE, MODULE])) == []


def test_script_that_python_starts_needs_no_bytecode() -> None:
    assert bytecode_of(arrange(COMPILED, LOCK, [FILE]))[-1].holds.startswith("bytecode of virtual environment")


@pytest.mark.parametrize(
    "entrypoint",
    [("/opt/venv/bin/uvicorn", "full:app"), ("/opt/venv/bin/python", "-m", "full"), ("python", "-Im", "full"), ()],
)
def test_script_that_is_imported_has_bytecode(entrypoint: tuple[str, ...]) -> None:
    spec = replace(COMPILED, entrypoint=entrypoint, args=())

    assert bytecode_of(arrange(spec, LOCK, [FILE]))[-1].holds == "bytecode of full.py"


@pytest.mark.parametrize(
    "entrypoint",
    [("python3", "full.py"), ("/usr/bin/python3.11", "/app/full.py"), ("python", "-u", "-X", "dev", "-B", "full.py")],
)
def test_script_is_known_by_any_path(entrypoint: tuple[str, ...]) -> None:
    found = bytecode_of(arrange(replace(COMPILED, entrypoint=entrypoint), LOCK, [FILE]))

    assert "full.py" not in found[-1].holds


def test_application_without_sources_has_no_bytecode() -> None:
    assert "files" not in bytecode_of(arrange(COMPILED, LOCK, [DATA]))[-1].holds


def test_data_of_an_application_does_not_move_its_bytecode() -> None:
    first, second, third = (
        bytecode_of(arrange(COMPILED, LOCK, [FILE, each, more]))[-1].key()
        for each, more in ((MODULE, DATA), (MODULE, replace(DATA, digest=of_bytes(b"2"))), (DATA, FILE))
    )
    moved = bytecode_of(arrange(COMPILED, LOCK, [FILE, replace(MODULE, digest=of_bytes(b"2")), DATA]))[-1].key()

    assert first == second
    assert len({first, third, moved}) == 3


def test_files_that_the_user_may_change_are_checked_at_each_start() -> None:
    own = bytecode_of(arrange(replace(COMPILED, own_workdir=True), LOCK, [FILE, MODULE]))
    others = bytecode_of(arrange(COMPILED, LOCK, [FILE, MODULE]))

    assert [each.bytecode.checked for each in own if each.bytecode] == [False] * 5 + [True]
    assert [each.bytecode.checked for each in others if each.bytecode] == [False] * 6


def test_pure_wheels_have_one_bytecode_on_all_platforms() -> None:
    first, second = arrange(COMPILED, LOCK, [FILE]).platforms
    pure = "bytecode of alpha 1.0, beta 1.5, delta 0.1, gamma 3"

    assert len({each.key() for plan in (first, second) for each in plan.layers if each.holds == pure}) == 1


def test_bytecode_depends_on_the_exact_version() -> None:
    other = replace(LOCK, base=replace(LOCK.base, python="3.11.3"))
    first, second = (bytecode_of(arrange(COMPILED, lock, [FILE])) for lock in (LOCK, other))

    assert not {each.key() for each in first} & {each.key() for each in second}


def test_library_depends_on_the_packages_of_python_alone() -> None:
    found = bytecode_of(arrange(COMPILED, LOCK, [FILE]))[0]

    assert {each.name.partition("_")[0] for each in found.inputs} <= {
        f"{name}3.11-{part}" for name in ("libpython", "python") for part in ("minimal", "stdlib")
    } | {"python3.11", "python3-minimal", "libpython3-stdlib"}
    assert isinstance(found.content, Bytecode)
    assert found.content.library == "/usr/lib/python3.11"


def with_wheels(count: int) -> Lock:
    wheels = [
        Wheel(name=f"p{each}-1-py3-none-any.whl", digest=of_bytes(b"%d" % each), size=OWN_LAYER_BYTES + each)
        for each in range(count)
    ]
    packages = [
        LockedPackage(name=each.name.partition("-")[0], version="1", wheels=((AMD64, each),)) for each in wheels
    ]
    return replace(LOCK, platforms=(AMD64,), packages=tuple(packages), roots=())


def test_layers_never_exceed_what_is_allowed() -> None:
    big = with_wheels(10)
    for most in range(13, 40):
        for lock in (LOCK, big):
            plan = arrange(replace(COMPILED, max_layers=most), lock, [FILE, MODULE])

            assert all(len(each.layers) <= most for each in plan.platforms)
            held = sorted(each.name for layer in layers(plan) if layer.kind == "wheels" for each in layer.inputs)
            compiled = {each.holds for each in layers(plan)}
            assert all(
                f"bytecode of {each.holds}" in compiled
                for each in layers(plan)
                if each.kind in ("wheels", "application")
            )
            assert len(held) == sum(1 for package in lock.packages if package.wheel_for(plan.platforms[0].platform))


def test_room_for_wheels_and_their_bytecode_is_needed() -> None:
    with pytest.raises(InputError) as caught:
        arrange(replace(COMPILED, max_layers=9), LOCK, [FILE])

    assert str(caught.value) == (
        "full.py: `max-layers` leaves no layer for wheels\n"
        "hint: set `max-layers` to 11 or more, or leave out bytecode: `bytecode = false`"
    )
    assert len(layers(arrange(replace(COMPILED, max_layers=11), LOCK, [FILE]))) == 11


def test_archive_of_an_application_is_named_after_its_image() -> None:
    """Rules name it, and they must not move with a source."""
    plan = arrange(COMPILED, LOCK, [FILE, MODULE])
    names = [encoded_archive(each) for each in prepared_layers(plan) if each.bytecode]

    assert "bytecode-application-full.tar.gz" in names
    assert len(names) == len(set(names))
