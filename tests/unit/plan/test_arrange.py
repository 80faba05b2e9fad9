"""Where inputs go: order of layers, room for them, and what decides a layer's key."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from golden import expected_files, script_of
from onedigest.definition.files import File, collect
from onedigest.definition.project import Project
from onedigest.definition.project_parts import ProjectSettings
from onedigest.definition.script import parse
from onedigest.definition.spec import Spec, specify
from onedigest.digest import Digest
from onedigest.errors import InputError
from onedigest.from_source.model import BuiltFrom, Kind
from onedigest.lock import text
from onedigest.lock.model import Lock, LockedPackage, Wheel
from onedigest.plan.arrange import OWN_LAYER_BYTES, arrange
from onedigest.plan.configuration import entrypoint
from onedigest.plan.layers import Layer, Plan
from onedigest.platforms import AMD64

SCRIPT = parse(script_of("full").encode(), "full.py")
SPEC: Spec = replace(specify(SCRIPT, Project(root=Path()), "full.py"), bytecode=False)
LOCK: Lock = text.loads(expected_files("full")["pylock.toml"], "pylock.toml")
FILE = File(target="full.py", digest=Digest("sha256:" + "1" * 64), executable=False, content=b"")


def layers(plan: Plan) -> list[Layer]:
    return list(plan.platforms[0].layers)


def with_wheels(*sizes: int) -> Lock:
    packages = []
    for number, size in enumerate(sizes):
        wheel = Wheel(name=f"p{number}-1-py3-none-any.whl", digest=Digest(f"sha256:{number:064}"), size=size)
        packages.append(LockedPackage(name=f"p{number}", version="1", wheels=((AMD64, wheel),)))
    return replace(LOCK, platforms=(AMD64,), packages=tuple(packages), roots=())


def test_layers_are_ordered_from_what_changes_least() -> None:
    assert [layer.kind for layer in layers(arrange(SPEC, LOCK, [FILE]))] == [
        "debian-root", "folder", "working-directory", "debian-packages", "debian-packages", "debian-configuration",
        "wheels", "wheels", "wheels", "virtual-environment", "application",
    ]  # fmt: skip


def test_name_of_a_layer_fits_into_the_name_of_a_file() -> None:
    spec = replace(SPEC, workdir="/" + "/".join(["x" * 200] * 9))

    assert max(len(layer.name) for layer in layers(arrange(spec, LOCK, [FILE]))) <= 106


def test_large_wheels_have_layers_of_their_own() -> None:
    found = layers(arrange(SPEC, with_wheels(10, OWN_LAYER_BYTES, 20), [FILE]))

    assert [layer.holds for layer in found if layer.kind == "wheels"] == ["p1 1", "p0 1, p2 1"]


def test_smallest_wheels_share_a_layer_where_room_is_short() -> None:
    lock = with_wheels(*(OWN_LAYER_BYTES + number for number in range(10)))
    found = layers(arrange(replace(SPEC, max_layers=11), lock, [FILE]))

    assert len(found) == 11
    assert [layer.holds for layer in found if layer.kind == "wheels"][:2] == ["p8 1", "p9 1"]


def test_small_pure_wheels_and_small_native_ones_do_not_share_a_layer() -> None:
    first, second = arrange(SPEC, LOCK, [FILE]).platforms

    assert [layer.holds for layer in first.layers[6:-2]] == [
        "native 1.0",
        "alpha 1.0, beta 1.5, delta 0.1, gamma 3",
        "intel 1",
    ]
    assert [layer.holds for layer in second.layers[6:-2]] == ["native 1.0", "alpha 1.0, beta 1.5, delta 0.1, gamma 3"]
    assert first.layers[7].key() == second.layers[7].key()


def local(lock: Lock, *names: str) -> Lock:
    origin = BuiltFrom(kind=Kind.DIRECTORY, path="../core", digest=Digest("sha256:" + "2" * 64))
    packages = [replace(each, origin=origin) if each.name in names else each for each in lock.packages]
    return replace(lock, packages=tuple(packages))


def test_wheels_of_local_projects_share_the_last_layer_of_wheels() -> None:
    found = layers(arrange(SPEC, local(with_wheels(1, 2, 3, 4), "p0", "p2"), [FILE]))

    assert [layer.holds for layer in found if layer.kind == "wheels"] == ["p1 1, p3 1", "p0 1, p2 1"]


def test_wheels_of_local_projects_join_others_where_room_is_short() -> None:
    found = layers(arrange(replace(SPEC, max_layers=9), local(with_wheels(1, 2, 3), "p0"), [FILE]))

    assert [layer.holds for layer in found if layer.kind == "wheels"] == ["p0 1, p1 1, p2 1"]


@pytest.mark.parametrize("most", range(9, 15))
def test_layers_never_exceed_what_is_allowed(most: int) -> None:
    for lock in (LOCK, with_wheels(*(OWN_LAYER_BYTES + number for number in range(10)))):
        plan = arrange(replace(SPEC, max_layers=most), lock, [FILE])

        assert all(len(each.layers) <= most for each in plan.platforms)
        held = sorted(wheel.name for layer in layers(plan) if layer.kind == "wheels" for wheel in layer.inputs)
        assert held == sorted(wheel.name for package in lock.packages if (wheel := package.wheel_for(AMD64)))


def test_environment_is_made_of_all_wheels_where_several_layers_have_them() -> None:
    several = layers(arrange(SPEC, with_wheels(10, OWN_LAYER_BYTES, 20), [FILE]))[-2]
    single = layers(arrange(SPEC, with_wheels(10, 20), [FILE]))[-2]
    apart = layers(arrange(replace(SPEC, max_layers=9), with_wheels(10, OWN_LAYER_BYTES, 20), [FILE]))[-2]

    assert [each.kind for each in (several, single, apart)] == ["virtual-environment"] * 3
    assert [each.name for each in several.inputs] == [f"p{number}-1-py3-none-any.whl" for number in range(3)]
    assert (single.inputs, apart.inputs) == ((), ())


def test_no_room_at_all_is_an_error() -> None:
    with pytest.raises(InputError, match="set `max-layers` to 9 or more"):
        arrange(replace(SPEC, max_layers=6), LOCK, [FILE])


def test_pure_wheel_has_one_key_on_all_platforms() -> None:
    lock = replace(LOCK, packages=tuple(each for each in LOCK.packages if each.name == "alpha"))
    first, second = arrange(SPEC, lock, [FILE]).platforms

    assert first.layers[6].key() == second.layers[6].key()
    assert first.layers[0].key() != second.layers[0].key()


def test_plan_digest_moves_with_content_and_configuration_alone() -> None:
    plan = arrange(SPEC, LOCK, [FILE])

    assert arrange(replace(SPEC, repository="ghcr.io/acme/x"), LOCK, [FILE]).digest() == plan.digest()
    assert arrange(replace(SPEC, args=("--other",)), LOCK, [FILE]).digest() != plan.digest()
    assert arrange(SPEC, LOCK, [replace(FILE, executable=True)]).digest() != plan.digest()


def test_configuration() -> None:
    config = json.loads(arrange(SPEC, LOCK, [FILE]).platforms[1].config)

    assert config["architecture"] == "arm64"
    assert config["created"] == "1980-01-02T00:00:00Z"
    assert config["config"]["Env"] == [
        'GREETING=hello "world"',
        "HOME=/home/nonroot",
        "PATH=/opt/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "PATH_EXTRA=größe",
        "PYTHONUNBUFFERED=1",
    ]
    assert (config["config"]["Entrypoint"], config["config"]["Cmd"]) == (
        ["/opt/venv/bin/python", "/app/full.py"],
        ["--fast"],
    )
    assert (config["config"]["User"], config["config"]["WorkingDir"]) == ("1000:1001", "/app")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app").mkdir()
    (tmp_path / "secret").write_text("secret")
    return tmp_path / "app"


def collected(folder: Path, *patterns: str) -> list[str]:
    return [file.target for file in collect(replace(SPEC, files=patterns), SCRIPT, folder)]


def test_files_are_listed_in_order_whatever_the_folder_says(folder: Path) -> None:
    for name in ("z.csv", "a.csv", "sub/m.csv"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()

    assert collected(folder, "*.csv", "sub") == ["a.csv", "full.py", "sub/m.csv", "z.csv"]


def test_pattern_that_matches_nothing_is_an_error(folder: Path) -> None:
    with pytest.raises(InputError, match=r"full.py:\d+: `files` pattern '\*.csv' matches nothing"):
        collected(folder, "*.csv")


@pytest.mark.parametrize("folders", [False, True])
def test_link_out_of_the_folder_is_refused(folders: bool, folder: Path) -> None:
    (folder / "link").symlink_to("..", target_is_directory=True) if folders else (folder / "link").symlink_to(
        "../secret"
    )
    with pytest.raises(InputError) as caught:
        collected(folder, "link")

    assert "`files` pattern 'link' matches 'link', a link to a file outside the script's folder" in str(caught.value)


def test_link_inside_the_folder_is_followed(folder: Path) -> None:
    (folder / "real.csv").write_text("x")
    (folder / "link.csv").symlink_to("real.csv")

    assert collected(folder, "link.csv") == ["full.py", "link.csv"]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((), ["/opt/onedigest/bin/python", "/app/full.py"]),
        (('entrypoint = ["/opt/venv/bin/python", "/app/full.py"]',), ["/opt/onedigest/bin/python", "/app/full.py"]),
        (('entrypoint = ["/opt/venv/bin/serve"]',), ["/opt/venv/bin/serve"]),
        (('entrypoint = ["python"]',), ["python"]),
        (("include-script = false",), None),
    ],
    ids=["open", "as usual", "named", "by name", "none"],
)
def test_how_a_script_starts_follows_its_environment(lines: tuple[str, ...], expected: list[str] | None) -> None:
    block = "".join(f"# {line}\n" for line in ('requires-python = ">=3.11"', "[tool.onedigest]", *lines))
    script = parse(f"# /// script\n{block}# ///\n".encode(), "full.py")
    spec = specify(script, Project(root=Path()), "full.py")
    placed = replace(LOCK, base=replace(LOCK.base, venv="opt/onedigest"))
    started = [json.loads(arrange(spec, lock, [FILE]).platforms[0].config)["config"] for lock in (placed, LOCK)]

    assert started[0].get("Entrypoint") == expected
    assert started[1].get("Entrypoint", []) == list(spec.entrypoint)


def test_how_a_project_starts_follows_its_environment() -> None:
    of = ProjectSettings(name="app", uv_lock="", entrypoint=lambda _: ("/opt/venv/bin/serve",))
    open_, named = (
        specify(replace(SCRIPT, onedigest=table), Project(root=Path()), "pyproject.toml", of)
        for table in ({}, {"entrypoint": ["/opt/venv/bin/serve"]})
    )
    base = replace(LOCK.base, venv="opt/onedigest")

    assert (entrypoint(open_, base), entrypoint(named, base)) == (
        ("/opt/onedigest/bin/serve",),
        ("/opt/venv/bin/serve",),
    )
    assert entrypoint(open_, LOCK.base) == ("/opt/venv/bin/serve",)
