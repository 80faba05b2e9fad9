"""Images of projects: what uv.lock pins is what they have, and the project itself is built into a wheel."""

from __future__ import annotations

import os
import subprocess
import tomllib
from typing import Any

import pytest
from uv import find_uv_bin

from base_images import RUNNING
from index_server import IndexServer
from locking import Locking
from onedigest.oci.read import read_image
from onedigest.tools import uv
from shop_builder import Builder
from wheel_builder import build_wheel

pytest_plugins = ("built_app", "locked_shop")

VERSIONS = {"alpha": "1.0", "gamma": "1.0", "shop": "0.1.0", "shop-core": "1.2"}


def lock_of(locking: Locking, name: str = "shop") -> dict[str, Any]:
    return tomllib.loads(locking.read(f"lockfiles/{name}/pylock.toml"))


def versions(locking: Locking, name: str = "shop") -> dict[str, str]:
    return {row["name"]: row["version"] for row in lock_of(locking, name)["packages"]}


def last_words(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(("error: ", "warning: ", "hint: ", "  "))]


def told(text: str) -> list[str]:
    """Return what is said besides warnings: the wheels here bring no programs."""
    return [line for line in text.splitlines() if not line.startswith(("warning: ", "hint: "))]


def refuse_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something was resolved")

    monkeypatch.setattr(uv, "lock", refuse)


def test_image_has_what_uv_lock_pins_and_nothing_is_resolved(
    shop: Locking, builder: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_wheel(shop.index.folder, "alpha", "1.1")
    build_wheel(shop.index.folder, "shop", "9.0")
    monkeypatch.delenv("UV_DEFAULT_INDEX")
    with pytest.MonkeyPatch.context() as patch:
        refuse_uv(patch)
        result = shop.ok("build", ".")

    assert result.err.splitlines()[:3] == [
        "shop: no lock yet, so one is generated",
        "shop: built from .",
        "shop-core: built from packages/core",
    ]
    assert versions(shop) == VERSIONS
    own = lock_of(shop)["tool"]["onedigest"]
    assert own["requirements"] == [{"name": "shop", "version": "0.1.0"}]
    assert own["script"] == "pyproject.toml"
    edges = {row["name"]: row.get("dependencies", []) for row in lock_of(shop)["packages"]}
    assert [each["name"] for each in edges["shop"]] == ["alpha", "gamma", "shop-core"]
    assert [each["name"] for each in edges["shop-core"]] == ["alpha"]
    config = read_image(shop.root / "dist" / "shop").platforms[0].config["config"]
    assert config["Entrypoint"] == ["/opt/venv/bin/shop"]
    assert builder.names() == ["shop", "shop-core"]

    refuse_uv(monkeypatch)
    assert told(shop.ok("build", "--locked", "--offline", "pyproject.toml").err) == ["shop: unchanged"]
    assert shop.ok("generate", "--check", "--all").err == "1 lock checked\n"
    assert told(shop.ok("build", "shop").err) == ["shop: unchanged"]
    assert told(shop.ok("build", "--all").err) == ["shop: unchanged"]


def test_image_is_what_uv_installs(shop: Locking, builder: Builder) -> None:
    shop.edit("pyproject.toml", "[tool.uv]\n", '[tool.onedigest]\nextras = ["both"]\ngroups = ["lint"]\n\n[tool.uv]\n')
    shop.ok("generate", ".")
    venv = shop.root.parent / "venv"
    variables = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(venv), "UV_CACHE_DIR": str(shop.root.parent / "uv")}
    chosen = ("--locked", "--no-default-groups", "--extra", "both", "--group", "lint")
    subprocess.run([find_uv_bin(), "sync", "-q", *chosen], cwd=shop.root, env=variables, check=True)
    found = subprocess.run(
        [find_uv_bin(), "pip", "list", "-q", "--format", "freeze", "-p", str(venv)],
        capture_output=True, text=True, env=variables, check=True,
    )  # fmt: skip
    installed = dict(line.split("==") for line in found.stdout.split() if "==" in line)

    assert versions(shop) == installed
    assert installed.keys() == {*VERSIONS, "beta", "delta", "epsilon"}


