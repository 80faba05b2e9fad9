"""Real Bazel builds from the generated files what the embedded engine builds, by the engine and by hand."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from build_tools import (
    MODULE,
    NAMES,
    SHARED,
    WORKSPACE,
    call,
    copy_project,
    find_tool,
    layout_digest,
    odd_project,
    recorded,
)
from conftest import Project, Result

pytestmark = [pytest.mark.bazel, pytest.mark.network]

APP = "//lockfiles/app"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Project]:
    """The odd project as a Bazel workspace with modules and a cache on disk. Its server ends with the tests."""
    bazel = find_tool("bazel")
    with odd_project(tmp_path_factory.mktemp("bazel"), cache) as project:
        project.environment["TEST_TMPDIR"] = str(tmp_path_factory.mktemp("output"))
        project.write(".bazelrc", f"common --disk_cache={tmp_path_factory.mktemp('disk')}\n")
        yield project
        call(project, bazel, "shutdown")


def bazel(project: Project, *arguments: str) -> Result:
    return call(project, "bazel", *arguments)


def counts(result: Result) -> dict[str, int]:
    """Return how many actions ran in which way, as Bazel sums it up."""
    line = re.search(r"INFO: \d+ process(?:es)?: (.*)\.", result.err)
    assert line, result.err
    return {what: int(number) for number, what in re.findall(r"(\d+) ([^,]+)", line[1])}


def test_engine_gives_the_recorded_digests(workspace: Project) -> None:
    result = workspace.ok("build", "--engine", "bazel", "--locked", *NAMES)

    assert result.out == "".join(f"{name} {recorded(workspace, name)}\n" for name in NAMES)
    document = json.loads(workspace.ok("build", "--engine", "bazel", "--locked", "--json", "app").out)
    assert document["images"][0]["made"] == [], "Bazel has all of it"
    one = ("--platform", "linux/arm64", "app")
    assert workspace.ok("build", "--engine", "bazel", *one).out == workspace.ok("build", *one).out


def test_every_image_passes_its_test_by_hand(workspace: Project) -> None:
    result = bazel(workspace, "test", *(f"//lockfiles/{name}:all" for name in NAMES))

    assert result.code == 0, result.err
    assert f"Executed {len(NAMES)} out of {len(NAMES)} tests: {len(NAMES)} tests pass." in result.out + result.err
    for name in NAMES:
        layout = workspace.root / "bazel-bin" / "lockfiles" / name / f"{name}.layout"
        assert layout_digest(layout) == recorded(workspace, name)


def test_digests_need_no_layer_and_no_action_has_a_path_of_this_machine(workspace: Project) -> None:
    """What is checked here is what makes actions remotable: declared inputs, and nothing but relative paths."""
    query = bazel(workspace, "aquery", f'deps("{APP}")', "--output=jsonproto", "--include_artifacts")
    assert query.code == 0, query.err
    actions = json.loads(query.out)["actions"]
    digests = next(each for each in actions if each["mnemonic"] == "OnedigestDigests")
    arguments = [argument for each in actions for argument in each.get("arguments", ())]

    assert not [argument for argument in digests["arguments"] if argument.endswith(".tar.gz")]
    assert not any(str(workspace.root) in argument or "=/" in argument for argument in arguments)
    assert {argument for argument in arguments if argument.startswith("/")} <= {
        "/usr/bin/python3.11",
        "/app",
        "/app=1777:0:0",
        "/",
    }
    assert {each["mnemonic"] for each in actions} >= {"OnedigestLayer", "OnedigestLayout"}
    assert not any(each.get("environmentVariables") for each in actions if each["mnemonic"].startswith("Onedigest"))


def test_another_checkout_takes_everything_from_a_shared_cache(workspace: Project, tmp_path: Path) -> None:
    assert bazel(workspace, "build", APP).code == 0
    other = copy_project(workspace, tmp_path / "elsewhere")
    second = bazel(other, "build", APP)
    bazel(other, "shutdown")

    assert set(counts(second)) == {"internal", "disk cache hit"}, second.err
    assert counts(second)["disk cache hit"] >= 11, second.err
    assert layout_digest(other.root / "bazel-bin" / "lockfiles" / "app" / "app.layout") == recorded(workspace, "app")


def test_workspace_without_modules_builds_the_same(workspace: Project, tmp_path: Path) -> None:
    """Each action that is the same, to its last argument, comes from the cache; what it gives is tested again."""
    other = copy_project(workspace, tmp_path / "elsewhere")
    (other.root / "MODULE.bazel").unlink()
    other.write("WORKSPACE", WORKSPACE)
    other.write(".bazelrc", f"{workspace.read('.bazelrc')}common --noenable_bzlmod --enable_workspace\n")
    result = bazel(other, "test", *(f"//lockfiles/{name}:all" for name in NAMES))
    bazel(other, "shutdown")

    assert result.code == 0, result.err
    assert f"{len(NAMES)} tests pass" in result.out + result.err


def test_edit_of_a_script_makes_its_layer_alone(workspace: Project) -> None:
    workspace.ok("build", "--engine", "bazel", "app", "application")
    before = workspace.read("app.py")
    workspace.write("app.py", before + "print(1)\n")
    found = json.loads(workspace.ok("build", "--engine", "bazel", "--json", "app").out)["images"][0]
    embedded = workspace.ok("build", "app").out
    workspace.write("app.py", before)
    workspace.ok("build", "app")

    assert found["made"] == ["app.py and further files in /app"]
    assert embedded == f"{found['digest']}\n"


def test_layers_of_several_images_are_one_target(workspace: Project) -> None:
    query = bazel(workspace, "query", f'kind("layer rule", deps("{APP}")) intersect deps("//lockfiles/application")')

    assert query.code == 0, query.err
    names = {re.sub(r"-[0-9a-f]{12}$", "", label.partition(":")[2]) for label in query.out.split()}
    assert names == {
        "debian-bookworm-amd64", "debian-bookworm-arm64", "native-1.0-amd64", "native-1.0-arm64",
        "bytecode-debian-bookworm-amd64", "bytecode-debian-bookworm-arm64", "bytecode-native-1.0-amd64",
        "bytecode-native-1.0-arm64", "folder-app", "working-directory",
    }  # fmt: skip


def test_missing_input_is_told_for_the_images_that_need_it(workspace: Project) -> None:
    wheel = workspace.root / "lockfiles" / ".inputs" / "alpha-1.0-py3-none-any.whl"
    kept = wheel.rename(wheel.with_suffix(".away"))
    broken, fine = bazel(workspace, "build", APP), bazel(workspace, "build", "//lockfiles/application")
    kept.rename(wheel)

    assert broken.code == 1
    assert "missing: lockfiles/.inputs/alpha-1.0-py3-none-any.whl; run `onedigest fetch --all`" in broken.err
    assert fine.code == 0, fine.err


def test_missing_assembler_is_told(workspace: Project) -> None:
    (assembler,) = (workspace.root / "lockfiles" / ".inputs").glob("assemble-*.pyz")
    kept = assembler.rename(assembler.with_suffix(".away"))
    broken = bazel(workspace, "build", APP)
    query = bazel(workspace, "query", "//...")
    kept.rename(assembler)

    assert broken.code == 1
    assert f"missing: lockfiles/.inputs/{assembler.name}" in broken.err
    assert "; run `onedigest fetch --all`" in broken.err
    assert query.code == 0, query.err
    assert bazel(workspace, "build", APP).code == 0, "it is looked for again"


def test_missing_python_is_told(workspace: Project, tmp_path: Path) -> None:
    other = copy_project(workspace, tmp_path / "elsewhere")
    path = "--repo_env=PATH=/nonexistent"
    missing = bazel(other, "build", APP, path)
    named = bazel(other, "build", APP, path, "--repo_env=ONEDIGEST_PYTHON=/usr/bin/python3")
    bazel(other, "shutdown")

    assert missing.code == 1
    assert "missing: python3 on PATH, 3.11 or newer, which lists the files of images; install it, or" in missing.err
    assert named.code == 0, named.err


def test_files_of_a_copied_folder_come_and_go(workspace: Project) -> None:
    """With no other file changed: the repository of the files is made anew."""
    added = ("extra/new.txt", "extra/further/one.txt", "extra/further/BUILD")

    def made() -> tuple[str, str]:
        result = bazel(workspace, "build", "//lockfiles/etl.daily")
        assert result.code == 0, result.err
        layout = workspace.root / "bazel-bin" / "lockfiles" / "etl.daily" / "etl.daily.layout"
        return layout_digest(layout), workspace.ok("build", "etl.daily").out.strip()

    before = made()
    found = {before[0]}
    for path in added:
        workspace.write(path, path)
        bazel_digest, embedded = made()
        found.add(bazel_digest)
        assert bazel_digest == embedded, path
    assert len(found) == 4
    shutil.rmtree(workspace.root / "extra" / "further")
    (workspace.root / "extra" / "new.txt").unlink()

    assert made() == before


def test_mode_of_a_file_is_seen_with_the_record(workspace: Project) -> None:
    tool = workspace.root / "data" / "tool.sh"
    before = recorded(workspace, "app")
    tool.chmod(0o644)
    embedded = workspace.ok("build", "app").out.strip()
    result = bazel(workspace, "test", "//lockfiles/app:app_test")
    tool.chmod(0o755)
    workspace.ok("build", "app")

    assert embedded != before
    assert result.code == 0, result.err


def test_copied_folder_that_is_missing_is_told(workspace: Project) -> None:
    away = (workspace.root / "extra").rename(workspace.root / "away")
    broken = bazel(workspace, "build", "//lockfiles/etl.daily")
    fine = bazel(workspace, "build", APP)
    away.rename(workspace.root / "extra")

    assert broken.code == 1
    assert "`copy` names '../extra', where there is no file" in broken.err
    assert fine.code == 0, fine.err
    assert bazel(workspace, "build", "//lockfiles/etl.daily").code == 0


def test_layers_that_are_not_as_generated_are_told(workspace: Project) -> None:
    text = workspace.read("lockfiles/app/layers.json")
    workspace.write("lockfiles/app/layers.json", f"<<<<<<< ours\n{text}")
    conflict = bazel(workspace, "build", APP)
    name = next(each for each in json.loads(text)["layers"] if each.startswith("native-1.0-amd64"))
    workspace.write("lockfiles/app/layers.json", text.replace('"holds": "native 1.0"', '"holds": "other"', 1))
    other = bazel(workspace, "build", APP)
    words = [text.replace('"--script=app.py"', f'"{word}"', 1) for word in ("--project=/", "--output=x", "app.py")]
    outside = []
    for forged in words:
        workspace.write("lockfiles/app/layers.json", forged)
        outside.append(bazel(workspace, "build", APP).err)
    workspace.write("lockfiles/app/layers.json", text)

    assert "lockfiles/app/layers.json is not as it was generated; run `onedigest generate --all`" in conflict.err
    assert f"has another layer {name} than other images; run `onedigest generate --all`" in other.err
    for word, err in zip(("--project=/", "--output=x", "app.py"), outside, strict=True):
        assert f"lockfiles/app/layers.json selects files by {word}; run `onedigest generate --all`" in err
    assert bazel(workspace, "build", APP).code == 0


def test_wheel_whose_bytes_changed_is_refused(workspace: Project) -> None:
    wheel = workspace.root / "lockfiles" / ".inputs" / "alpha-1.0-py3-none-any.whl"
    kept = wheel.rename(wheel.with_suffix(".away"))
    wheel.write_bytes(kept.read_bytes()[:-1])
    result = bazel(workspace, "build", APP)
    kept.rename(wheel)

    assert result.code == 1
    assert "refused: alpha-1.0-py3-none-any.whl: not the file of the lock, whose digest is sha256:" in result.err


def test_bytecode_of_code_that_was_edited_is_refused(workspace: Project) -> None:
    before = workspace.read("extra/deep/er/tool.py")
    workspace.write("extra/deep/er/tool.py", f"{before}print()\n")
    stale = bazel(workspace, "build", "//lockfiles/etl.daily")
    workspace.write("extra/deep/er/tool.py", before)

    assert stale.code == 1
    said = "is of another text of /opt/grö'ße, %1/x/er/tool.py and 2 more; run `onedigest fetch` [stale]"
    assert said in stale.err
    assert bazel(workspace, "build", "//lockfiles/etl.daily").code == 0


def test_base_that_is_not_what_its_packages_give_is_refused(workspace: Project) -> None:
    """The archive's encoding is taken as it is, but never its content."""
    inputs = workspace.root / "lockfiles" / ".inputs"
    named = re.findall(r"ADD lockfiles/.inputs/(\S+) /", workspace.read("lockfiles/app/Dockerfile"))
    amd64, arm64 = (inputs / name for name in named)
    kept = amd64.rename(amd64.with_suffix(".away"))
    shutil.copyfile(arm64, amd64)
    result = bazel(workspace, "build", APP)
    kept.replace(amd64)

    assert result.code == 1
    assert re.search(rf"refused: {amd64.name}: its diff ID is sha256:\w+, but its packages give sha256:", result.err)


