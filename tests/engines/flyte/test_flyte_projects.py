"""Images of Flyte with `with_uv_project`: what uv.lock pins stands, and local projects are built or left to a bundle."""

from __future__ import annotations

import io
import re
import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import redirect_stderr
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from uv import find_uv_bin

import uv_projects
from base_images import MINOR, RUNNING, elf, put_image, python_image
from conftest import ALL_RULES
from index_server import IndexServer
from locking import Locking
from onedigest.definition.flyte.definition import dumps
from onedigest.definition.flyte.recipe import make_recipe
from onedigest.definition.flyte.syntax import find_images
from onedigest.definition.project import Project
from onedigest.definition.spec import specify
from onedigest.definition.uv_project.closure import close
from onedigest.flyte_plugin.worker import answer_request
from onedigest.lock.project_pins import read_pinned
from onedigest.lock.targets import Target
from onedigest.platforms import ALL
from onedigest.tools import uv
from private_index import PrivateIndexes
from shop_builder import Builder
from wheel_builder import build_wheel

pytest_plugins = ("built_app", "locked_shop")

NEEDED = ("coreutils", "dash", "gzip", "libstdc++6", "tar")
LEFT = (
    "job: `shop` and `shop-core` are not installed, since Flyte's bundle of code has them;"
    ' `project_install_mode="install_project"` installs them'
)


@pytest.fixture(scope="module")
def flyte_base(host: str) -> str:
    """A base that has what Flyte needs."""
    made = python_image(RUNNING)
    for platform, each in made.items():
        each.layers = [{**each.layers[0], **{f"usr/bin/{name}": elf(platform, name) for name in NEEDED}}]
    put_image(host, "forprojects", "3", made)
    return f"{host}/forprojects:3"


class Job:
    """The shop with a script that has an image of Flyte."""

    def __init__(self, shop: Locking, base: str) -> None:
        self.shop = shop
        build_wheel(shop.index.folder, "flyte", "2.0")
        shop.project.write("onedigest.toml", f'base = "{base}"\n{ALL_RULES}')
        self.write()

    def write(self, *arguments: str, more: str = "", block: str = "", project: str = "pyproject.toml") -> None:
        """Write the script; `arguments` are those of its project, and `more` are other steps."""
        call = ", ".join((f"Path(__file__).parent / {project!r}", *arguments))
        head = f"{block}import flyte\nfrom pathlib import Path\n"
        image = f'flyte.Image.from_debian_base(name="job").with_uv_project({call}){more}'
        self.shop.project.write("job.py", f"{head}env = flyte.TaskEnvironment('e', image={image})\n")

    def lock(self) -> dict[str, Any]:
        return tomllib.loads(self.shop.read("lockfiles/job/pylock.toml"))

    def versions(self) -> dict[str, str]:
        return {row["name"]: row["version"] for row in self.lock()["packages"]}

    def asked(self) -> str:
        """Return what a dry run for Flyte says."""
        path = self.shop.root / "job.py"
        (definition,) = find_images(path.read_text(), path, "job.py").all()
        request = {
            "definition": dumps(replace(definition, registry="r.example/acme")),
            "files": [str(path)],
            "lockfiles": None,
            "insecure": [],
            "locked": False,
            "siblings": [],
            "force": False,
            "builder": "",
            "run": "",
            "python": "3.13",
            "flyte": "flyte==2.0",
            "dry_run": True,
        }
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.shop.root)
            said = io.StringIO()
            with redirect_stderr(said):
                answer_request(request)
        return said.getvalue()

    def refused(self, *arguments: str) -> list[str]:
        result = self.shop.run(*(arguments or ("generate", "job.py")))
        assert result.code != 0
        return [line for line in result.err.splitlines() if line.startswith(("error: ", "hint: ", "  "))]


@pytest.fixture
def job(shop: Locking, builder: Builder, flyte_base: str) -> Job:
    return Job(shop, flyte_base)