def test_members_are_named_by_their_folders(shop: Locking, builder: Builder) -> None:
    shop.project.write("packages/core/.python-version", "3.9\n")
    shop.edit(
        "packages/core/pyproject.toml", "[build-system]", '[project.scripts]\ncore = "shop_core:x"\n[build-system]'
    )
    result = shop.ok("build", "packages/core")

    assert versions(shop, "shop-core") == {"alpha": "1.0", "shop-core": "1.2"}
    assert last_words(result.err)[:2] == [
        f"warning: .python-version: names Python 3.9, and the image has {RUNNING}",
        'hint: write `requires-python = "==3.9.*"` in [project] where it is to be the same',
    ]
    shop.ok("build", ".")
    assert told(shop.ok("build", "--all").err) == ["shop: unchanged", "shop-core: unchanged"]
    assert told(shop.ok("build", "shop-core").err) == ["shop-core: unchanged"]

    base = shop.read("onedigest.toml").splitlines()[0]
    shop.project.write("packages/web/job.py", f"# /// script\n# [tool.onedigest]\n# {base}\n# ///\n")
    shop.edit(
        "onedigest.toml",
        "base =",
        'scripts = ["pyproject.toml", "packages/[cw]*/pyproject.toml", "packages/web/j*.py"]\nbase =',
    )
    assert (
        shop.run("build", "--all")
        .err.splitlines()[0]
        .startswith("error: packages/web/pyproject.toml:1: the project is no package")
    )
    shop.edit(
        "packages/web/pyproject.toml",
        "[tool.uv.sources]",
        '[tool.onedigest]\nfiles = ["main.py"]\nentrypoint = ["/opt/venv/bin/python", "/app/main.py"]\nname = "web"\n\n[tool.uv.sources]',
    )
    shop.ok("build", "--all")
    assert versions(shop, "job") == {} if (shop.root / "lockfiles/job").exists() else True
    web = tomllib.loads(shop.read("packages/web/lockfiles/web/pylock.toml"))
    assert [row["name"] for row in web["packages"]] == ["alpha", "shop-core", "zeta"]
    assert web["packages"][2]["tool"]["onedigest"]["path"] == "../../vendor/zeta"
    job = tomllib.loads(shop.read("packages/web/lockfiles/job/pylock.toml"))
    assert "files" not in job["tool"]["onedigest"]["spec"]


def test_change_of_code_moves_its_wheel_and_nothing_else(shop: Locking, builder: Builder) -> None:
    shop.ok("build", ".")
    before = {row["name"]: row["wheels"] for row in lock_of(shop)["packages"]}
    layers = {layer.digest for layer in read_image(shop.root / "dist" / "shop").platforms[0].layers}
    builder.names()
    shop.project.write("packages/core/src/shop_core/more.py", "y = 2\n")

    assert last_words(shop.run("build", "--locked", ".").err) == [
        "error: lockfiles/shop/pylock.toml: the code of `shop-core` in packages/core changed since it was locked",
        "hint: run `onedigest generate pyproject.toml`",
    ]
    shop.ok("build", ".")
    after = {row["name"]: row["wheels"] for row in lock_of(shop)["packages"]}
    assert {name for name in before if before[name] != after[name]} == {"shop-core"}
    assert builder.names() == ["shop-core"]
    new = [layer for layer in read_image(shop.root / "dist" / "shop").platforms[0].layers if layer.digest not in layers]
    assert [layer.holds for layer in new] == [
        "shop 0.1.0, shop-core 1.2",
        "bytecode of shop 0.1.0, shop-core 1.2",
    ]


def test_edit_of_uv_lock_is_an_edit_of_what_is_asked(shop: Locking, builder: Builder) -> None:
    shop.ok("build", ".")
    digest = shop.read("uv.lock").partition('alpha-1.0-py3-none-any.whl", hash = "')[2][:71]
    shop.edit("uv.lock", digest, f"sha256:{'0' * 64}")

    assert last_words(shop.run("build", "--locked", ".").err) == [
        "error: lockfiles/shop/pylock.toml: pyproject.toml changed since it was locked",
        "hint: run `onedigest generate pyproject.toml`",
    ]
    result = shop.run("build", ".")
    assert "shop: `uv-lock` changed since it was locked, so it is locked again; review lockfiles/shop" in result.err
    assert f"the index has another `alpha-1.0-py3-none-any.whl`: sha256 {digest[7:]}, locked {'0' * 64}" in result.err


def test_wheel_of_another_version_is_refused_before_anything_is_written(shop: Locking, builder: Builder) -> None:
    shop.edit("uv.lock", 'name = "alpha"\nversion = "1.0"', 'name = "alpha"\nversion = "1.5"')

    assert last_words(shop.run("build", ".").err) == [
        "error: uv.lock: has `alpha-1.0-py3-none-any.whl`, which is not a wheel of alpha 1.5",
        "hint: run `uv lock`",
    ]
    assert not (shop.root / "lockfiles").exists()


def test_stale_uv_lock_is_refused(shop: Locking, builder: Builder) -> None:
    shop.edit("packages/web/pyproject.toml", '"zeta>=1"', '"zeta>=2"')
    shop.edit("packages/core/pyproject.toml", '["alpha"]', '["alpha", "beta"]')

    assert last_words(shop.run("build", ".").err) == [
        "error: packages/core/pyproject.toml:5: it changed since uv.lock was made: `beta`",
        "hint: run `uv lock`",
    ]


