"""What is read of a project and its uv.lock, which the real uv wrote: its pins, its staleness, what it refuses."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import uv_projects
from onedigest.definition.uv_project.closure import ChosenProject, Closure, close, digest_pins
from onedigest.definition.uv_project.image import ProjectImage, choose, default_entrypoint, describe
from onedigest.definition.uv_project.pinned_python import other_python
from onedigest.definition.uv_project.uv_lock import UvLock, parse_locked, read_locked
from onedigest.definition.uv_project.workspace import find_workspace
from onedigest.errors import InputError
from onedigest.platforms import ALL


@pytest.fixture(scope="module")
def locked_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose uv.lock the real uv wrote."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "index").mkdir()
    uv_projects.write_tree(folder / "shop", uv_projects.FILES)
    with uv_projects.served(folder / "index") as index:
        uv_projects.lock(folder / "shop", index)
    return folder / "shop"


@pytest.fixture
def shop(locked_shop: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(locked_shop, tmp_path / "shop")


def described(folder: Path, *, extras: tuple[str, ...] = (), groups: tuple[str, ...] = ()) -> ProjectImage:
    return describe(folder, folder, extras, groups)


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(InputError) as caught:
        call()
    return str(caught.value)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def values(machine: str = "x86_64", python: str = "3.13.5") -> dict[str, str]:
    return {
        "implementation_name": "cpython",
        "implementation_version": python,
        "os_name": "posix",
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": python,
        "python_version": ".".join(python.split(".")[:2]),
        "sys_platform": "linux",
    }


def pinned(
    folder: Path, *, extras: tuple[str, ...] = (), groups: tuple[str, ...] = (), python: str = "3.13.5"
) -> list[str]:
    """Return what is pinned of a project, as words."""
    project, workspace = find_workspace(folder, folder)
    locked = read_locked(workspace)
    assert locked
    chosen = choose(project, workspace, locked, extras, groups)
    return named(close(locked, chosen, {"here": values(python=python)}))


def named(closure: Closure[str]) -> list[str]:
    return [f"{name} {version}".strip() for name, version, _ in closure.edges]


class TestPins:
    def test_groups_are_not_in_an_image_unless_they_are_asked_for(self, shop: Path) -> None:
        plain = ["alpha 1.0", "gamma 1.0", "shop 0.1.0", "shop-core"]

        assert pinned(shop) == plain
        assert pinned(shop, groups=("lint",)) == sorted([*plain, "epsilon 1.0"])
        assert pinned(shop, groups=("dev",)) == sorted([*plain, "delta 1.0", "epsilon 1.0"])

    def test_extras_that_exclude_each_other_have_their_own_versions(self, shop: Path) -> None:
        assert "beta 1.0" in pinned(shop, extras=("both",))
        assert "beta 2.0" in pinned(shop, extras=("slow",))
        assert refused(lambda: described(shop, extras=("fast", "slow"))) == (
            "pyproject.toml:1: `fast` and `slow` exclude each other, says `conflicts` in [tool.uv]\n"
            "hint: choose one of them"
        )

    def test_member_has_its_own_part_of_the_lock_above_it(self, shop: Path) -> None:
        assert pinned(shop / "packages/web") == ["alpha 1.0", "shop-core", "zeta 1.5"]
        assert pinned(shop / "packages/core") == ["alpha 1.0", "shop-core"]

    def test_project_that_a_workspace_excludes_has_no_lock(self, shop: Path) -> None:
        assert described(shop / "packages/old").pins == ""
        assert [each.message for each in described(shop / "packages/old").script.warnings] == [
            "there is no uv.lock, so the versions are chosen for this image alone"
        ]

    def test_digest_is_of_what_the_image_has_and_of_no_address(self, shop: Path) -> None:
        first = described(shop).pins
        lock = shop / "uv.lock"
        text = lock.read_text()
        address = text.partition('registry = "')[2].partition("/simple")[0]
        lock.write_text(text.replace(address, "https://mirror.example"))
        assert described(shop).pins == first
        assert "mirror.example" not in described(shop).pins

        digest = text.partition('alpha-1.0-py3-none-any.whl", hash = "')[2][:71]
        lock.write_text(text.replace(digest, f"sha256:{'0' * 64}"))
        assert described(shop).pins != first
        digest = text.partition('epsilon-1.0-py3-none-any.whl", hash = "')[2][:71]
        lock.write_text(text.replace(digest, f"sha256:{'0' * 64}"))
        assert described(shop).pins == first
        assert described(shop, groups=("lint",)).pins != first


class TestStale:
    @pytest.mark.parametrize(
        ("file", "old", "new", "where", "what"),
        [
            ("pyproject.toml", '"alpha>=1"', '"alpha>=1.0.1"', 5, "`alpha`"),
            ("pyproject.toml", '"alpha>=1", ', "", 5, "`alpha`"),
            ("pyproject.toml", "== 'linux'", "!= 'linux'", 5, "`gamma`"),
            ("pyproject.toml", 'fast = ["beta<2"]', 'fast = ["beta<1.5"]', 8, "`beta` of the extra `fast`"),
            ("pyproject.toml", 'both = ["delta", ', 'more = []\nboth = ["delta", ', 7, "the extras `more`"),
            ("pyproject.toml", 'lint = ["epsilon"]', 'lint = ["delta"]', 15, "the group `dev` has `epsilon` otherwise"),
            ("pyproject.toml", '{include-group = "lint"}', '"beta"', 15, "the group `dev` has `beta`, `epsilon` otherwise"),
            ("pyproject.toml", '">=3.11"', '">=3.12"', 4, "`requires-python` is '>=3.12', and was '>=3.11'"),
            ("pyproject.toml", "{ workspace = true }", '{ path = "vendor/zeta" }', 5, "`shop-core`"),
            ("pyproject.toml", "[tool.uv.sources]", '[tool.uv.sources]\ngamma = { git = "https://g.example/a" }', 5, "`gamma`"),
            ("pyproject.toml", '"alpha<9"', '"alpha<8"', 25, "`constraint-dependencies` of `alpha`"),
            ("pyproject.toml", '"omega==1"', '"omega==2"', 26, "`override-dependencies` of `omega`"),
            ("pyproject.toml", '[{ extra = "both" }', '[{ extra = "fast" }', 27, "`conflicts`"),
            ("pyproject.toml", 'exclude = ["packages/old"]', "", 29, "the workspace has `old`"),
            ("pyproject.toml", '["packages/*"]', '["packages/core"]', 29, "the workspace has no `shop-web` any more"),
            ("packages/core/pyproject.toml", '["alpha"]', '["alpha", "beta"]', 5, "`beta`"),
            ("packages/web/pyproject.toml", '"zeta>=1"', '"zeta>=1", "alpha"', 5, "`alpha`"),
        ],
    )  # fmt: skip
    def test_edit_is_named(self, shop: Path, file: str, old: str, new: str, where: int, what: str) -> None:
        edit(shop / file, old, new)

        assert refused(lambda: described(shop)).split("\nhint")[0] == (
            f"{file}:{where}: it changed since uv.lock was made: {what}"
        )

    @pytest.mark.parametrize(
        ("file", "old", "new"),
        [
            ("pyproject.toml", '"alpha>=1", "shop-core"', '"shop_core",\n "Alpha >= 1.0.0"'),
            ("pyproject.toml", "sys_platform == 'linux'", "platform_system == 'Linux'"),
            ("pyproject.toml", '">=3.11"', '">= 3.11.0"'),
            ("packages/web/pyproject.toml", '"../../vendor/zeta"', '"../../vendor/zeta/", editable = true'),
            ("packages/web/pyproject.toml", '"zeta>=1"', "\"zeta>=1; python_version >= '3.8'\""),
            ("packages/web/pyproject.toml", "shop-core = { workspace = true }", ""),
        ],
    )
    def test_same_in_other_words_is_no_difference(self, shop: Path, file: str, old: str, new: str) -> None:
        edit(shop / file, old, new)

        assert described(shop).pins

    def test_project_that_is_no_member_counts_where_the_image_has_it(self, shop: Path) -> None:
        edit(shop / "vendor/zeta/pyproject.toml", '["alpha"]', '["beta"]')

        assert described(shop).pins
        assert refused(lambda: describe(shop / "packages/web", shop, (), ())) == (
            "vendor/zeta/pyproject.toml:4: it changed since uv.lock was made: `alpha`, `beta`\nhint: run `uv lock`"
        )


class TestRefused:
    def test_member_outside_of_the_repository(self, shop: Path) -> None:
        shutil.move(shop / "packages/core", shop.parent / "core")
        (shop / "packages/core").symlink_to(shop.parent / "core")

        assert refused(lambda: described(shop)) == (
            "pyproject.toml:30: the workspace member ../core is outside of the repository shop\n"
            "hint: move it there, or take it out of `members`"
        )

    def test_path_source_that_is_a_link_out(self, shop: Path) -> None:
        shutil.move(shop / "vendor/zeta", shop.parent / "zeta")
        (shop / "vendor/zeta").symlink_to(shop.parent / "zeta")

        assert refused(lambda: described(shop / "packages/web")) == (
            f"{shop}/uv.lock: the folder of `zeta`, vendor/zeta, is a link that leads out of shop,"
            " which is all that an image is made of\n"
            "hint: move it into the repository, or name its git repository in [tool.uv.sources]"
        )

    def test_files_that_are_links_out(self, shop: Path) -> None:
        for name in ("uv.lock", "packages/core/pyproject.toml"):
            shutil.move(shop / name, shop.parent / "there")
            (shop / name).symlink_to(shop.parent / "there")

            assert refused(lambda: described(shop)) == (
                f"{name}: is a link that leaves the repository\nhint: replace it by a real file"
            )
            (shop / name).unlink()
            shutil.move(shop.parent / "there", shop / name)

    def test_settings_mark_what_git_does_not(self, shop: Path, tmp_path: Path) -> None:
        shutil.rmtree(shop / ".git")
        shutil.move(shop / "vendor", tmp_path / "vendor")
        edit(shop / "packages/web/pyproject.toml", "../../vendor/zeta", "../../../vendor/zeta")
        edit(shop / "uv.lock", '"vendor/zeta"', '"../vendor/zeta"')
        assert "is outside of shop" in refused(lambda: described(shop / "packages/web"))
        (tmp_path / "onedigest.toml").write_text("")

        assert described(shop / "packages/web").pins

    @pytest.mark.parametrize(
        ("old", "new", "expected"),
        [
            (
                "version = 1\n",
                "version = 2\n",
                "uv.lock: `version` is '2', and 1 is what this onedigest reads\n"
                "hint: install a newer onedigest, or lock with a uv that writes `version = 1`",
            ),
            ("version = 1\n", "", "uv.lock: `version` is 'None', and 1 is what this onedigest reads\nhint: run `uv lock`"),
            (
                "revision =",
                "<<<<<<< HEAD\nrevision = 1\n=======\nrevision = 2\n>>>>>>> other\n#",
                "uv.lock:2: has conflict markers of a merge\nhint: resolve the conflict, then run `uv lock`",
            ),
            (
                '    { name = "shop-core" },',
                '    { name = "shop-care" },',
                "uv.lock: names `shop-care`, and has no such package\nhint: run `uv lock`",
            ),
            (
                "sys_platform == 'linux'\" },\n    { name = \"shop-core\" }",
                'sys_platform ==" },\n    { name = "shop-core" }',
                "uv.lock: a marker of it is none: 'sys_platform =='\nhint: run `uv lock`",
            ),
            (
                'editable = "packages/core" }\ndep',
                "editable = 7 }\ndep",
                "uv.lock: cannot be used: `shop-core`: `source` is not a string\nhint: run `uv lock`",
            ),
        ],
    )  # fmt: skip
    def test_lock_that_cannot_be_used(self, shop: Path, old: str, new: str, expected: str) -> None:
        edit(shop / "uv.lock", old, new)

        assert refused(lambda: pinned(shop) and described(shop)) == expected

    def test_extra_and_group_that_are_not_there(self, shop: Path) -> None:
        assert refused(lambda: described(shop, extras=("quick",), groups=("test",))) == (
            "pyproject.toml:1: `extras` names `quick`, which the project has not\n"
            "hint: its extras are `both`, `fast`, `slow`\n"
            "pyproject.toml:1: `groups` names `test`, which the project has not\n"
            "hint: its groups are `dev`, `lint`"
        )

    def test_file_without_a_project(self, tmp_path: Path) -> None:
        (tmp_path / "pyproject.toml").write_text("[tool.ruff]\n")

        assert refused(lambda: described(tmp_path)) == (
            "pyproject.toml:1: there is no [project], which says what is installed\n"
            "hint: name a script, or add [project] with `name` and `version`, as `uv init` writes it"
        )

    def test_root_of_a_workspace_that_is_no_project(self, tmp_path: Path) -> None:
        (tmp_path / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["app", "libs/*"]\n')
        for name in ("app", "libs/core"):
            (tmp_path / name).mkdir(parents=True)
            (tmp_path / name / "pyproject.toml").write_text(f'[project]\nname = "{Path(name).name}"\nversion = "1.0"\n')

        assert refused(lambda: described(tmp_path)).endswith("hint: name a member of the workspace: `app`, `libs/core`")

    def test_values_that_are_none(self, tmp_path: Path) -> None:
        (tmp_path / "pyproject.toml").write_text(
            '[project]\nname = "a b"\ndependencies = "x"\n[dependency-groups]\na = [{include-group = "b"}]\nb = [{include-group = "a"}]\n'
        )

        assert refused(lambda: described(tmp_path)) == (
            "pyproject.toml:2: `project.name` is 'a b', which is not the name of a project\n"
            "pyproject.toml:3: `project.dependencies` is not a list\n"
            "pyproject.toml:5: the group `a` includes itself\n"
            "pyproject.toml:6: the group `b` includes itself"
        )


HEAD = 'version = 1\nrequires-python = ">=3.10"\n'
FORKED = f"""\
{HEAD}resolution-markers = ["python_full_version >= '3.12'", "python_full_version < '3.12'"]

