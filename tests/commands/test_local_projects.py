"""Scripts that take packages from local projects, git and archives: how they are locked, fetched and built."""

from __future__ import annotations

import json
import os
import shutil
import tomllib
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from index_server import IndexServer
from locking import Locking
from onedigest.assembler.image import assemble_index
from onedigest.attestation.provenance import make_provenance
from onedigest.attestation.sbom import Materials, make_sbom
from onedigest.definition.spec import digest_of
from onedigest.digest import canonical_json, hex_of
from onedigest.lock import text as lock_text
from onedigest.store import Store
from onedigest.workspace.changes import compare, of_lock
from stand_in import BACKEND, StandIn, write_project, write_sdist
from wheel_builder import build_wheel, wheel_bytes

pytest_plugins = ("built_app",)

LOCK = "lockfiles/app/pylock.toml"


@pytest.fixture
def making(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """Wheels are made without a backend."""
    return StandIn(monkeypatch)


def settings(locking: Locking, *lines: str, build: str = "") -> None:
    """Add lines of [tool.uv] to the script."""
    text = "".join(f"# {line}\n" for line in ("[tool.uv]", *lines, "[tool.onedigest]"))
    locking.edit("app.py", "# [tool.onedigest]\n", text + (f"# build = {build}\n" if build else ""))


def packages(locking: Locking) -> dict[str, Any]:
    rows = tomllib.loads(locking.read(LOCK))["packages"]
    return {row["name"]: row for row in rows}


def asked(locking: Locking) -> set[str]:
    """Return the names that the index was asked for since the last time."""
    names = {request.split("/")[2] for request in locking.index.requests if request.startswith("/simple/")}
    locking.index.requests.clear()
    return names


def test_local_project_is_built_and_locked(locking: Locking, making: StandIn) -> None:
    write_project(locking.root / "packages" / "core", "Core", requires=["beta"])
    build_wheel(locking.index.folder, "beta", "1.0")
    build_wheel(locking.index.folder, "core", "9.0")
    locking.ask("core", "alpha")
    settings(locking, 'sources = { core = { path = "packages/core", editable = true } }')
    result = locking.ok("build", "app.py")

    assert "\ncore: built from packages/core\n" in result.err
    found = packages(locking)
    assert {name: row["version"] for name, row in found.items()} == {"alpha": "1.0", "beta": "1.0", "core": "1.0"}
    assert found["core"]["tool"]["onedigest"]["path"] == "packages/core"
    assert "tool" not in found["beta"]
    assert asked(locking) == {"alpha", "beta"}
    assert making.names() == ["core"]


def test_what_an_extra_asks_for_is_found_where_a_local_project_names_it(locking: Locking, making: StandIn) -> None:
    write_project(locking.root / "packages" / "core", "core", requires=["beta[fast]"])
    build_wheel(locking.index.folder, "beta", "1.0", requires=["gamma[all]; extra == 'fast'"], extras=["fast"])
    build_wheel(locking.index.folder, "gamma", "1.0", requires=["delta; extra == 'all'"], extras=["all"])
    build_wheel(locking.index.folder, "delta", "1.0")
    locking.ask("core")
    settings(locking, 'sources = { core = { path = "packages/core" } }')
    locking.ok("generate", "app.py")
    build_wheel(locking.index.folder, "delta", "2.0")

    assert set(packages(locking)) == {"core", "beta", "gamma", "delta"}
    locking.ok("fetch", "app.py")


def test_change_of_code_moves_that_wheel_and_nothing_else(locking: Locking, making: StandIn) -> None:
    folder = write_project(locking.root / "packages" / "core", "core", requires=["beta"])
    build_wheel(locking.index.folder, "beta", "1.0")
    locking.ask("core", "alpha")
    settings(locking, 'sources = { core = { path = "packages/core" } }')
    locking.ok("build", "app.py")
    before = locking.read(LOCK).splitlines()
    assert locking.ok("build", "app.py").err == "app: unchanged\n"
    assert making.names() == ["core"]
    build_wheel(locking.index.folder, "alpha", "1.1")
    build_wheel(locking.index.folder, "beta", "1.1")
    write_project(folder, "core", requires=["beta"], code="x = 2\n")

    refused = locking.run("build", "app.py", "--locked")
    checked = locking.run("generate", "app.py", "--check")
    where = "lockfiles/app/pylock.toml: the code of `core` in packages/core changed since it was locked"
    assert (refused.code, refused.err) == (1, f"error: {where}\nhint: run `onedigest generate app.py`\n")
    assert (checked.code, checked.err) == (3, f"error: {where}\nhint: run `onedigest generate app.py`\n")
    assert making.names() == []

    result = locking.ok("build", "app.py")
    assert result.err.splitlines()[:2] == [
        "app: the code of core changed since it was locked, so it is locked again; review lockfiles/app",
        "core: built from packages/core (its code changed)",
    ]
    after = locking.read(LOCK).splitlines()
    moved = [line.partition(" = ")[0].strip(" {") for line, other in zip(after, before, strict=True) if line != other]
    assert len(moved) == 3
    assert moved[1:] == ["name", "digest"]
    assert locking.ok("generate", "app.py", "--check").err == "1 lock checked\n"
    locking.index.requests.clear()
    write_project(folder, "core", requires=["beta"], code="x = 3\n")
    locking.ok("build", "app.py", "--offline")
    assert asked(locking) == set()
    write_project(folder, "core", requires=["alpha>1", "beta"], code="x = 3\n")
    assert "  alpha 1.0 -> 1.1" in locking.ok("build", "app.py").err.splitlines()


def test_lock_cannot_name_another_wheel_of_the_store_for_a_source(locking: Locking, making: StandIn) -> None:
    write_project(locking.root / "packages" / "core", "core")
    locking.ask("core")
    settings(locking, 'sources = { core = { path = "packages/core" } }')
    locking.ok("build", "app.py")
    other = wheel_bytes("core", "1.0", files={"core/__init__.py": b"hostile = True\n"})
    store = Store(Path(os.environ["XDG_CACHE_HOME"]) / "onedigest")
    lock = lock_text.loads(locking.read(LOCK), LOCK)
    row = next(package for package in lock.packages if package.name == "core")
    wheel = replace(row.wheels[0][1], digest=store.add(other), size=len(other))
    forged = replace(row, wheels=tuple((platform, wheel) for platform, _ in row.wheels))
    packages = tuple(forged if package is row else package for package in lock.packages)
    (locking.root / LOCK).write_text(lock_text.dumps(replace(lock, packages=packages)))

    for arguments in (("fetch", "app.py"), ("build", "app.py", "--locked")):
        result = locking.run(*arguments)
        assert result.code == 1
        assert result.err.startswith("error: the same source gives another wheel"), result.err


def test_clone_builds_what_its_store_lacks_and_arrives_at_the_same_digest(
    locking: Locking, making: StandIn, tmp_path: Path
) -> None:
    more = '[project.optional-dependencies]\nfast = ["beta"]\n'
    write_project(locking.root / "libs" / "inner", "inner", more=more)
    source = '[tool.uv.sources]\ninner = { path = "../inner" }\n'
    write_project(locking.root / "libs" / "core", "core", requires=["inner[fast]"], more=source)
    build_wheel(locking.index.folder, "beta", "1.0")
    write_sdist(locking.index.folder, "old", "1.0", requires=["alpha"])
    locking.ask("core", "old")
    settings(locking, 'sources = { core = { path = "libs/core" } }', build='["old"]')
    digest = locking.ok("build", "app.py").out
    assert making.names() == ["core", "inner", "old"]
    lock = locking.read(LOCK)
    shutil.rmtree(tmp_path / "cache")
    shutil.rmtree(locking.root / "lockfiles" / ".inputs")
    asked(locking)

    result = locking.ok("build", "app.py", "--locked")
    assert result.out == digest
    assert making.names() == ["core", "inner", "old"]
    assert asked(locking) == {"alpha", "beta", "old"}
    assert [line for line in result.err.splitlines() if ": built from " in line] == [
        "core: built from libs/core",
        "inner: built from libs/inner",
        "old: built from old-1.0.tar.gz",
    ]
    assert locking.read(LOCK) == lock
    locking.index.close()
    assert locking.ok("build", "app.py", "--offline", "--locked").out == digest
    assert making.names() == []


def test_no_index_is_asked_for_a_local_project(locking: Locking, making: StandIn) -> None:
    """Members of the workspace need each other, and a package of the index needs one of them too."""
    for name in ("app-core", "app-web", "app-cli", "idle"):
        build_wheel(locking.index.folder, name, "9.0")
    build_wheel(locking.index.folder, "beta", "1.0", requires=["app-core>=1"])
    locking.project.write(
        "pyproject.toml", '[tool.uv.workspace]\nmembers = ["packages/*"]\nexclude = ["packages/not"]\n'
    )
    sources = "".join(f"{name} = {{ workspace = true }}\n" for name in ("app-core", "app-cli", "app-web"))
    for name, requires in (("app-web", ["app-core>=1"]), ("app-core", ["app-cli"]), ("app-cli", ["app-web"])):
        more = f'[project.optional-dependencies]\ndev = ["idle"]\n[tool.uv.sources]\n{sources}idle = {{ path = "../idle" }}\n'
        write_project(locking.root / "packages" / name, name, requires=requires, more=more)
    write_project(locking.root / "packages" / "not", "app-core", version="7.0")
    locking.ask("app-web", "beta")
    settings(locking, "sources = { app-web = { workspace = true } }")
    locking.ok("generate", "app.py")

    assert asked(locking) == {"beta"}
    assert {name: row["version"] for name, row in packages(locking).items()} == {
        "app-cli": "1.0",
        "app-core": "1.0",
        "app-web": "1.0",
        "beta": "1.0",
    }
    assert sorted(making.names()) == ["app-cli", "app-core", "app-web"]
    assert [row["name"] for row in tomllib.loads(locking.read(LOCK))["tool"]["onedigest"]["requirements"]] == [
        "app-web",
        "beta",
    ]
    build_wheel(locking.index.folder, "beta", "1.1", requires=["idle"])
    locking.index.requests.clear()
    assert locking.run("generate", "app.py", "--upgrade").err.splitlines()[-2:] == [
        "error: app.py: another package needs `idle`, which comes from a source here, and nothing asks for it that counts",
        "hint: add `idle` to `dependencies`, so that it is built",
    ]
    assert asked(locking) == {"beta"}


def test_what_is_not_named_in_build_is_refused_in_one_line(locking: Locking, making: StandIn) -> None:
    write_sdist(locking.root, "four", "1.0")
    locking.ask(
        "one", "two @ git+https://geheim@git.example/two@v1", "three @ https://a.example/three-1.0.tar.gz", "four"
    )
    settings(
        locking,
        'sources = { one = { git = "https://git.example/one", tag = "v1" }, four = { path = "four-1.0.tar.gz" } }',
        build='["old"]',
    )
    result = locking.run("generate", "app.py")

    assert result.code == 1
    assert [line for line in result.err.splitlines() if line.startswith(("error", "hint: write"))] == [
        "error: app.py: `four` comes from an archive of its source, which is not a wheel",
        "error: app.py: `one` comes from a git repository, which is not a wheel",
        "error: app.py: `three` comes from an archive of its source, which is not a wheel",
        "error: app.py: `two` comes from a git repository, which is not a wheel",
        'hint: write `build = ["four", "old", "one", "three", "two"]` in [tool.onedigest]',
    ]
    assert "geheim" not in result.err
    assert making.names() == []


def test_what_an_index_has_as_source_alone_is_named_at_once(locking: Locking, making: StandIn) -> None:
    write_sdist(locking.index.folder, "old", "1.0")
    write_sdist(locking.index.folder, "Far-Away", "1.0")
    build_wheel(locking.index.folder, "beta", "1.0", requires=["far-away"])
    locking.ask("old", "beta")
    result = locking.run("generate", "app.py")

    assert result.code == 1
    assert result.err.splitlines()[-1] == (
        'hint: where it is pure Python, write `build = ["far-away", "old"]` in [tool.onedigest]: then it is built here'
    )
    assert "--no-build" not in result.err
    build_wheel(locking.index.folder, "old", "1.0", tag="cp310-cp310-manylinux_2_17_x86_64")
    assert '`build = ["far-away"]`' in locking.run("generate", "app.py").err
    locking.edit("app.py", 'dependencies = ["old", "beta"]', 'dependencies = ["old"]')
    result = locking.run("generate", "app.py")
    assert result.err.splitlines()[-1] == (
        "hint: publish wheels of `old` for each platform to an index, built for example with cibuildwheel"
    )
    assert "--no-build" not in result.err


def test_wheel_for_another_python_is_pure_too(locking: Locking, making: StandIn) -> None:
    write_sdist(locking.index.folder, "old", "1.0")
    build_wheel(locking.index.folder, "old", "1.0", tag="py2-none-any")
    locking.ask("old")

    assert '`build = ["old"]`' in locking.run("generate", "app.py").err


def test_what_a_built_package_needs_from_source_is_named(locking: Locking, making: StandIn) -> None:
    """An older version that needs less is not what anybody asked for."""
    for version, requires in (("1.0", []), ("2.0", ["far-away", "near"])):
        write_sdist(locking.index.folder, "old", version, requires=requires)
    write_sdist(locking.index.folder, "far-away", "1.0")
    write_sdist(locking.index.folder, "near", "1.0")
    locking.ask("old")
    settings(locking, build='["old"]')
    result = locking.run("generate", "app.py")

    assert result.code == 1
    assert result.err.splitlines()[-1] == (
        'hint: where it is pure Python, write `build = ["far-away", "near", "old"]` in [tool.onedigest]: '
        "then it is built here"
    )
    assert "--no-build" not in result.err
    assert making.names() == ["old"]
    write_sdist(locking.index.folder, "top", "2.0", requires=["old>1"])
    write_sdist(locking.index.folder, "top", "1.0", requires=["old"])
    locking.edit("app.py", 'dependencies = ["old"]', 'dependencies = ["top"]')
    locking.edit("app.py", 'build = ["old"]', 'build = ["old", "top"]')
    assert '`build = ["far-away", "near", "old", "top"]`' in locking.run("generate", "app.py").err
    assert making.names() == ["top", "old"]


def test_what_is_to_be_built_from_now_on_is_chosen_anew(locking: Locking, making: StandIn) -> None:
    """The hint of an older choice, followed word for word; afterwards the pin stays."""
    build_wheel(locking.index.folder, "old", "1.0")
    write_sdist(locking.index.folder, "old", "2.0")
    locking.ask("old")
    assert '`build = ["old"]`' in locking.ok("generate", "app.py").err
    settings(locking, build='["old"]')
    assert locking.ok("generate", "app.py").err.splitlines()[-1] == "  old 1.0 -> 2.0"
    write_sdist(locking.index.folder, "old", "3.0")
    locking.edit("app.py", 'dependencies = ["old"]', 'dependencies = ["old", "alpha"]')
    locking.ok("generate", "app.py")

    assert packages(locking)["old"]["version"] == "2.0"


def test_git_and_archives_are_built_where_they_are_named(locking: Locking, making: StandIn) -> None:
    inner = write_project(locking.root.parent / "git" / "sub", "two", version="2.0").parent
    one = write_project(locking.root.parent / "one", "one", more='[project.optional-dependencies]\nx = ["beta"]\n')
    making.repositories = {"https://git.example/one": one, "ssh://git@git.example/two.git": inner}
    build_wheel(locking.index.folder, "beta", "1.0")
    write_sdist(locking.root, "four", "4.0")
    write_project(locking.root / "gone", "gone")
    (locking.index.folder / "far").mkdir()
    write_sdist(locking.index.folder, "three", "3.0")
    far = f"{locking.index.address.removesuffix('/simple')}/files/three-3.0.tar.gz"
    locking.ask(
        "One[X]",
        "two @ git+ssh://git@git.example/two.git@main#subdirectory=sub",
        f"three @ {far}",
        "four",
        "gone ; sys_platform == 'win32'",
        "beta",
    )
    settings(
        locking,
        'sources.One = { git = "https://git.example/one", tag = "v1" }',
        'sources.four = { path = "four-4.0.tar.gz" }',
        'sources.gone = { path = "gone" }',
        'sources.beta = [{ path = "gone", marker = "sys_platform == \'win32\'" }]',
        build='["one", "two", "three", "four"]',
    )
    result = locking.ok("build", "app.py")

    assert [line for line in result.err.splitlines() if ": built from " in line] == [
        "four: built from four-4.0.tar.gz",
        f"one: built from https://git.example/one at {packages(locking)['one']['tool']['onedigest']['commit'][:12]}",
        "three: built from three-3.0.tar.gz",
        f"two: built from ssh://git.example/two.git at {packages(locking)['two']['tool']['onedigest']['commit'][:12]}",
    ]
    assert {name: row["version"] for name, row in packages(locking).items()} == {
        "beta": "1.0",
        "four": "4.0",
        "one": "1.0",
        "three": "3.0",
        "two": "2.0",
    }
    assert asked(locking) == {"beta"}
    assert {(source.reference, source.subdirectory) for source in making.made if source.kind == "git"} == {
        ("refs/tags/v1", ""),
        ("main", "sub"),
    }


def test_source_distributions_of_an_index_are_chosen_by_uv(locking: Locking, making: StandIn) -> None:
    """The newest version needs what is not there, so uv takes the one before; a yanked one is passed over."""
    write_sdist(locking.index.folder, "old", "1.0", requires=["inner"])
    write_sdist(locking.index.folder, "old", "2.0", requires=["alpha>5"])
    write_sdist(locking.index.folder, "old", "3.0")
    locking.index.yanked["old-3.0.tar.gz"] = "broken"
    write_sdist(locking.index.folder, "inner", "1.0", requires=["alpha ; python_version < '3'"])
    build_wheel(locking.index.folder, "inner", "0.5")
    build_wheel(locking.index.folder, "beta", "1.0", requires=["old"])
    locking.ask("beta")
    settings(locking, build='["inner", "old", "unneeded"]')
    locking.ok("generate", "app.py")

    found = packages(locking)
    assert {name: row["version"] for name, row in found.items()} == {"beta": "1.0", "inner": "1.0", "old": "1.0"}
    assert found["old"]["tool"]["onedigest"]["path"] == "old-1.0.tar.gz"
    assert making.names() == ["old", "old", "inner"]
    build_wheel(locking.index.folder, "beta", "1.1", requires=["old"])
    assert locking.ok("generate", "app.py").err.startswith("app: unchanged, ")
    assert locking.ok("generate", "app.py", "--upgrade").err.splitlines()[-1] == "  beta 1.0 -> 1.1"


def test_what_has_wheels_alone_cannot_be_built(locking: Locking, making: StandIn) -> None:
    settings(locking, build='["alpha"]')
    result = locking.run("generate", "app.py")

    assert result.code == 1
    assert result.err.splitlines()[-1] == (
        "hint: leave `alpha` out of `build` in [tool.onedigest]: the index has no source distribution that fits"
    )


def test_index_of_a_member_is_the_one_that_is_asked(locking: Locking, making: StandIn, tmp_path: Path) -> None:
    own = tmp_path / "own"
    build_wheel(own, "beta", "2.0", requires=["alpha"])
    build_wheel(locking.index.folder, "beta", "9.0")
    with closing(IndexServer(own)) as server:
        more = (
            f'[[tool.uv.index]]\nname = "own"\nurl = "{server.address}"\n'
            '[tool.uv.sources]\nbeta = { index = "own" }\n'
        )
        write_project(locking.root / "core", "core", requires=["beta>=1"], more=more)
        locking.ask("core")
        settings(locking, 'sources = { core = { path = "core" } }')
        locking.ok("build", "app.py")
        before = locking.read(LOCK)
        locking.ok("generate", "app.py", "--upgrade")

    found = packages(locking)
    assert {name: row["version"] for name, row in found.items()} == {"alpha": "1.0", "beta": "2.0", "core": "1.0"}
    assert "beta" not in asked(locking)
    assert [row["name"] for row in tomllib.loads(before)["tool"]["onedigest"]["requirements"]] == ["core"]
    assert locking.read(LOCK) == before


def test_places_in_the_metadata_of_a_local_project(locking: Locking, making: StandIn) -> None:
    """uv would follow them: a git repository that is to be built here, and a folder beside the project."""
    core = locking.root / "libs" / "core"
    git = write_project(
        locking.root.parent / "two", "two", version="2.0", more='[project.optional-dependencies]\nx = ["beta"]\n'
    )
    making.repositories = {"https://git.example/two": git}
    inner = write_project(locking.root / "libs" / "inner", "inner", version="3.0")
    build_wheel(locking.index.folder, "beta", "1.0")
    write_project(core, "core", requires=["two[x] @ git+https://git.example/two@v2", f"inner @ file://{inner}"])
    locking.ask("core")
    settings(locking, 'sources = { core = { path = "libs/core" } }')
    refused = locking.run("generate", "app.py")
    assert refused.err.splitlines()[-2:] == [
        "error: app.py: `two` comes from a git repository, which is not a wheel",
        'hint: write `build = ["two"]` in [tool.onedigest]',
    ]
    locking.edit("app.py", "# [tool.onedigest]", '# [tool.onedigest]\n# build = ["two"]')
    locking.ok("build", "app.py")

    found = packages(locking)
    assert {name: row["version"] for name, row in found.items()} == {
        "beta": "1.0",
        "core": "1.0",
        "inner": "3.0",
        "two": "2.0",
    }
    assert found["inner"]["tool"]["onedigest"]["path"] == "libs/inner"
    assert asked(locking) == {"beta"}


def test_what_is_outside_of_the_repository_is_refused(locking: Locking, making: StandIn) -> None:
    write_project(locking.root.parent / "outside", "one")
    (locking.root / "link").symlink_to(locking.root.parent / "outside")
    write_project(locking.root / "five", "five")
    locking.ask("one", "two", "three", "four", "five")
    settings(
        locking,
        'sources.one = { path = "../outside" }',
        'sources.two = { path = "link" }',
        'sources.three = { path = "nowhere" }',
        "sources.four = { workspace = true }",
        'sources.five = { path = "five", package = false }',
    )
    assert locking.run("generate", "app.py").err.splitlines() == [
        "error: app.py: `five` comes from a local project with `package = false`, which is not to be installed",
        "hint: leave it out, or write what the project needs into `dependencies`",
        "error: app.py: `four` comes from a workspace, and no pyproject.toml around it has [tool.uv.workspace]",
        "error: app.py: `one` comes from ../outside, which is outside of the repository",
        "hint: move it into the repository, or take it from git",
        "error: app.py: `three` comes from nowhere, which is not there",
        "error: app.py: `two` comes from link, which is outside of the repository",
        "hint: move it into the repository, or take it from git",
    ]
    assert making.names() == []


def test_what_builds_need_moves_where_it_is_named(locking: Locking, making: StandIn) -> None:
    write_project(locking.root / "core", "core")
    write_sdist(locking.index.folder, "old", "1.0")
    locking.ask("core", "old")
    settings(locking, 'sources = { core = { path = "core" } }', build='["old"]')
    locking.ok("generate", "app.py")
    assert making.names() == ["core", "old"]
    making.requires = (replace(BACKEND, version="2.0"),)
    assert locking.ok("generate", "app.py", "--upgrade-package", "old").err.startswith(
        "old: built from old-1.0.tar.gz\n"
    )
    assert [row["tool"]["onedigest"]["requires"][0]["version"] for row in packages(locking).values()] == ["1.0", "2.0"]
    locking.ok("generate", "app.py", "--upgrade-package", "Backend")
    assert [row["tool"]["onedigest"]["requires"][0]["version"] for row in packages(locking).values()] == ["2.0", "2.0"]
    assert making.names() == ["old", "core", "old"]
    unknown = locking.run("generate", "app.py", "--upgrade-package", "backen")
    assert (
        unknown.err
        == "error: `--upgrade-package backen`: the lock has no such package\nhint: did you mean `backend`?\n"
    )


def test_what_is_said_of_where_wheels_are_from(locking: Locking, making: StandIn) -> None:
    making.repositories = {"https://git.example/two": write_project(locking.root.parent / "two", "two")}
    write_sdist(locking.index.folder, "old", "1.0")
    source = '[tool.uv.sources]\ntwo = { git = "https://git.example/two", rev = "main" }\n'
    write_project(locking.root / "core", "core", requires=["two"], more=source)
    locking.ask("core", "old")
    settings(locking, 'sources = { core = { path = "core" } }', build='["old", "two"]')
    locking.ok("generate", "app.py")
    lock = lock_text.loads(locking.read(LOCK), LOCK)
    origins = {package.name: package.origin for package in lock.packages if package.origin}
    core, old, two = (origins[name] for name in ("core", "old", "two"))

    assert locking.ok("graph", "app.py").out.splitlines() == [
        "app",
        f"├── core 1.0, built from core {hex_of(core.digest)[:12]}",
        f"│   └── two 1.0, built from https://git.example/two {two.commit[:12]}",
        f"└── old 1.0, built from old-1.0.tar.gz {hex_of(old.digest)[:12]}",
    ]
    statement = json.loads(make_provenance("app", lock.spec, lock.spec, lock, lock.spec, lock.spec, "/app", ()))
    materials = statement["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert [each for each in materials if each["name"] in ("core", "old-1.0.tar.gz", BACKEND.wheels[0].name)] == [
        {"name": "core", "digest": {"sha256": hex_of(core.digest)}},
        {"name": "old-1.0.tar.gz", "digest": {"sha256": hex_of(old.digest)}},
        {"name": BACKEND.wheels[0].name, "digest": {"sha256": hex_of(BACKEND.wheels[0].digest)}},
    ]
    assert {
        "name": "https://git.example/two",
        "uri": f"git+https://git.example/two@{two.commit}",
        "digest": {"gitCommit": two.commit, "gitTree": two.tree},
    } in materials
    bill = Materials(
        name="app",
        image=assemble_index([]),
        lock=lock,
        assembler=lock.spec,
        root="/app",
        files=(),
        below={},
        licences_of_wheel=lambda _: (),
        licences_of_debian=lambda _: (),
        source_of_debian=lambda _: (),
    )
    components = {each["name"]: each for each in json.loads(make_sbom(bill))["components"]}
    assert components["core"]["purl"] == "pkg:generic/core@1.0"
    assert components["old"]["purl"] == "pkg:pypi/old@1.0?file_name=old-1.0.tar.gz"
    assert components["two"]["purl"].startswith("pkg:generic/two@1.0?vcs_url=git%2Bhttps://git.example/two%40")
    assert components["core"]["properties"] == [
        {"name": "onedigest:built-from", "value": f"core {hex_of(core.digest)[:12]}"}
    ]
    moved = {"core": replace(core, digest=old.digest)}
    packages_then = tuple(replace(each, origin=moved.get(each.name, each.origin)) for each in lock.packages)
    then = of_lock("then", replace(lock, packages=packages_then), None, None)
    assert {(each.kind, each.name, each.old, each.new) for each in compare(of_lock("now", lock, None, None), then)} == {
        ("source", "core", f"core {hex_of(core.digest)[:12]}", f"core {hex_of(old.digest)[:12]}")
    }


def test_lock_with_a_package_of_an_index_for_a_local_project_is_no_answer(locking: Locking, making: StandIn) -> None:
    """Somebody edited it, and wrote its checksum anew; and the other way round, what nobody wants built."""
    write_project(locking.root / "core", "core")
    making.repositories = {"https://git.example/two": write_project(locking.root.parent / "two", "two")}
    locking.ask("core", "two @ git+https://git.example/two")
    settings(locking, 'sources = { core = { path = "core" } }', build='["two"]')
    locking.ok("build", "app.py")
    lock = lock_text.loads(locking.read(LOCK), LOCK)
    forged = tuple(replace(each, origin=None) if each.name == "core" else each for each in lock.packages)
    locking.project.write(LOCK, lock_text.dumps(replace(lock, packages=forged)))
    locking.edit("app.py", '# build = ["two"]\n', "")
    spec = json.loads(lock.asked)
    del spec["build"]
    text = lock_text.dumps(replace(lock, packages=forged, asked=canonical_json(spec).decode(), spec=digest_of(spec)))
    locking.project.write(LOCK, text)
    result = locking.run("generate", "--check", "app.py")

    assert result.code == 3
    assert [line for line in result.err.splitlines() if line.startswith("error") and "not fit" in line] == [
        "error: lockfiles/app/pylock.toml: the lock does not fit app.py:"
        " its `core` is not built of the source that the script names",
        "error: lockfiles/app/pylock.toml: the lock does not fit app.py:"
        " its `two` is built of https://git.example/two, and `build` does not name it",
    ]


def test_merge_keeps_what_builds_had(locking: Locking, making: StandIn) -> None:
    write_project(locking.root / "core", "core")
    locking.ask("core", "alpha")
    settings(locking, 'sources = { core = { path = "core" } }')
    locking.ok("generate", "app.py")
    before = locking.read(LOCK)
    making.requires = (replace(BACKEND, version="2.0"),)
    marks = "<<<<<<< a\nx\n=======\ny\n>>>>>>> b\nlock-version"
    locking.project.write(LOCK, before.replace("lock-version", marks, 1))
    locking.ok("generate", "app.py")

    assert locking.read(LOCK) == before
    assert making.names() == ["core"]


def test_workspace_of_a_git_repository(locking: Locking, making: StandIn) -> None:
    """A project of it needs another one, which is of the same commit, and none of that is asked of an index."""
    checkout = locking.root.parent / "checkout"
    checkout.mkdir()
    (checkout / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["libs/*"]\n')
    source = "[tool.uv.sources]\ninner = { workspace = true }\n"
    write_project(checkout / "libs" / "outer", "outer", requires=["inner"], more=source)
    write_project(checkout / "libs" / "inner", "inner")
    making.repositories = {"https://git.example/two": checkout}
    locking.ask("outer @ git+https://git.example/two@main#subdirectory=libs/outer")
    settings(locking, build='["outer"]')
    assert locking.run("generate", "app.py").err.splitlines()[-2:] == [
        "error: app.py: `inner` comes from a git repository, which is not a wheel",
        'hint: write `build = ["inner", "outer"]` in [tool.onedigest]',
    ]
    locking.edit("app.py", '["outer"]', '["inner", "outer"]')
    locking.ok("generate", "app.py")

    inner, outer = (packages(locking)[name]["tool"]["onedigest"] for name in ("inner", "outer"))
    assert (inner["path"], inner["subdirectory"]) == ("https://git.example/two", "libs/inner")
    assert inner["reference"] == outer["commit"]
    assert asked(locking) == set()


def test_scripts_of_one_command_share_what_is_built(locking: Locking, making: StandIn) -> None:
    """Two folders name the project in their own ways; a version that is asked for in vain is not heeded, as by uv."""
    write_project(locking.root / "core", "core")
    base = locking.read("app.py").partition('base = "')[2].partition('"')[0]
    for name, path in (("one.py", "core"), ("jobs/two.py", "../core")):
        locking.project.script(
            name,
            'requires-python = ">=3.11"',
            'dependencies = ["core>=7"]',
            f'tool.uv.sources.core = {{ path = "{path}" }}',
            f'tool.onedigest.base = "{base}"',
        )
    result = locking.ok("generate", "one.py", "jobs/two.py")
    assert making.names() == ["core"]
    assert result.err.count("core: built from core\n") == 1
    for name, path in (("one", "core"), ("two", "../core")):
        (row,) = tomllib.loads(locking.read(f"lockfiles/{name}/pylock.toml"))["packages"]
        assert row["tool"]["onedigest"]["path"] == path
    assert locking.ok("generate", "--check", "one.py", "jobs/two.py").err == "2 locks checked\n"
    write_project(locking.root / "core", "core", code="x = 2\n")
    locking.ok("generate", "one.py", "jobs/two.py")
    assert making.names() == ["core"]


def test_extra_that_a_local_project_does_not_have(locking: Locking, making: StandIn) -> None:
    write_project(locking.root / "core", "core", more='[project.optional-dependencies]\nfast = ["beta"]\n')
    locking.ask("core[fats]")
    settings(locking, 'sources = { core = { path = "core" } }')

    assert locking.run("generate", "app.py").err.splitlines()[1:] == [
        "error: app.py:3: `core` 1.0 has no extra `fats`",
        "hint: did you mean `fast`? its extras are fast",
    ]


def test_source_distribution_whose_digest_is_not_stated(locking: Locking, making: StandIn) -> None:
    """Its address has no part in a lock. What is named as a wheel is not built, whatever `build` says."""
    locking.index.states_sizes = False
    write_sdist(locking.index.folder, "old", "1.0")
    locking.ask("old", "beta")
    build_wheel(locking.root / "wheels", "beta", "1.0")
    settings(locking, 'sources = { beta = { path = "wheels/beta-1.0-py3-none-any.whl" } }', build='["old", "beta"]')
    locking.ok("generate", "app.py")

    assert set(packages(locking)["old"]["tool"]["onedigest"]) == {"kind", "path", "digest", "size", "requires"}
    assert "tool" not in packages(locking)["beta"]
    assert {source.digest[:7] for source in making.made} == {"sha256:"}


def test_source_distribution_that_requires_an_address_is_refused(locking: Locking, making: StandIn) -> None:
    write_sdist(locking.index.folder, "old", "1.0", requires=["evil @ file:///etc/evil-1.0-py3-none-any.whl"])
    locking.ask("old")
    settings(locking, build='["old"]')

    assert locking.run("generate", "app.py").err.splitlines()[-1] == (
        "error: app.py: `old-1.0.tar.gz` requires `evil` by an address, and is from an index"
    )


def test_source_for_one_platform(locking: Locking, making: StandIn) -> None:
    """Elsewhere the index has the package, and its newer version is no better choice than the local project."""
    write_project(locking.root / "core", "core")
    build_wheel(locking.index.folder, "core", "2.0")
    write_sdist(locking.index.folder, "core", "3.0")
    locking.ask("core")
    marker = "platform_machine == 'x86_64'"
    settings(locking, f'sources.core = [{{ path = "core", marker = "{marker}" }}]')
    result = locking.ok("build", "app.py")

    assert "core differs between platforms: 1.0 on linux/amd64, 2.0 on linux/arm64" in result.err
    assert "`core` 1.0 is chosen" not in result.err
    rows = tomllib.loads(locking.read(LOCK))["packages"]
    assert [(row["version"], row["marker"], "tool" in row) for row in rows] == [
        ("1.0", "platform_machine == 'x86_64'", True),
        ("2.0", "platform_machine == 'aarch64'", False),
    ]
    assert locking.ok("generate", "--check", "app.py").err == "1 lock checked\n"


BACKEND_IN_TREE = """\
import zipfile
def build_wheel(folder, settings=None, metadata=None):
    name = "core-1.0-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        wheel.write("core.py")
        wheel.writestr("core-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: core\\nVersion: 1.0\\n")
        wheel.writestr("core-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("core-1.0.dist-info/RECORD", "")
    return name
"""


def test_project_with_a_backend_of_its_own_is_built_for_real(locking: Locking) -> None:
    core = locking.root / "core"
    system = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    write_project(core, "core", more=system)
    (core / "__init__.py").rename(core / "core.py")
    (core / "backend.py").write_text(BACKEND_IN_TREE)
    locking.ask("core", "alpha")
    settings(locking, 'sources = { core = { path = "core" } }')
    assert "\ncore: built from core\n" in locking.ok("build", "app.py").err

    origin = packages(locking)["core"]["tool"]["onedigest"]
    assert (origin["path"], origin["requires"]) == ("core", [])
    assert locking.ok("build", "app.py", "--locked", "--offline").err == "app: unchanged\n"


def test_what_is_wrong_with_the_sources_of_local_projects_is_told_at_once(locking: Locking, making: StandIn) -> None:
    for name, own in (
        ("one", "[tool.uv]\nindex = 3\n"),
        ("two", '[tool.uv.sources]\nbeta = { index = "own" }\n'),
        ("three", '[tool.uv.sources]\nbeta = { path = "../../.." }\n'),
    ):
        write_project(locking.root / name, name, requires=["beta"], more=own)
    locking.ask("one", "two", "three")
    settings(locking, *(f'sources.{name} = {{ path = "{name}" }}' for name in ("one", "two", "three")))

    assert [line for line in locking.run("generate", "app.py").err.splitlines() if line.startswith("error")] == [
        "error: one/pyproject.toml: `index` in [tool.uv] is not a list",
        "error: app.py: `two` takes `beta` from the index `own`, which it does not have",
        "error: app.py: `beta` comes from ../.., which is outside of the repository",
    ]