class TestWhereWheelsAre:
    def forget(self, shop: Locking) -> None:
        subprocess.run(["rm", "-rf", f"{os.environ['XDG_CACHE_HOME']}/onedigest"], check=True)
        subprocess.run(["rm", "-rf", "lockfiles/.inputs"], cwd=shop.root, check=True)

    def test_addresses_of_uv_lock_count_where_the_user_names_no_index(
        self, shop: Locking, builder: Builder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shop.ok("generate", ".")
        self.forget(shop)
        monkeypatch.delenv("UV_DEFAULT_INDEX")
        refuse_uv(monkeypatch)
        shop.index.requests.clear()
        shop.ok("fetch", ".")

        assert sorted(shop.index.requests) == ["/files/alpha-1.0-py3-none-any.whl", "/files/gamma-1.0-py3-none-any.whl"]

    def test_uv_is_asked_where_an_index_of_the_user_has_them(
        self, shop: Locking, builder: Builder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shop.ok("generate", ".")
        self.forget(shop)
        mirror = IndexServer(shop.index.folder)
        monkeypatch.setenv("UV_DEFAULT_INDEX", mirror.address)
        shop.index.requests.clear()
        shop.ok("fetch", ".")
        mirror.close()

        assert "/files/alpha-1.0-py3-none-any.whl" in mirror.requests
        assert shop.index.requests == []

    def test_the_other_place_is_tried_where_one_does_not_answer(
        self, shop: Locking, builder: Builder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shop.ok("generate", ".")
        self.forget(shop)
        empty = shop.root.parent / "empty"
        empty.mkdir()
        mirror = IndexServer(empty)
        monkeypatch.setenv("UV_DEFAULT_INDEX", mirror.address)
        shop.ok("fetch", ".")

        self.forget(shop)
        build_wheel(shop.index.folder, "alpha", "1.0", files={"alpha/other.py": b"x = 2\n"})
        result = shop.run("fetch", ".")
        mirror.close()
        assert "alpha was not found in the package registry" in result.err
        assert (
            "/files/alpha-1.0-py3-none-any.whl: alpha-1.0-py3-none-any.whl: the server has no more bytes" in result.err
        )


def test_project_without_a_uv_lock_is_resolved(shop: Locking, builder: Builder) -> None:
    (shop.root / "uv.lock").unlink()
    shop.edit("pyproject.toml", ', "shop-core"', "")
    result = shop.ok("build", ".")

    assert last_words(result.err)[:2] == [
        "warning: pyproject.toml:1: there is no uv.lock, so the versions are chosen for this image alone",
        "hint: run `uv lock`, whose pins every environment of the project has",
    ]
    assert versions(shop) == {"alpha": "1.0", "gamma": "1.0", "shop": "0.1.0"}
    assert told(shop.ok("build", "--locked", ".").err) == ["shop: unchanged"]


def test_scripts_beside_a_project_are_no_image_of_it(shop: Locking, builder: Builder) -> None:
    shop.edit(
        "pyproject.toml",
        "[tool.uv]\n",
        f'[tool.onedigest]\nentrypoint = ["/opt/venv/bin/shop", "serve"]\nname = "store"\nbase = {shop.read("onedigest.toml").splitlines()[0].partition(" = ")[2]}\n\n[tool.uv]\n',
    )
    (shop.root / "onedigest.toml").unlink()
    shop.project.write("job.py", "# /// script\n# dependencies = ['alpha']\n# ///\n")
    shop.ok("build", ".", "job.py")

    config = read_image(shop.root / "dist" / "store").platforms[0].config["config"]
    assert config["Entrypoint"] == ["/opt/venv/bin/shop", "serve"]
    config = read_image(shop.root / "dist" / "job").platforms[0].config["config"]
    assert config["Entrypoint"] == ["/opt/venv/bin/python", "/app/job.py"]

    (shop.root / "pyproject.toml").rename(shop.root / "old.toml")
    shop.project.write("onedigest.toml", "")
    assert "lockfiles/store: removed, since its script pyproject.toml is gone" in shop.ok("generate", "--prune").err


def test_built_image_is_inspected_by_its_project(shop: Locking, builder: Builder) -> None:
    assert (
        shop.run("inspect", ".").err == "error: dist/shop: there is no built image `.`\nhint: run `onedigest build .`\n"
    )
    shop.ok("build", ".")

    assert shop.ok("inspect", ".").out == shop.ok("inspect", "pyproject.toml").out == shop.ok("inspect", "shop").out


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("src", "error: src: the folder has no pyproject.toml\nhint: name a script, or a folder that has a pyproject.toml\n"),
        ("packages/old", "error: packages/old/pyproject.toml:1: the project is no package"),
        ("nowhere", "error: lockfiles: there is no image `nowhere`\nhint: name the script: onedigest build SCRIPT\n"),
        ("nowhere/pyproject.toml", "error: lockfiles: there is no image `nowhere/pyproject.toml`"),
    ],
)  # fmt: skip
def test_what_is_no_image(shop: Locking, argument: str, expected: str) -> None:
    assert (
        shop.run("build", argument).err.split("warning")[0].startswith(expected)
        or expected in shop.run("build", argument).err
    )


def test_package_pinned_by_uv_lock_is_upgraded_there(shop: Locking, builder: Builder) -> None:
    shop.ok("generate", ".")

    assert shop.run("generate", ".", "--upgrade-package", "alpha").err == (
        "error: `--upgrade-package alpha`: uv.lock pins it\nhint: run `uv lock --upgrade-package alpha`\n"
    )
    assert shop.run("generate", ".", "--upgrade-package", "backend").code == 0
