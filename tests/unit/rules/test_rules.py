"""Generated files: what they hold, when they move, and that a person can read them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from full_case import DATA, LOCK, SCRIPT, SPEC, plan_of
from onedigest import header, zipapp
from onedigest.definition.spec import Spec
from onedigest.digest import Digest
from onedigest.errors import InputError
from onedigest.formats import RULES
from onedigest.lock.model import Lock
from onedigest.plan.arrange import arrange
from onedigest.rules.bake import read_targets, render_bake
from onedigest.rules.dockerfile import render_dockerfile
from onedigest.rules.files import read, write
from onedigest.rules.folder import stale_folder, write_folder
from onedigest.rules.image import render_rules, stale_files
from onedigest.rules.model import Rules, StaleFile
from onedigest.rules.stages import stage_names


def dockerfile(spec: Spec = SPEC, lock: Lock = LOCK) -> str:
    return render_dockerfile(spec, lock, plan_of(spec, lock), "lockfiles", zipapp.newest())["Dockerfile"]


def write_rules(rules: Rules, folder: Path) -> list[str]:
    return write(folder, rules.files) + write_folder([rules], folder)[0]


def rules_in(folder: Path, spec: Spec = SPEC) -> Rules:
    (folder / spec.name).mkdir(parents=True, exist_ok=True)
    return render_rules(spec, LOCK, plan_of(spec), folder)


def stale_targets(rules: Sequence[Rules], folder: Path) -> list[str]:
    return [each.message for each in stale_folder(rules, folder) if each.path == "docker-bake.json"]


def test_nothing_is_unpinned_and_nothing_reaches_a_network() -> None:
    text = dockerfile(replace(SPEC, run=("python --version",)))
    stages = set(re.findall(r"(?m)^FROM .*\bAS (\S+)$", text))

    for line in re.findall(r"(?m)^FROM (?:--platform=\S+ )?(\S+)", text):
        assert line == "scratch" or line in stages or line.rpartition("-")[0] in {"base", "image"}
    assert text.count("\nRUN ") == text.count("\nRUN --network=none ")
    assert "# syntax" not in text
    assert not re.search(r"apt|pip install|uv ", text)


def test_stages_are_named_after_what_they_hold() -> None:
    names = list(stage_names(plan_of(SPEC)).values())

    assert names == [
        "layer-bytecode-debian-bookworm-amd64", "layer-folder-app", "layer-debian-essential-amd64",
        "layer-libgomp1-amd64", "layer-debian-configuration-amd64", "layer-native-1.0-amd64",
        "layer-bytecode-native-1.0-amd64", "layer-alpha-beta-delta-and-1-more",
        "layer-bytecode-alpha-beta-delta-and-1-more", "layer-intel-1-amd64", "layer-bytecode-intel-1-amd64",
        "layer-python-3.11.2-amd64", "layer-bytecode-python-3.11.2-amd64", "layer-application",
        "layer-bytecode-debian-bookworm-arm64", "layer-debian-essential-arm64", "layer-libgomp1-arm64",
        "layer-debian-configuration-arm64", "layer-native-1.0-arm64", "layer-bytecode-native-1.0-arm64",
        "layer-python-3.11.2-arm64", "layer-bytecode-python-3.11.2-arm64",
    ]  # fmt: skip


def test_wheels_carry_their_digests() -> None:
    text = dockerfile()

    for wheel in LOCK.wheels():
        assert f'"--wheel", "/inputs/{wheel.name}", "{wheel.digest}"' in text


def test_bytecode_is_taken_from_its_archive_alone() -> None:
    """A stage of it mounts no wheel and no package, and the context has every archive."""
    files = render_dockerfile(SPEC, LOCK, plan_of(SPEC), "locks", zipapp.newest())
    stages = [each for each in files["Dockerfile"].split("\n\n") if "\nFROM assembler AS layer-bytecode-" in each]
    lines = files["Dockerfile.dockerignore"].splitlines()

    assert len(stages) == sum(bool(layer.bytecode) for layer in plan_of(SPEC).layers())
    for stage in stages:
        (source, target, argument) = re.findall(r"[^ ,=\"]+/bytecode-[^ ,=\"]+\.tar\.gz", stage)
        assert target == argument == f"/inputs/{source.rpartition('/')[2]}"
        assert f"!{source}" in lines
        assert stage.count("--mount=") == 1
        assert not re.search(r"\.(whl|deb)\b", stage)


def test_bytecode_of_a_base_is_directly_above_it() -> None:
    text = dockerfile()
    (above,) = re.findall(r"\nFROM base-amd64 AS image-amd64\n(.*)\n", text)

    assert above == "COPY --link --from=layer-bytecode-debian-bookworm-amd64 /out/ /"


def test_bytecode_of_an_application_is_above_it_and_above_commands() -> None:
    spec = replace(SPEC, run=("ldconfig",))
    plan = arrange(spec, LOCK, [DATA, replace(DATA, target="data/lib.py"), SCRIPT])
    files = render_dockerfile(spec, LOCK, plan, "locks", zipapp.newest())

    assert (
        files["Dockerfile"].count(
            "AS image-arm64\n"
            "COPY --link --from=layer-application /out/ /\n"
            "COPY --link --from=layer-bytecode-application-full /out/ /\n\n"
        )
        == 1
    )
    ignored = files["Dockerfile.dockerignore"].splitlines()
    assert ignored.count("!data/*.csv") == 1
    assert "!locks/.inputs/bytecode-application-full.tar.gz" in ignored


def test_lock_folder_of_an_odd_name_is_mounted_whole() -> None:
    spec = replace(SPEC, files=(), copies=(("lib", "lib"),))
    plan = arrange(spec, LOCK, [replace(DATA, target="lib/a.py"), SCRIPT])
    text = render_dockerfile(spec, LOCK, plan, "lock files", zipapp.newest())["Dockerfile"]
    (stage,) = (each for each in text.split("\n\n") if "AS layer-bytecode-application-full" in each)

    assert re.findall(r"--mount=(\S+)", stage) == ["type=bind,target=/context"]
    assert '"--encoded", "/context/lock files/.inputs/bytecode-application-full.tar.gz"' in stage


def test_commands_stand_between_wheels_and_application() -> None:
    text = dockerfile(replace(SPEC, run=("python -c 'print(1)'", "ldconfig")))
    lines = [
        line for line in text.splitlines() if line.startswith(("FROM ", "COPY --link --from", "RUN --network=none ["))
    ]
    at = lines.index("FROM wheels-arm64 AS run-arm64")

    assert lines[at - 1].startswith("COPY --link --from=layer-bytecode-python-3.11.2-arm64")
    assert lines[at : at + 5] == [
        "FROM wheels-arm64 AS run-arm64",
        'RUN --network=none ["python", "-c", "print(1)"]',
        'RUN --network=none ["ldconfig"]',
        "FROM run-arm64 AS image-arm64",
        "COPY --link --from=layer-application /out/ /",
    ]


def test_one_platform_builds_with_its_own_base() -> None:
    platforms = LOCK.platforms[1:]
    lock = replace(LOCK, platforms=platforms)

    assert "\nFROM base-arm64 AS tools\n" in dockerfile(replace(SPEC, platforms=platforms), lock)


def test_edit_of_a_script_moves_no_generated_file(tmp_path: Path) -> None:
    edited = replace(SCRIPT, digest=Digest("sha256:" + "3" * 64), content=b"print()")
    plan = arrange(SPEC, LOCK, [DATA, edited])

    assert render_rules(SPEC, LOCK, plan, tmp_path) == rules_in(tmp_path)


def test_context_is_exactly_what_is_read() -> None:
    text = render_dockerfile(SPEC, LOCK, plan_of(SPEC), "locks", zipapp.newest())["Dockerfile.dockerignore"]
    lines = [line for line in text.splitlines() if not line.startswith("#")]

    assert lines[0] == "*"
    inputs = [line for line in lines if line.startswith("!locks/.inputs/")]
    assert lines[1] == "!data/*.csv"
    assert [line for line in lines if line.startswith("!")][1:] == ["!data/two.bin", "!full.py", *inputs]
    assert lines[-len(inputs) :] == inputs
    assert {"**/.[gG][iI][tT]", "**/__pycache__", "locks"} < set(lines)
    packages = {each.file_name for each in LOCK.base.debian_packages}
    assert {line.rpartition("/")[2] for line in inputs if ".deb" in line} == packages, "all are configured together"


def test_script_outside_the_context_is_refused() -> None:
    with pytest.raises(InputError, match="the script is not below the folder that holds the locks"):
        dockerfile(replace(SPEC, script="/elsewhere/full.py"))


def test_files_are_fresh_until_something_moves(tmp_path: Path) -> None:
    folder = tmp_path / "lockfiles"
    rules = rules_in(folder)
    assert write_rules(rules, folder) == [
        *(f"full/{name}" for name in ("BUILD.bazel", "Dockerfile", "Dockerfile.dockerignore", "default.nix")),
        *(f"full/{name}" for name in ("layers.json", "pylock.toml")),
        ".gitattributes",
        ".gitignore",
        "BUILD.bazel",
        "defs.bzl",
        "docker-bake.json",
        "extensions.bzl",
        "internal.bzl",
        "onedigest.nix",
    ]
    assert write_rules(rules, folder) == []

    assert list(stale_files(rules, folder)) == []
    assert stale_targets([rules], folder) == []
    other = render_rules(SPEC, LOCK, arrange(replace(SPEC, user="7:7"), LOCK, [SCRIPT]), folder)
    assert list(stale_files(other, folder)) == [
        StaleFile("full/Dockerfile", "is out of date", RULES),
        StaleFile("full/Dockerfile.dockerignore", "is out of date", RULES),
        StaleFile("full/BUILD.bazel", "is out of date", RULES),
        StaleFile("full/layers.json", "is out of date", RULES),
        StaleFile("full/default.nix", "is out of date", RULES),
    ]
    assert stale_targets([other], folder) == ["the target of full is out of date"]
    (folder / "full/Dockerfile").unlink()
    assert list(stale_files(rules, folder)) == [StaleFile("full/Dockerfile", "is missing")]


def test_bake_file_keeps_other_images_and_drops_those_that_are_gone(tmp_path: Path) -> None:
    folder = tmp_path / "lockfiles"
    for name in ("one.two", "three"):
        write_rules(rules_in(folder, replace(SPEC, name=name)), folder)
    assert set(read_targets(read(folder / "docker-bake.json"))) == {"one__two", "three"}

    (folder / "three" / "pylock.toml").unlink()
    assert (stale_targets([], folder)) == ["has the target `three`, which no image asks for"]
    write_rules(rules_in(folder, replace(SPEC, name="one.two")), folder)
    assert set(read_targets(read(folder / "docker-bake.json"))) == {"one__two"}


def test_images_that_are_generated_at_once_are_all_kept(tmp_path: Path) -> None:
    folder = tmp_path / "lockfiles"
    names = [f"image{number}" for number in range(12)]
    rules = [rules_in(folder, replace(SPEC, name=name)) for name in names]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda each: write_rules(each, folder), rules))

    assert sorted(read_targets(read(folder / "docker-bake.json"))) == sorted(names)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("lockfiles/full/Dockerfile", "elsewhere/Dockerfile", "the target of full was changed by hand"),
        ('"context": ".",', '"context": ".", "pull": true,', "was changed by hand"),
        ('"full": {', '"fuller": {', "has no target for full"),
        ("{", "[", "was changed by hand"),
    ],
)
def test_hand_edit_of_the_bake_file_is_noticed(old: str, new: str, said: str, tmp_path: Path) -> None:
    folder = tmp_path / "lockfiles"
    rules = rules_in(folder)
    write_rules(rules, folder)
    path = folder / "docker-bake.json"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))

    assert said in (stale_targets([rules], folder))


def test_bake_file_is_json_that_others_can_read(tmp_path: Path) -> None:
    target = rules_in(tmp_path / "lockfiles").bake
    assert target
    document = json.loads(render_bake([target], "lockfiles"))

    assert document["group"]["default"]["targets"] == ["full"]
    assert document["target"]["full"]["platforms"] == ["linux/amd64", "linux/arm64"]


def test_header_shows_a_change() -> None:
    text = header.add_header("a\nb.py", "body\n")

    assert header.is_intact(text)
    assert not header.is_intact(text + " ")
    assert header.stated_script(text) == "a b.py"