[[package]]
name = "app"
version = "1"
source = {{ virtual = "." }}
dependencies = [
    {{ name = "many", version = "1.0", source = {{ registry = "https://a.example" }}, marker = "python_full_version < '3.12'" }},
    {{ name = "many", version = "2.0", source = {{ registry = "https://a.example" }}, marker = "python_full_version >= '3.12'" }},
    {{ name = "twin", version = "1.0", source = {{ registry = "https://a.example" }}, marker = "platform_machine == 'x86_64'" }},
    {{ name = "twin", version = "1.0", source = {{ registry = "https://b.example" }}, marker = "platform_machine != 'x86_64'" }},
]
""" + "".join(
    f'\n[[package]]\nname = "{name}"\nversion = "{version}"\nsource = {{ registry = "https://{place}.example" }}\n'
    for name, version, place in (("many", "1.0", "a"), ("many", "2.0", "a"), ("twin", "1.0", "a"), ("twin", "1.0", "b"))
)  # fmt: skip


def parsed(text: str) -> tuple[UvLock, ChosenProject]:
    locked = parse_locked(text, "uv.lock")
    return locked, ChosenProject(row=locked.own_row("app", "."), extras=(), groups=())


class TestForks:
    @pytest.mark.parametrize(("python", "version"), [("3.11.2", "1.0"), ("3.12.0", "2.0"), ("3.13.5", "2.0")])
    def test_the_version_of_the_python_is_taken(self, python: str, version: str) -> None:
        locked, chosen = parsed(FORKED)

        assert f"many {version}" in named(close(locked, chosen, {"here": values(python=python)}))

    def test_each_platform_has_the_row_of_its_index(self) -> None:
        locked, chosen = parsed(FORKED)
        closure = close(locked, chosen, {each: values(each.machine) for each in ALL})

        users = {key[2]: sorted(map(str, several)) for key, several in closure.roots.items() if key[0] == "twin"}
        assert users == {
            '{"registry":"https://a.example"}': ["linux/amd64"],
            '{"registry":"https://b.example"}': ["linux/arm64"],
        }

    def test_lock_that_is_not_for_a_platform(self) -> None:
        locked, chosen = parsed(
            FORKED.replace(
                "resolution-markers", "supported-markers = [\"platform_machine == 'x86_64'\"]\nresolution-markers"
            )
        )

        assert refused(lambda: close(locked, chosen, {each: values(each.machine) for each in ALL})) == (
            "uv.lock: is not for linux/arm64: none of its `supported-markers` holds there\n"
            'hint: write `platforms = ["linux/amd64"]` in [tool.onedigest],'
            " or add the platform to `environments` in [tool.uv] and run `uv lock`"
        )  # fmt: skip

    def test_source_has_a_part_in_what_identifies_pins_and_its_address_has_none(self) -> None:
        first = digest_pins(*parsed(FORKED))

        assert digest_pins(*parsed(FORKED.replace("https://a.example", "https://c.example"))) == first
        assert digest_pins(*parsed(FORKED.replace('version = "2.0"', 'version = "2.1"'))) != first


class TestEntrypoint:
    def write(self, folder: Path, text: str, *files: str) -> ProjectImage:
        uv_projects.write_tree(folder, {"pyproject.toml": text, **dict.fromkeys(files, "")})
        return described(folder)

    def test_the_only_program_is_the_entry_point(self, shop: Path) -> None:
        assert default_entrypoint(described(shop), has_files=False) == ("/opt/venv/bin/shop",)

    def test_several_programs_are_listed(self, shop: Path) -> None:
        edit(shop / "pyproject.toml", "[project.scripts]\n", '[project.scripts]\nadmin = "shop.main:run"\n')

        assert refused(lambda: default_entrypoint(described(shop), has_files=False)) == (
            "pyproject.toml:1: [project.scripts] has 2 programs, and none is named as the entry point: `admin`, `shop`\n"
            "hint: write in pyproject.toml\n"
            "  [tool.onedigest]\n"
            '  entrypoint = ["/opt/venv/bin/admin"]'
        )  # fmt: skip

    def test_package_without_programs(self, shop: Path) -> None:
        assert refused(lambda: default_entrypoint(described(shop / "packages/core"), has_files=False)) == (
            "pyproject.toml:1: no program is named: [project.scripts] has none\n"
            "hint: write in pyproject.toml\n"
            "  [tool.onedigest]\n"
            '  entrypoint = ["/opt/venv/bin/python", "-m", "shop_core"]'
        )

    @pytest.mark.parametrize(
        ("dependencies", "files", "lines"),
        [
            ("", ["main.py"], 'files = ["main.py"]\n  entrypoint = ["/opt/venv/bin/python", "/app/main.py"]'),
            (
                '"uvicorn", "fastapi"',
                ["app/main.py", "app/__init__.py"],
                'files = ["app/**/*"]\n  entrypoint = ["/opt/venv/bin/uvicorn", "app.main:app", "--host", "0.0.0.0"]',
            ),
            (
                '"fastapi[standard]"',
                ["main.py"],
                'files = ["main.py"]\n  entrypoint = ["/opt/venv/bin/uvicorn", "main:app", "--host", "0.0.0.0"]',
            ),
            ("", [], 'files = ["*.py"]\n  entrypoint = ["/opt/venv/bin/python", "/app/main.py"]'),
        ],
    )
    def test_project_that_is_no_package(self, tmp_path: Path, dependencies: str, files: list[str], lines: str) -> None:
        image = self.write(tmp_path, f'[project]\nname = "a"\nversion = "1"\ndependencies = [{dependencies}]\n', *files)

        assert refused(lambda: default_entrypoint(image, has_files=False)) == (
            "pyproject.toml:1: the project is no package, since it has no [build-system], and `files` names none of its code\n"
            f"hint: write in pyproject.toml\n  [tool.onedigest]\n  {lines}"
        )


class TestPythonOfDevelopers:
    @pytest.mark.parametrize("text", ["3.12\n", "# ours\n3.12.4\n", "cpython@3.12\n", "python3.12"])
    def test_another_one_is_said(self, shop: Path, text: str) -> None:
        (shop / ".python-version").write_text(text)
        project, workspace = find_workspace(shop / "packages/web", shop)

        assert str(other_python(project, workspace, "3.13.5")) == (
            "../.python-version: names Python 3.12, and the image has 3.13.5\n"
            'hint: write `requires-python = "==3.12.*"` in [project] where it is to be the same'
        ).replace("../", "")
        assert other_python(project, workspace, "3.12.9") is None

    @pytest.mark.parametrize("text", ["", "pypy3.10", "\xff", "3"])
    def test_what_names_none_is_passed_over(self, shop: Path, text: str) -> None:
        (shop / ".python-version").write_bytes(text.encode("latin-1"))
        project, workspace = find_workspace(shop, shop)

        assert other_python(project, workspace, "3.13.5") is None


class TestHostile:
    @pytest.mark.parametrize(
        "source",
        [
            '{ git = "https://[::1" }',
            '{ url = "https://[::1" }',
            '{ path = "\\u0000" }',
            '{ editable = "\\u0000" }',
            "{}",
        ],
    )
    def test_source_that_cannot_be_read(self, source: str) -> None:
        text = FORKED.replace(
            'version = "2.0"\nsource = { registry = "https://a.example" }', f'version = "2.0"\nsource = {source}'
        )
        text = text.replace('version = "2.0", source = { registry = "https://a.example" }', 'version = "2.0"')

        assert refused(lambda: digest_pins(*parsed(text))).startswith("uv.lock: cannot be used: `many`: `source` ")

    def test_wheel_whose_address_cannot_be_read(self) -> None:
        text = FORKED.replace('version = "2.0"\nsource', 'version = "2.0"\nwheels = [{ url = "https://[::1" }]\nsource')

        assert refused(lambda: digest_pins(*parsed(text))) == (
            "uv.lock: cannot be used: `many`: `wheels` is an address that cannot be read\nhint: run `uv lock`"
        )

    def test_marker_that_is_nested_too_deeply(self) -> None:
        marker = "(" * 3000 + "os_name == 'x'" + ")" * 3000
        text = FORKED.replace("python_full_version < '3.12'\" },", f'{marker}" }},', 1)

        locked, chosen = parsed(text)
        assert refused(lambda: close(locked, chosen, {"here": values()})).startswith(
            "uv.lock: a marker of it is none: "
        )

    def test_very_many_extras_that_ask_for_each_other_end(self) -> None:
        rows = "".join(
            f'\n[[package]]\nname = "e{n}"\nversion = "1"\nsource = {{ registry = "https://a.example" }}\n'
            f'dependencies = [{{ name = "e{(n + 1) % 300}", extra = ["x"] }}]\n'
            f'[package.optional-dependencies]\nx = [{{ name = "e{(n + 7) % 300}", extra = ["x"] }}]\n'
            for n in range(300)
        )
        text = FORKED.replace('    { name = "twin"', '    { name = "e0" },\n    { name = "twin"', 1) + rows

        locked, chosen = parsed(text)
        assert len(named(close(locked, chosen, {"here": values()}))) == 302