def test_record_that_is_another_fails_the_test(workspace: Project) -> None:
    record = workspace.read("lockfiles/app/image.toml")
    workspace.write("lockfiles/app/image.toml", re.sub(r'index = "sha256:....', 'index = "sha256:0000', record))
    wrong = bazel(workspace, "test", "//lockfiles/app:app_test", "--test_output=errors")
    (workspace.root / "lockfiles/app/image.toml").unlink()
    none = bazel(workspace, "test", "//lockfiles/app:app_test", "--test_output=errors")
    workspace.write("lockfiles/app/image.toml", record)

    assert (wrong.code, none.code) == (3, 3)
    assert f"  index: {recorded(workspace, 'app')} built, sha256:0000" in wrong.out + wrong.err
    assert "no build of app is recorded: run `onedigest build app`" in none.out + none.err


def test_image_with_commands_says_what_can_build_it(workspace: Project) -> None:
    by_hand = bazel(workspace, "build", "//lockfiles/commands")
    engine = workspace.run("build", "--engine", "bazel", "commands")

    assert "`run` needs an engine that runs commands: build with `onedigest build --engine buildx`" in by_hand.err
    assert (engine.code, engine.out) == (5, "")
    assert engine.err == (
        "error: `run` needs an engine that runs commands, which Bazel does not\n"
        "hint: build with --engine buildx, or leave `run` out: the other engines execute nothing in an image\n"
    )


def test_workspace_that_does_not_know_the_files_is_told_what_to_add(workspace: Project) -> None:
    workspace.write("MODULE.bazel", "")
    stale = workspace.run("build", "--engine", "bazel", "app")
    workspace.write("MODULE.bazel", MODULE)

    assert (stale.code, stale.out) == (5, "")
    assert stale.err == (
        f"{SHARED}error: the Bazel workspace does not know the repository `onedigest_files`\n"
        "hint: put into MODULE.bazel what lockfiles/extensions.bzl says\n"
    )


def test_buildifier_would_leave_all_files_as_they_are(workspace: Project) -> None:
    buildifier = find_tool("buildifier")
    files = sorted(
        str(path.relative_to(workspace.root))
        for path in (workspace.root / "lockfiles").rglob("*")
        if path.suffix in (".bzl", ".bazel")
    )
    result = call(workspace, buildifier, "-mode=check", "-lint=warn", "-warnings=all", *files)

    assert len(files) == 9
    assert (result.code, result.out, result.err) == (0, "", "")