class TestDependenciesOnly:
    def test_pins_stand_and_code_of_a_bundle_is_left_out_which_is_said_once(self, job: Job, builder: Builder) -> None:
        build_wheel(job.shop.index.folder, "alpha", "1.1")
        said = job.shop.ok("generate", "job.py").err.splitlines()

        assert LEFT in said
        assert job.versions() == {"alpha": "1.0", "delta": "1.0", "epsilon": "1.0", "flyte": "2.0", "gamma": "1.0"}
        assert builder.names() == []
        assert LEFT not in job.shop.ok("generate", "job.py").err
        job.shop.project.write("packages/core/src/shop_core/more.py", "y = 2\n")
        assert job.shop.ok("generate", "--check", "job.py").err == "1 lock checked\n"

    def test_nothing_is_asked_of_uv_where_flyte_is_pinned(self, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
        job.shop.edit("pyproject.toml", '"alpha>=1"', '"alpha>=1", "flyte"')
        uv_projects.lock(job.shop.root, job.shop.index)
        job.shop.ok("generate", "job.py")
        first = job.versions()

        def refuse(*_: object, **__: object) -> None:
            raise AssertionError("something was resolved")

        monkeypatch.setattr(uv, "lock", refuse)
        job.write("extra_args='--no-dev'", more=".with_pip_packages('alpha', 'gamma<9')")
        job.shop.ok("generate", "job.py")
        assert first.keys() - job.versions().keys() == {"delta", "epsilon"}
        assert {row["name"] for row in job.lock()["tool"]["onedigest"]["requirements"]} == {"alpha", "flyte", "gamma"}

    def test_editable_project_above_the_lock_is_built(self, job: Job, builder: Builder) -> None:
        job.shop.edit("packages/web/pyproject.toml", '"shop-core", ', "")
        job.shop.edit("packages/web/pyproject.toml", "shop-core = { workspace = true }\n", "")
        job.shop.edit("packages/web/pyproject.toml", '"../../vendor/zeta" }', '"../../vendor/zeta", editable = true }')
        job.shop.edit("pyproject.toml", '"packages/old"', '"packages/old", "packages/web"')
        uv_projects.lock(job.shop.root / "packages/web", job.shop.index)
        job.write(project="packages/web/pyproject.toml")
        job.shop.ok("generate", "job.py")

        assert builder.names() == ["zeta"]
        assert job.versions() == {"alpha": "1.0", "flyte": "2.0", "zeta": "1.5"}

    def test_members_that_are_not_to_be_editable_are_built(self, job: Job, builder: Builder) -> None:
        job.write("extra_args='--no-editable --no-dev'")
        job.shop.ok("generate", "job.py")

        assert builder.names() == ["shop-core"]
        assert job.versions() == {"alpha": "1.0", "flyte": "2.0", "gamma": "1.0", "shop-core": "1.2"}


class TestInstallProject:
    def test_project_and_members_are_built_and_their_code_counts(self, job: Job, builder: Builder) -> None:
        job.write("project_install_mode='install_project'", "extra_args='--no-dev'")
        job.shop.ok("generate", "job.py")

        assert job.versions() == {"alpha": "1.0", "flyte": "2.0", "gamma": "1.0", "shop": "0.1.0", "shop-core": "1.2"}
        assert builder.names() == ["shop", "shop-core"]
        assert job.shop.ok("generate", "--check", "job.py").err == "1 lock checked\n"
        job.shop.project.write("packages/core/src/shop_core/more.py", "y = 2\n")
        moved = [
            "error: lockfiles/job/pylock.toml: the code of `shop-core` in packages/core changed since it was locked",
            "hint: run `onedigest generate job.py`",
        ]
        assert job.refused("generate", "--check", "job.py") == moved
        assert job.refused("build", "--locked", "job") == moved
        said = job.asked()
        assert (
            "job: the code of `shop-core` in packages/core changed since it was locked:"
            " a build would lock it, build it and push it to r.example/acme/job\n"
        ) in said
        job.shop.ok("generate", "job.py")
        assert builder.names() == ["shop-core"]
        assert "changed since" not in job.asked()

    def test_wheels_are_brought_again_from_where_uv_lock_has_them(
        self, job: Job, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job.write("project_install_mode='install_project'", more=".with_pip_packages('epsilon', 'beta<2')")
        job.shop.ok("generate", "job.py")
        subprocess.run(["rm", "-rf", "lockfiles/.inputs"], cwd=job.shop.root, check=True)
        cache = job.shop.root.parent / "cache" / "onedigest"
        subprocess.run(["rm", "-rf", str(cache)], check=True)
        mirror = IndexServer(job.shop.index.folder)
        monkeypatch.setenv("UV_DEFAULT_INDEX", mirror.address)
        try:
            job.shop.ok("build", "job")
        finally:
            mirror.close()
        assert any("alpha-1.0" in each for each in mirror.requests)


class TestBeside:
    def test_other_packages_are_chosen_so_that_pins_stand(self, job: Job) -> None:
        folder = job.shop.index.folder
        build_wheel(folder, "alpha", "2.0")
        build_wheel(folder, "rho", "1.0", requires=("alpha<2",))
        build_wheel(folder, "rho", "2.0", requires=("alpha>=2",))
        build_wheel(folder, "sigma", "1.0", requires=("gamma", "beta"), extras=("more",))
        job.write(more=".with_pip_packages('rho', 'sigma')")
        job.shop.ok("generate", "job.py")
        rows = {row["name"]: row for row in job.lock()["packages"]}

        assert {name: rows[name]["version"] for name in ("alpha", "rho", "sigma", "beta")} == {
            "alpha": "1.0", "rho": "1.0", "sigma": "1.0", "beta": "2.0"
        }  # fmt: skip
        assert [each["name"] for each in rows["rho"]["dependencies"]] == ["alpha"]
        assert [each["name"] for each in rows["sigma"]["dependencies"]] == ["beta", "gamma"]
        roots = {row["name"] for row in job.lock()["tool"]["onedigest"]["requirements"]}
        assert roots == {"alpha", "delta", "epsilon", "flyte", "gamma", "rho", "sigma"}

    def test_pins_of_one_platform_stand_there_and_extras_count_besides(self, job: Job) -> None:
        folder, one, other = job.shop.index.folder, "platform_machine == 'x86_64'", "platform_machine != 'x86_64'"
        build_wheel(folder, "phi", "1.0")
        build_wheel(folder, "phi", "2.0")
        build_wheel(folder, "rho", "1.0", requires=("phi", "epsilon", "tau[more]"))
        build_wheel(folder, "tau", "1.0", requires=("omega; extra == 'more'",), extras=("more",))
        asked = [f"phi==1.0; {one}", f"phi==2.0; {other}", f"epsilon; {one}", "tau"]
        job.shop.edit("pyproject.toml", '"alpha>=1"', ", ".join(f'"{each}"' for each in asked))
        uv_projects.lock(job.shop.root, job.shop.index)
        job.write("extra_args='--no-dev'", more=".with_pip_packages('rho')")
        job.shop.ok("generate", "job.py")
        rows = {(row["name"], row["version"]): row for row in job.lock()["packages"]}

        markers = {key: row.get("marker", "") for key, row in rows.items()}
        assert markers["phi", "1.0"] == "platform_machine == 'x86_64'"
        assert markers["phi", "2.0"] == "platform_machine == 'aarch64'"
        assert markers["epsilon", "1.0"] == markers["omega", "1.0"] == ""
        needs = [f"{each['name']} {each['version']}" for each in rows["rho", "1.0"]["dependencies"]]
        assert needs == ["epsilon 1.0", "phi 1.0", "phi 2.0", "tau 1.0"]

    def test_what_needs_another_version_than_is_pinned(self, job: Job) -> None:
        build_wheel(job.shop.index.folder, "alpha", "2.0")
        build_wheel(job.shop.index.folder, "rho", "2.0", requires=("alpha>=2",))
        job.write(more=".with_pip_packages('rho')")

        assert job.refused() == [
            f"error: job.py: no solution found when resolving dependencies for Python {MINOR} on x86_64",
            "  cause: Because all versions of rho depend on alpha>=2 and your project depends on alpha==1.0, we can"
            " conclude that your project and all versions of rho are incompatible.",
            "         And because your project depends on rho, we can conclude that your project's requirements are"
            " unsatisfiable.",
            "hint: uv.lock pins `alpha` 1.0: add `rho` to the dependencies of the project and run `uv lock`,"
            " to choose all at once",
        ]

    def test_package_that_is_pinned_is_upgraded_in_uv_lock_and_others_here(self, job: Job) -> None:
        job.shop.ok("generate", "job.py")
        build_wheel(job.shop.index.folder, "flyte", "2.1")

        assert job.refused("generate", "--upgrade-package", "alpha", "job.py") == [
            "error: `--upgrade-package alpha`: uv.lock pins it",
            "hint: run `uv lock --upgrade-package alpha`",
        ]
        job.shop.ok("generate", "job.py")
        assert job.versions()["flyte"] == "2.0"
        job.shop.ok("generate", "--upgrade-package", "flyte", "job.py")
        assert job.versions()["flyte"] == "2.1"

    def test_two_projects_have_one_version_of_what_both_pin(self, job: Job) -> None:
        job.shop.project.write("other/pyproject.toml", uv_projects.ZETA.replace('"zeta"', '"other"'))
        job.shop.edit("pyproject.toml", '"packages/old"', '"packages/old", "other"')
        uv_projects.lock(job.shop.root / "other", job.shop.index)
        more = ".with_uv_project(Path(__file__).parent / 'other' / 'pyproject.toml')"
        job.write("extra_args='--no-dev'", more=more)
        job.shop.ok("generate", "job.py")
        assert job.versions() == {"alpha": "1.0", "flyte": "2.0", "gamma": "1.0"}

        build_wheel(job.shop.index.folder, "alpha", "3.0")
        job.shop.edit("other/pyproject.toml", '["alpha"]', '["alpha==3"]')
        uv_projects.lock(job.shop.root / "other", job.shop.index)
        assert job.refused() == [
            "error: other/uv.lock: has `alpha` 3.0, and uv.lock has 1.0: an image has one of them",
            "hint: lock both projects to one version",
        ]


def test_private_index_of_pins_is_shown_a_secret_that_goes_nowhere(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    private = PrivateIndexes()
    address = private.add("gitlab", "corp", job.shop.index.folder, "robot:s3cret")
    own = job.shop.index.address.removesuffix("/simple")
    files = f"http://{private.host}/api/v4/projects/corp/packages/pypi/files/ab/"
    text = job.shop.read("uv.lock").replace(f"{own}/files/", files).replace(f"{own}/simple", address)
    job.shop.project.write("uv.lock", text)
    monkeypatch.delenv("UV_DEFAULT_INDEX")
    monkeypatch.setenv("INDEX_PASSWORD", "s3cret")
    monkeypatch.setenv("ONEDIGEST_SECRETS", "INDEX_PASSWORD@127.0.0.1")
    shown = address.replace("http://", "http://robot:$INDEX_PASSWORD@")
    job.write(f"index_url={shown!r}", "secret_mounts=flyte.Secret(key='index_password')")
    job.shop.ok("build", "job.py")
    private.close()

    assert job.versions()["alpha"] == "1.0"
    assert private.shown() == {"robot:s3cret"}
    assert private.shown_at("/files/ab/alpha") == {"robot:s3cret"}
    assert not [
        path for path in job.shop.root.glob("lockfiles/**/*") if path.is_file() and b"s3cret" in path.read_bytes()
    ]
    assert job.shop.ok("generate", "--check", "job.py").err == "1 lock checked\n"


class TestLocalRequirements:
    def test_local_projects_of_a_requirements_file_are_built(self, job: Job, builder: Builder) -> None:
        job.shop.project.write("requirements.txt", "flyte\n-e packages/core\n./vendor/zeta ; python_version >= '3'\n")
        image = "flyte.Image.from_debian_base(name='job').with_requirements('requirements.txt')"
        job.shop.project.write("job.py", f"import flyte\nenv = flyte.TaskEnvironment('e', image={image})\n")
        job.shop.ok("generate", "job.py")

        assert builder.names() == ["shop-core", "zeta"]
        assert job.versions() == {"alpha": "1.0", "flyte": "2.0", "shop-core": "1.2", "zeta": "1.5"}

    @pytest.mark.parametrize(
        ("block", "settings", "place"),
        [
            ("", True, "onedigest.toml"),
            ("# /// script\n# dependencies = []\n# ///\n", True, "[tool.onedigest] of the block in job.py"),
        ],
    )
    def test_hint_names_the_place_for_what_is_to_be_built(
        self, block: str, settings: bool, place: str, job: Job, flyte_base: str
    ) -> None:
        job.write(more=".with_pip_packages('kappa @ https://h.example/kappa-1.0.tar.gz')", block=block)

        assert job.refused() == [
            "error: job.py: `kappa` comes from an archive of its source, which is not a wheel",
            f'hint: write `build = ["kappa"]` in {place}',
        ]


VIRTUAL = {
    "pyproject.toml": "[tool.uv.workspace]\nmembers = ['packages/*']\n"
    "[dependency-groups]\ndev = ['delta']\netl = [\"epsilon; python_version >= '3.12'\", 'beta<2']\n",
    "packages/a/pyproject.toml": uv_projects.CORE.replace("shop-core", "a").replace('["alpha"]', '["gamma", "b"]')
    + "[dependency-groups]\ndev = ['omega']\n[tool.uv.sources]\nb = { workspace = true }\n",
    "packages/b/pyproject.toml": uv_projects.CORE.replace("shop-core", "b"),
    **{f"packages/{name}/src/{name}/__init__.py": "__version__ = '1'\n" for name in "ab"},
    **{f"packages/{name}/small_backend.py": uv_projects.BACKEND for name in "ab"},
    ".git/HEAD": "ref: refs/heads/main\n",
}


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The shop, and a workspace whose root is no project, locked by the real uv."""
    folder = tmp_path_factory.mktemp("projects")
    (folder / "index").mkdir()
    uv_projects.write_tree(folder / "shop", uv_projects.FILES)
    uv_projects.write_tree(folder / "virtual", VIRTUAL)
    with uv_projects.served(folder / "index") as index:
        for name in ("shop", "virtual"):
            uv_projects.lock(folder / name, index)
        yield folder


def exported(folder: Path, options: str, platform: Target) -> set[str]:
    """Return the names of what uv would install on a platform, with their versions where they are no folders."""
    command = [find_uv_bin(), "export", "--frozen", "--no-hashes", "--no-header", "--no-annotate", "-q"]
    done = subprocess.run([*command, *options.split()], cwd=folder, capture_output=True, text=True, check=True)
    found: set[str] = set()
    for line in done.stdout.splitlines():
        place, _, marker = line.partition(" ; ")
        if marker and not Marker(marker).evaluate(platform.marker_values):
            continue
        if place.startswith(("-e ", ".")):
            project = tomllib.loads((folder / place.removeprefix("-e ") / "pyproject.toml").read_text())["project"]
            found.add(canonicalize_name(project["name"]))
        else:
            asked = Requirement(place)
            found.add(f"{canonicalize_name(asked.name)}{asked.specifier}")
    return found


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("shop", ""),
        ("shop", "--no-dev --extra fast"),
        ("shop", "--extra=both --no-default-groups"),
        ("shop", "--only-group lint"),
        ("shop", "--only-dev"),
        ("shop", "--all-groups --no-group lint"),
        ("shop", "--package shop-web"),
        ("shop", "--package shop-web --package shop-core --no-dev"),
        ("virtual", ""),
        ("virtual", "--no-dev"),
        ("virtual", "--only-group etl"),
        ("virtual", "--package a"),
        ("virtual", "--all-packages --no-default-groups"),
    ],
)
def test_options_choose_what_uv_sync_would(name: str, options: str, projects: Path) -> None:
    folder = projects / name
    arguments = f"extra_args={options!r}, project_install_mode='install_project'"
    image = (
        f"flyte.Image.from_debian_base(name='x').with_uv_project(Path(__file__).parent / 'pyproject.toml', {arguments})"
    )
    (folder / "job.py").write_text(f"import flyte\nfrom pathlib import Path\nx = {image}\n")
    (definition,) = find_images((folder / "job.py").read_text(), folder / "job.py", "job.py").all()
    recipe = make_recipe(definition, root=folder, shown=lambda path: path.name)
    spec = specify(recipe.script, Project(root=folder), "job.py", None, recipe.taken)

    for platform in ALL:
        target = Target(platform, "3.13.5", "2.41")
        found = set()
        for pinned in read_pinned(spec, folder):
            closure = close(pinned.locked, pinned.chosen, {platform: target.marker_values}).without(pinned.left_out)
            rows = [pinned.locked.rows[key] for key in closure.edges]
            found |= {row.name if row.place else f"{row.name}=={row.key[1]}" for row in rows}
        assert found == exported(folder, options, target)


def test_pins_do_not_move_with_what_is_not_installed(projects: Path) -> None:
    folder = projects / "shop"

    def pins(options: str, mode: str = "dependencies_only") -> str:
        arguments = f"extra_args={options!r}, project_install_mode={mode!r}"
        project = "Path(__file__).parent / 'pyproject.toml'"
        image = f"flyte.Image.from_debian_base(name='x').with_uv_project({project}, {arguments})"
        text = f"import flyte\nfrom pathlib import Path\nx = {image}\n"
        (folder / "job.py").write_text(text)
        (definition,) = find_images(text, folder / "job.py", "job.py").all()
        (taken,) = make_recipe(definition, root=folder, shown=lambda path: path.name).taken
        return taken.pins

    lock = (folder / "uv.lock").read_text()
    kinds = [("",), ("", "install_project"), ("--frozen --only-group lint",)]
    before = [pins(*each) for each in kinds]
    (folder / "uv.lock").write_text(
        lock.replace('name = "shop"\nversion = "0.1.0"', 'name = "shop"\nversion = "0.2.0"')
    )
    version = [pins(*each) for each in kinds]
    (folder / "uv.lock").write_text(re.sub(r'    \{ name = "gamma"[^\n]*\n', "", lock, count=1))
    edges = [pins("--frozen"), pins("--frozen", "install_project"), pins("--frozen --only-group lint")]
    (folder / "uv.lock").write_text(lock)

    assert [one == other for one, other in zip(before, version, strict=True)] == [True, False, True]
    assert [one == other for one, other in zip(before, edges, strict=True)] == [False, False, True]
