"""Images of Flyte become what onedigest locks, or are refused by name; every message word for word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from onedigest.definition.flyte.definition import Definition, dumps, loads
from onedigest.definition.flyte.recipe import FlyteRecipe, make_recipe
from onedigest.definition.flyte.syntax import find_images
from onedigest.definition.project import Project
from onedigest.definition.spec import Spec, specify
from onedigest.errors import EngineError, InputError

HEAD = "from pathlib import Path\nimport flyte\n"
WHEELS = (
    "job.py:7: `PythonWheels`, `with_local_v2` and its like: the wheels that a checkout of Flyte builds are in no index\n"
    "hint: leave it out with a released Flyte, and give other wheels to `with_pip_packages` by name or path"
)
BLOCK = '# /// script\n# requires-python = ">=3.12"\n# dependencies = ["flyte", "attrs"]\n# ///\n'
SCRIPT_IMAGE = 'flyte.Image.from_uv_script(__file__, name="x", registry="r.example/acme")'
LITERAL = (
    'hint: write it as a literal, or run the script with `flyte.init(image_builder="onedigest")`,'
    " which locks the image too"
)


def definitions(folder: Path, text: str) -> tuple[Definition, ...]:
    file = folder / "job.py"
    file.write_text(text, encoding="utf-8")
    return find_images(text, file, "job.py").all()


def recipe(folder: Path, image: str, *, block: str = BLOCK) -> FlyteRecipe:
    (definition,) = definitions(folder, f"{block}{HEAD}env = flyte.TaskEnvironment('e', image={image})\n")
    assert loads(dumps(definition)) == definition
    return make_recipe(definition, root=folder, shown=lambda path: path.relative_to(folder).as_posix())


def spec(folder: Path, image: str, *, block: str = BLOCK) -> Spec:
    return specify(recipe(folder, image, block=block).script, Project(root=folder), "job.py")


def problems(folder: Path, image: str, *, block: str = BLOCK) -> str:
    with pytest.raises(InputError) as caught:
        spec(folder, image, block=block)
    return str(caught.value)


def debian(*calls: str, arguments: str = 'name="x"') -> str:
    return f"flyte.Image.from_debian_base({arguments}){''.join(calls)}"


class TestWhatFlyteNeeds:
    def test_is_given_without_being_asked(self, tmp_path: Path) -> None:
        found = spec(tmp_path, SCRIPT_IMAGE)

        assert (found.entrypoint, found.args, found.include_script) == ((), (), False)
        assert (found.workdir, found.own_workdir, found.user) == ("/app", True, "65532:65532")
        assert found.system_packages == ("gzip", "tar")
        assert found.repository == "r.example/acme/x"
        assert found.name == "x"
        assert [each.oci for each in found.platforms] == ["linux/amd64", "linux/arm64"]

    def test_flyte_is_added_where_a_script_forgot_it(self, tmp_path: Path) -> None:
        made = recipe(tmp_path, SCRIPT_IMAGE, block=BLOCK.replace('"flyte", ', ""))

        assert made.script.dependencies == ("attrs", "flyte")
        assert [str(each) for each in made.script.warnings] == [
            "job.py:7: `flyte` is not among the packages of image `x`; no task starts without it, so it is added\n"
            "hint: list `flyte` among them"
        ]

    def test_one_release_of_python_is_taken_for_its_minor(self, tmp_path: Path) -> None:
        made = recipe(tmp_path, SCRIPT_IMAGE, block=BLOCK.replace(">=3.12", "==3.13"))

        assert made.script.requires_python == "==3.13.*"
        assert [str(each) for each in made.script.warnings] == [
            "job.py:2: `requires-python` has `==3.13`, which is read as `==3.13.*`\n"
            'hint: write `requires-python = "==3.13.*"`'
        ]

    @pytest.mark.parametrize("text", ["==3.13.1", "==3.13.*", ">=3.11", "!=3.13,>=3.12", "~=3.13"])
    def test_other_specifiers_stay_as_they_are(self, text: str, tmp_path: Path) -> None:
        assert recipe(tmp_path, SCRIPT_IMAGE, block=BLOCK.replace(">=3.12", text)).script.requires_python == text


class TestLayers:
    def test_script_keeps_its_own_settings_that_flyte_does_not_make(self, tmp_path: Path) -> None:
        block = (
            "# /// script\n# dependencies = ['flyte']\n# [tool.onedigest]\n# name = 'own'\n# user = '7'\n"
            "# env = { A = '1', B = '1' }\n# [tool.uv]\n# exclude-newer = '2026-01-01T00:00:00Z'\n# ///\n"
        )
        found = spec(tmp_path, f"{SCRIPT_IMAGE}.with_env_vars({{'B': '2'}})", block=block)

        assert (found.name, found.user, found.env) == ("own", "7:7", (("A", "1"), ("B", "2"), ("SHELL", "/bin/bash")))
        assert "exclude-newer" in found.uv

    def test_debian_base_brings_flyte_and_the_scripts_name(self, tmp_path: Path) -> None:
        found = spec(tmp_path, debian(".with_pip_packages('attrs>=22', 'numpy')", arguments=""), block="")

        assert found.dependencies == ("attrs>=22", "flyte", "numpy")
        assert (found.name, found.requires_python, found.repository) == ("job", "", "")

    def test_versions_that_are_written_down_count(self, tmp_path: Path) -> None:
        arguments = "name='x', python_version=(3, 11), flyte_version='v2.8.1', platform='linux/arm64'"
        found = spec(tmp_path, debian(arguments=arguments), block="")

        assert (found.requires_python, found.dependencies) == ("==3.11.*", ("flyte==2.8.1",))
        assert [each.oci for each in found.platforms] == ["linux/arm64"]

    def test_base_of_a_registry(self, tmp_path: Path) -> None:
        image = "flyte.Image.from_base('docker.io/library/python:3.12-slim').clone(name='x', extendable=True)"
        found = spec(tmp_path, image)

        assert (found.base, found.dependencies) == ("docker.io/library/python:3.12-slim", ("flyte",))
        assert found.system_packages == ("coreutils", "dash", "gzip", "libstdc++6", "tar"), "of apps and debugging"
        assert (found.env, found.expand_env) == ((("SHELL", "${SHELL:-/bin/sh}"),), ("SHELL",))
        assert [each.oci for each in found.platforms] == ["linux/amd64"]

    def test_image_that_flyte_publishes_stands_for_debian_with_flyte(self, tmp_path: Path) -> None:
        image = "flyte.Image.from_base('ghcr.io/flyteorg/flyte:py3.11-v2.8.1').clone(name='x', extendable=True)"
        found = spec(tmp_path, image)

        assert (found.base, found.requires_python, found.dependencies) == ("debian", "==3.11.*", ("flyte==2.8.1",))

    def test_requirements_file_with_all_that_it_may_hold(self, tmp_path: Path) -> None:
        digest = "a" * 64
        (tmp_path / "requirements.txt").write_text(
            "# comment\n--index-url https://index.example/simple\n-r more.txt\n-c limits.txt\n"
            f"attrs==25.1  \\\n    --hash=sha256:{digest} \\\n    --hash=sha256:{'b' * 64}  # why\n"
            "iniconfig ; python_version >= '3.8'\n"
        )
        (tmp_path / "more.txt").write_text("numpy\n-r requirements.txt\n")
        (tmp_path / "limits.txt").write_text("numpy<3\n")
        made = recipe(tmp_path, debian(f".with_requirements('{tmp_path}/requirements.txt')"))

        assert made.script.dependencies == ("numpy", "attrs==25.1", 'iniconfig; python_version >= "3.8"', "flyte")
        assert made.script.uv["constraint-dependencies"] == ["numpy<3"]
        assert made.script.uv["index"] == [{"name": "flyte-1", "url": "https://index.example/simple", "default": True}]
        assert made.hashes == {"attrs": {f"sha256:{digest}", f"sha256:{'b' * 64}"}}
        assert made.read == tuple(tmp_path / name for name in ("requirements.txt", "more.txt", "limits.txt"))

    def test_options_of_packages(self, tmp_path: Path) -> None:
        call = (
            ".with_pip_packages('attrs', index_url='https://one.example/simple', pre=True,"
            " extra_index_urls=['https://me:$TOKEN@two.example/simple'], extra_args='--index-strategy unsafe-best-match"
            " --exclude-newer=2026-01-01 --no-cache', secret_mounts=[flyte.Secret(key='token', group='g')])"
        )
        made = recipe(tmp_path, debian(call))

        assert made.script.uv == {
            "prerelease": "allow",
            "index-strategy": "unsafe-best-match",
            "exclude-newer": "2026-01-01",
            "index": [
                {"name": "flyte-1", "url": "https://two.example/simple"},
                {"name": "flyte-2", "url": "https://one.example/simple", "default": True},
            ],
        }
        assert [(each.source, each.file, each.variable) for each in made.secrets] == [
            ("G_TOKEN", "/etc/secrets/g_token", "G_TOKEN")
        ]
        (credential,) = made.credentials
        assert (credential.index, credential.host) == ("flyte-1", "two.example")
        assert (credential.origin, credential.variables()) == ("https://two.example:443", ("TOKEN",))
        assert credential.filled({"TOKEN": "s3cret"}) == ("me", "s3cret")

    def test_index_of_some_steps_comes_before_the_usual_one(self, tmp_path: Path) -> None:
        (tmp_path / "r.txt").write_text("--index-url https://one.example/simple\nnumpy\n")
        one, plain = ".with_pip_packages('attrs', index_url='https://one.example/simple')", ".with_pip_packages('idna')"
        file = f".with_requirements('{tmp_path}/r.txt')"
        row = {"name": "flyte-1", "url": "https://one.example/simple"}

        for calls in ([one, plain], [plain, one], [file, plain], [plain, file]):
            assert recipe(tmp_path, debian(*calls)).script.uv == {"index": [row]}
        for calls in ([one, one], [one, file], [file, one]):
            assert recipe(tmp_path, debian(*calls)).script.uv == {"index": [{**row, "default": True}]}

    def test_named_index_is_split_like_any_other(self, tmp_path: Path) -> None:
        call = ".with_pip_packages('attrs', extra_args='--index corp=https://me:$TOKEN@two.example/simple')"
        made = recipe(tmp_path, debian(call))

        assert made.script.uv == {"index": [{"name": "flyte-1", "url": "https://two.example/simple"}]}
        assert [(each.host, each.variables()) for each in made.credentials] == [("two.example", ("TOKEN",))]

    def test_files_and_folders_are_below_the_working_directory(self, tmp_path: Path) -> None:
        for name in ("src/pkg/a.py", "src/b.py", "note.txt", "c.txt"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
        found = spec(
            tmp_path,
            debian(
                ".with_workdir('/srv/w')",
                ".with_source_folder(Path(__file__).parent / 'src' / 'pkg')",
                ".with_source_folder(Path(__file__).parent / 'src', dst='.', copy_contents_only=True)",
                ".with_source_file([Path(__file__).parent / 'note.txt', Path(__file__).parent / 'c.txt'], dst='/srv/w/x/')",
                ".with_dockerignore(Path(__file__).parent / '.dockerignore')",
            ),
        )

        assert found.root == "/srv/w"
        assert found.copies == ((".", "src"), ("pkg", "src/pkg"), ("x/c.txt", "c.txt"), ("x/note.txt", "note.txt"))
        assert found.ignore_file == ".dockerignore"

    def test_several_folders_may_have_one_target(self, tmp_path: Path) -> None:
        for name in ("a/x.py", "b/y.py"):
            (tmp_path / name).parent.mkdir()
            (tmp_path / name).touch()
        call = ".with_source_folder(Path(__file__).parent / {}, dst='lib')"
        found = spec(tmp_path, debian(call.format("'a'"), call.format("'b'")))

        assert found.copies == (("lib", "a"), ("lib", "b"))

    def test_wrong_values_of_the_scripts_own_table_are_told(self, tmp_path: Path) -> None:
        block = (
            "# /// script\n# dependencies = ['flyte']\n# [tool.onedigest]\n# env = 'x'\n# run = 1\n# copy = 2\n# ///\n"
        )

        assert problems(tmp_path, SCRIPT_IMAGE, block=block) == (
            "job.py:6: `copy` is not a table\njob.py:4: `env` is not a table of strings\n"
            "job.py:5: `run` is not a list of strings"
        )

    def test_commands_are_those_of_a_shell_which_debian_gets_then(self, tmp_path: Path) -> None:
        found = spec(tmp_path, debian(".with_commands(['echo a > /b && true'])"))

        assert found.run == ("/bin/sh -c 'echo a > /b && true'",)
        assert found.system_packages == ("coreutils", "dash", "gzip", "tar")

    def test_code_bundle_has_no_part_in_the_lock(self, tmp_path: Path) -> None:
        assert spec(tmp_path, debian(".with_code_bundle()")) == spec(tmp_path, debian())

    def test_apt_packages_and_variables_add_up(self, tmp_path: Path) -> None:
        found = spec(tmp_path, debian(".with_apt_packages('curl', 'git')", ".with_env_vars({'A': 'b c'})"))

        assert found.system_packages == ("curl", "git", "gzip", "tar")
        assert found.env == (("A", "b c"), ("SHELL", "/bin/bash"))


PROJECT = """\
[project]
name = "x"
version = "1"
requires-python = ">=3.11"
dependencies = ["attrs>=22"]
"""
UV_LOCK = """\
version = 1
revision = 3
requires-python = ">=3.11"

[[package]]
name = "attrs"
version = "25.1.0"
source = { registry = "https://index.example/simple" }
wheels = [{ url = "https://index.example/attrs-25.1.0-py3-none-any.whl", hash = "sha256:aaaa", size = 1 }]

[[package]]
name = "x"
version = "1"
source = { virtual = "." }
dependencies = [{ name = "attrs" }]

[package.metadata]
requires-dist = [{ name = "attrs", specifier = ">=22" }]
"""


class TestUvProject:
    CALL = ".with_uv_project(Path(__file__).parent / 'pyproject.toml')"

    def write(self, folder: Path, project: str = PROJECT, lock: str = UV_LOCK) -> None:
        (folder / "pyproject.toml").write_text(project)
        (folder / "uv.lock").write_text(lock.replace("aaaa", "a" * 64))

    def test_what_its_lock_pins_is_taken_and_flyte_is_asked_for_besides(self, tmp_path: Path) -> None:
        self.write(tmp_path, PROJECT + '[tool.uv]\nexclude-newer = "2026-01-01T00:00:00Z"\n')
        made = recipe(tmp_path, debian(self.CALL))
        (taken,) = made.taken

        assert (taken.folder, taken.lock, taken.roots, taken.left_out) == (".", "uv.lock", ("attrs",), ())
        assert made.script.dependencies == ("flyte",)
        assert made.script.uv == {"exclude-newer": "2026-01-01T00:00:00Z"}
        assert made.script.requires_python == ">=3.11"
        assert made.hashes == {}
        assert made.read == (tmp_path / "pyproject.toml", tmp_path / "uv.lock")

    def test_flyte_that_is_pinned_is_not_asked_for(self, tmp_path: Path) -> None:
        self.write(tmp_path, PROJECT.replace("attrs", "flyte"), UV_LOCK.replace("attrs", "flyte"))

        assert recipe(tmp_path, debian(self.CALL)).script.dependencies == ()

    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            (
                "--extra slow",
                "`--extra slow` names what the project has not\nhint: it has no extras: leave the option out",
            ),
            ("--group test", "`--group test` names what the project has not\nhint: its groups are `dev`"),
            ("--only-group=Test", "`--only-group test` names what the project has not\nhint: its groups are `dev`"),
            ("--package y", "`--package y` names no project of the workspace\nhint: its projects are `x`"),
            (
                "--extra",
                "`extra_args` cannot be read: `--extra` lacks a name\nhint: write the options as `uv sync` takes them",
            ),
            (
                "--extra --all-groups",
                "`extra_args` cannot be read: `--extra` lacks a name\nhint: write the options as `uv sync` takes them",
            ),
            (
                "--no-binary",
                "`--no-binary` in `extra_args` has no place in a lock\n"
                "hint: leave it out; settings of uv stand in [tool.uv] of the script",
            ),
        ],
    )
    def test_options_that_are_none(self, options: str, expected: str, tmp_path: Path) -> None:
        self.write(tmp_path)
        call = self.CALL.removesuffix(")") + f", extra_args='{options}')"

        assert problems(tmp_path, debian(call)) == f"job.py:7: {expected}"

    def test_lock_elsewhere(self, tmp_path: Path) -> None:
        self.write(tmp_path)
        (tmp_path / "locks").mkdir()
        (tmp_path / "uv.lock").rename(tmp_path / "locks" / "uv.lock")
        place = "Path(__file__).parent / 'locks' / 'uv.lock'"
        made = recipe(tmp_path, debian(self.CALL.removesuffix(")") + f", uvlock={place})"))

        assert made.taken[0].lock == "locks/uv.lock"
        assert made.read == (tmp_path / "locks/uv.lock", tmp_path / "pyproject.toml")

    def test_stale_lock_is_taken_where_it_is_said_to_be_frozen(self, tmp_path: Path) -> None:
        self.write(tmp_path, PROJECT.replace("attrs>=22", "attrs>=23"))
        made = recipe(tmp_path, debian(self.CALL.removesuffix(")") + ", extra_args='--frozen')"))

        assert made.taken[0].roots == ("attrs",)

    def test_what_a_project_wants_built_is_built_besides(self, tmp_path: Path) -> None:
        self.write(tmp_path, PROJECT + '[tool.onedigest]\nbuild = ["attrs", "b"]\n')
        block = "# /// script\n# dependencies = []\n# [tool.onedigest]\n# build = ['a', 'b']\n# ///\n"

        assert spec(tmp_path, debian(self.CALL)).build == ("attrs", "b")
        assert spec(tmp_path, debian(self.CALL), block=block).build == ("a", "attrs", "b")

    def test_settings_have_paths_from_the_script(self, tmp_path: Path) -> None:
        (tmp_path / "app").mkdir()
        more = '[tool.uv]\nfind-links = ["wheels", "https://h.example"]\n[[tool.uv.index]]\nname = "near"\nurl = "./near"\n'
        self.write(tmp_path / "app", PROJECT + more)
        made = recipe(tmp_path, debian(self.CALL.replace("'pyproject.toml'", "'app' / 'pyproject.toml'")))

        assert made.script.uv == {
            "find-links": ["app/wheels", "https://h.example"],
            "index": [{"name": "near", "url": "app/near"}],
        }
        assert (made.taken[0].folder, made.taken[0].lock) == ("app", "app/uv.lock")

    def test_explicit_index_is_that_of_its_packages(self, tmp_path: Path) -> None:
        more = (
            "[tool.uv]\nsources = { attrs = { index = 'own' } }\n"
            "[[tool.uv.index]]\nname = 'own'\nurl = 'https://index.example/simple'\nexplicit = true\n"
        )
        own = 'specifier = ">=22", index = "https://index.example/simple"'
        self.write(tmp_path, PROJECT + more, UV_LOCK.replace('specifier = ">=22"', own))

        assert recipe(tmp_path, debian(self.CALL)).script.uv["sources"] == {"attrs": {"index": "own"}}

    def test_lock_that_does_not_answer_the_project(self, tmp_path: Path) -> None:
        self.write(tmp_path, PROJECT.replace("attrs>=22", "attrs>=23"))

        assert problems(tmp_path, debian(self.CALL)) == (
            "job.py:7: pyproject.toml:5: it changed since uv.lock was made: `attrs`\nhint: run `uv lock`"
        )

    def test_another_python_than_the_projects(self, tmp_path: Path) -> None:
        self.write(tmp_path, PROJECT.replace(">=3.11", ">=3.11,<3.13"), UV_LOCK.replace(">=3.11", ">=3.11, <3.13"))

        assert recipe(tmp_path, debian(self.CALL, arguments="name='x', python_version=(3, 12)")).taken
        assert problems(tmp_path, debian(self.CALL, arguments="name='x', python_version=(3, 13)")) == (
            "job.py:7: the image asks for Python 3.13, and its project is for >=3.11,<3.13\nhint: change one of the two"
        )

    def test_project_without_a_lock(self, tmp_path: Path) -> None:
        self.write(tmp_path)
        (tmp_path / "uv.lock").unlink()

        assert problems(tmp_path, debian(self.CALL)).startswith("job.py:7: there is no uv.lock beside pyproject.toml\n")

    def test_forked_lock_answers_what_any_of_its_versions_does(self, tmp_path: Path) -> None:
        row = UV_LOCK[UV_LOCK.index("[[package]]") : UV_LOCK.index('[[package]]\nname = "x"')]
        edge = (
            '{ name = "attrs", version = "%s", source = { registry = "https://index.example/simple" }, marker = "%s" }'
        )
        edges = (edge % ("24.1.0", "python_full_version < '3.12'"), edge % ("25.1.0", "python_full_version >= '3.12'"))
        lock = UV_LOCK.replace('{ name = "attrs" }', ", ".join(edges)).replace(
            row, row + row.replace("25.1.0", "24.1.0")
        )
        self.write(tmp_path, lock=lock)

        assert recipe(tmp_path, debian(self.CALL, ".with_pip_packages('attrs<25')")).taken
        assert problems(tmp_path, debian(self.CALL, ".with_pip_packages('attrs<24')")) == (
            "job.py:7: `attrs<24` is asked for, and uv.lock has attrs 24.1.0 and 25.1.0\nhint: change one of the two"
        )
        assert problems(tmp_path, debian(self.CALL, ".with_pip_packages('attrs @ https://h.example/a.whl')")) == (
            "job.py:7: `attrs` is asked for from another place than uv.lock has attrs 24.1.0 and 25.1.0 from\n"
            "hint: change one of the two"
        )

    def test_source_takes_the_place_of_a_specifier(self, tmp_path: Path) -> None:
        project = (
            PROJECT
            + '[project.optional-dependencies]\nfast = ["near>=0.1"]\n[tool.uv.sources]\nnear = { path = "near" }\n'
        )
        stated = '{ name = "near", marker = "extra == \'fast\'", directory = "near" }'
        lock = UV_LOCK.replace(
            "[package.metadata]", '[package.optional-dependencies]\nfast = [{ name = "near" }]\n\n[package.metadata]'
        )
        lock = lock.replace('specifier = ">=22" }]', f'specifier = ">=22" }}, {stated}]\nprovides-extras = ["fast"]')
        lock += '\n[[package]]\nname = "near"\nversion = "1"\nsource = { directory = "near" }\n'
        self.write(tmp_path, project, lock)

        assert recipe(tmp_path, debian(self.CALL)).taken[0].roots == ("attrs",)

    def test_member_whose_lock_is_at_the_root_of_its_workspace(self, tmp_path: Path) -> None:
        self.write(
            tmp_path,
            '[tool.uv.workspace]\nmembers = ["jobs"]\n',
            UV_LOCK.replace('virtual = "."', 'virtual = "jobs"').replace(
                "\n[[package]]", '\n[manifest]\nmembers = ["x"]\n\n[[package]]', 1
            ),
        )
        (tmp_path / "jobs").mkdir()
        (tmp_path / "jobs/pyproject.toml").write_text(PROJECT)
        made = recipe(tmp_path, debian(self.CALL.replace("'pyproject.toml'", "'jobs/pyproject.toml'")))

        assert (made.taken[0].folder, made.taken[0].lock, made.taken[0].roots) == ("jobs", "uv.lock", ("attrs",))
        assert made.read == (tmp_path / "jobs/pyproject.toml", tmp_path / "pyproject.toml", tmp_path / "uv.lock")

    def test_project_that_is_installed_is_taken_itself(self, tmp_path: Path) -> None:
        project, lock = PROJECT + "[build-system]\nrequires = []\n", UV_LOCK.replace("virtual", "editable")
        self.write(tmp_path, project, lock)
        call = self.CALL.removesuffix(")") + ", project_install_mode='install_project')"

        (left,), (installed,) = (recipe(tmp_path, debian(each)).taken for each in (self.CALL, call))
        assert (left.roots, left.left_out) == (("attrs",), ("x",))
        assert (installed.roots, installed.left_out) == (("x",), ())

    def test_another_version_beside_the_lock(self, tmp_path: Path) -> None:
        self.write(tmp_path)

        assert problems(tmp_path, debian(self.CALL, ".with_pip_packages('attrs<24')")) == (
            "job.py:7: `attrs<24` is asked for, and uv.lock has attrs 25.1.0\nhint: change one of the two"
        )


class TestRefused:
    @pytest.mark.parametrize(
        ("image", "expected"),
        [
            (
                debian(".with_poetry_project('pyproject.toml')"),
                "job.py:7: `with_poetry_project`: poetry.lock is not read\n"
                "hint: run `poetry export -o requirements.txt` and use `with_requirements`, or move the project to uv",
            ),
            (
                debian(".with_pixi_project('pixi.toml')"),
                "job.py:7: pixi: packages of conda are not locked here\n"
                "hint: list what is also a wheel in `dependencies` and use `from_uv_script`,"
                " or keep Flyte's own builder for it",
            ),
            (
                "flyte.Image.from_dockerfile('Dockerfile', registry='r.example/a', name='x')",
                "job.py:7: `from_dockerfile`: what a Dockerfile does cannot be locked\n"
                "hint: build and push that image yourself, and use `from_base` with its digest",
            ),
            (
                debian(
                    ".clone(addl_layer=flyte._image.PythonWheels(wheel_dir=DIST_FOLDER, package_name='flyte', pre=True))"
                ),
                WHEELS,
            ),
            (debian(".with_local_v2()"), WHEELS),
            (
                "flyte.Image.from_base('r.example/a').clone(name='x').with_pip_packages('attrs')",
                "job.py:7: Flyte adds nothing by `with_pip_packages` to an image that is not extendable\n"
                "hint: write `.clone(name=…, extendable=True)` before it",
            ),
            (
                debian(".clone(extendable=False).with_workdir('/w').with_commands(['ls'])"),
                "job.py:7: Flyte adds nothing by `with_workdir` to an image that is not extendable\n"
                "hint: write `.clone(name=…, extendable=True)` before it",
            ),
            (
                debian(".with_pip_packages(['attrs', 'idna'])"),
                "job.py:7: `packages` of `with_pip_packages` is not a string or several\n"
                "hint: write a star before the list, `*[…]`, or each of them alone",
            ),
            (
                debian(arguments='python_version="3.13"'),
                "job.py:7: `python_version` of `from_debian_base` is not a pair of numbers\n"
                "hint: write two numbers, such as `(3, 13)`",
            ),
            (
                debian(".with_env_vars({'A': 'a$$b', 'B': '${A%b}', 'C': '$C'})"),
                "job.py:7: the value of the variable 'A' has `$$`, which a Dockerfile leaves out\n"
                "hint: write `\\$` for a dollar, which between double quotes is `\\\\$`\n"
                "job.py:7: the value of the variable 'B' has `${A` with more than is filled in here;"
                " `${A:-word}` and its like are\n"
                "hint: write `\\$` for a dollar, which between double quotes is `\\\\$`",
            ),
            (
                debian(".with_pip_packages('attrs', 'a b')"),
                "job.py:7: 'a b' is not a requirement: Expected semicolon (after name with no version specifier)"
                " or end\nhint: name a package as `name==1.2`, or a wheel as `name @ URL`",
            ),
            (
                debian(".with_pip_packages('attrs', extra_args='--no-deps')"),
                "job.py:7: `--no-deps` in `extra_args` has no place in a lock\n"
                "hint: leave it out; settings of uv stand in [tool.uv] of the script",
            ),
            (
                debian(
                    ".with_pip_packages('a', index_url='https://a.example')",
                    ".with_pip_packages('b', index_url='https://b.example')",
                ),
                "job.py:7: two steps have different `index_url`s, and all packages of an image are resolved together\n"
                "hint: name one of them in `extra_index_urls`",
            ),
            (
                debian(".with_pip_packages('a', index_url='https://a.example/$TOKEN/simple')"),
                "job.py:7: the address of an index has `$TOKEN` outside of user and password\n"
                "hint: a lock cannot hold it: write that part out",
            ),
            (
                debian(".with_apt_packages('curl', secret_mounts='token')"),
                "job.py:7: `secret_mounts` of apt packages: Debian's own archive needs none",
            ),
            (
                debian(".with_commands(['true'], secret_mounts='token')"),
                "job.py:7: `secret_mounts` of commands, which run without a network\n"
                "hint: fetch what they need before, and add it with `with_source_file`",
            ),
            (
                debian(".with_source_folder(Path(__file__).parent / 'none')"),
                "job.py:7: none is no folder here\nhint: correct the path",
            ),
            (
                debian(".with_workdir('/')"),
                "job.py:7: the working directory is /, which cannot belong to the user, as Flyte needs it\n"
                "hint: name another in `with_workdir`",
            ),
            (
                debian(".with_apt_packages('curl=7.88')"),
                "job.py:7: `system-packages` has 'curl=7.88', which cannot be the name of a Debian package",
            ),
            (
                debian(arguments="name='x', platform=('linux/amd64', 'linux/s390x')"),
                "job.py:7: `platforms` has 'linux/s390x'; known are `linux/amd64`, `linux/arm64`",
            ),
            (
                debian(".with_requirements('none.txt')"),
                "none.txt: cannot be read: No such file or directory",
            ),
        ],
    )
    def test_by_name_with_the_way_out(self, image: str, expected: str, tmp_path: Path) -> None:
        assert problems(tmp_path, image) == expected

    def test_all_problems_at_once(self, tmp_path: Path) -> None:
        image = debian(".with_poetry_project('p')", ".with_env_vars({'A': '${B'})", ".with_workdir('/')")

        assert problems(tmp_path, image).count("job.py:7:") == 3

    def test_registry_secret_is_said_to_be_unread(self, tmp_path: Path) -> None:
        made = recipe(tmp_path, debian(arguments="name='x', registry_secret=flyte.Secret(key='pull')"))

        assert [str(each) for each in made.script.warnings] == [
            "job.py:7: `registry_secret` is for the cluster's builder, and not read here\n"
            "hint: images are pushed with the credentials of `docker login`"
        ]


class TestSyntax:
    @pytest.mark.parametrize(
        ("image", "text"),
        [
            ("flyte.Image.from_debian_base(name='x'.title())", "'x'.title()"),
            ("flyte.Image.from_debian_base(name=NAME)", "NAME"),
            ("flyte.Image.from_debian_base(name='x').with_pip_packages(*PACKAGES)", "PACKAGES"),
            ("flyte.Image.from_debian_base(**OPTIONS)", "OPTIONS"),
            ("flyte.Image.from_ref_name('base').with_pip_packages('x')", "flyte.Image.from_ref_name('base')"),
        ],
    )
    def test_what_is_no_literal_is_left_to_flyte(self, image: str, text: str, tmp_path: Path) -> None:
        with pytest.raises(InputError) as caught:
            recipe(tmp_path, image)

        assert str(caught.value) == (
            f"job.py:7: the image cannot be read without running the script: `{text}` is no literal\n{LITERAL}"
        )

    @pytest.mark.parametrize(
        ("image", "expected"),
        [
            (
                "flyte.Image.from_debian_base(name='x', colour='red')",
                "`from_debian_base` has no parameter `colour` that is known here",
            ),
            ("flyte.Image.from_debian_base(name='x').with_magic()", "`with_magic` of `flyte.Image` is not known here"),
        ],
    )
    def test_what_a_newer_flyte_may_have(self, image: str, expected: str, tmp_path: Path) -> None:
        with pytest.raises(InputError) as caught:
            recipe(tmp_path, image)

        assert str(caught.value) == f"job.py:7: {expected}\nhint: Flyte 2.8 to 2.12 is what is known here"

    @pytest.mark.parametrize(
        "text",
        [
            "import flyte as f\nx = f.Image.from_debian_base(name='x')\n",
            "from flyte import Image\nx = Image.from_debian_base(name='x')\n",
            "from flyte import Image as I\nx = I.from_debian_base().clone(name='x')\n",
            "import flyte\nbase = flyte.Image.from_debian_base()\nx = base.clone(name='x')\n",
            "def f():\n    import flyte\n    return flyte.Image.from_debian_base(name='x')\n",
        ],
    )
    def test_images_are_found_however_they_are_imported(self, text: str, tmp_path: Path) -> None:
        assert [each.name for each in definitions(tmp_path, text)] == ["x"]

    @pytest.mark.parametrize(
        "text",
        [
            "import flyte\nx = flyte.Image.from_debian_base()\n",
            "import flyte\nx = flyte.Image.from_base('a/b')\n",
            "import flyte\nx = flyte.Image.from_ref_name('b')\n",
            "import PIL.Image as Image\nx = Image.from_debian_base(name='x')\n",
            "# flyte Image.from_\n",
        ],
    )
    def test_images_that_flyte_takes_as_they_are_need_no_lock(self, text: str, tmp_path: Path) -> None:
        assert definitions(tmp_path, text) == ()

    def test_base_that_several_images_share_is_none_itself(self, tmp_path: Path) -> None:
        text = (
            "import flyte\nbase = flyte.Image.from_debian_base(registry='r.example/a')\n"
            "one = base.clone(name='one').with_pip_packages('a')\ntwo = base.clone(name='two')\n"
        )

        assert [each.name for each in definitions(tmp_path, text)] == ["one", "two"]

    @pytest.mark.parametrize("left", [".with_local_v2()", ".with_pip_packages(*read())"])
    def test_image_that_cannot_be_locked_and_nothing_uses_is_none(self, left: str, tmp_path: Path) -> None:
        text = f"import flyte\nold = flyte.Image.from_debian_base(name='old'){left}\n"
        one = "e = flyte.TaskEnvironment('e', image=flyte.Image.from_debian_base(name='one'))\n"
        file = tmp_path / "job.py"

        assert [each.name for each in find_images(text + one, file, "job.py").all()] == ["one"]
        for used in (text, text + one + "f = flyte.TaskEnvironment('f', image=old)\n", text + one + "print(old)\n"):
            found = find_images(used, file, "job.py")
            assert found.unread or any(each.name == "old" for each in found.definitions)

    def test_base_that_a_task_has_too_is_one(self, tmp_path: Path) -> None:
        text = (
            "import flyte\nbase = flyte.Image.from_debian_base(name='base')\n"
            "one = base.clone(name='one')\ne = flyte.TaskEnvironment('e', image=base)\n"
        )

        assert [each.name for each in definitions(tmp_path, text)] == ["base", "one"]

    def test_variable_that_is_given_again_is_followed(self, tmp_path: Path) -> None:
        text = (
            "import flyte\nx = flyte.Image.from_debian_base(name='x')\nx = x.with_pip_packages('a')\n"
            "x = (\n  x.with_workdir('/w')\n)\ne = flyte.TaskEnvironment('e', image=x)\n"
        )

        assert [len(each.steps) for each in definitions(tmp_path, text)] == [2]

    def test_variable_that_may_have_two_values_is_left_to_flyte(self, tmp_path: Path) -> None:
        text = (
            "import flyte\nx = flyte.Image.from_debian_base(name='x')\nif e:\n    x = x.with_pip_packages('a')\n"
            "y = x.with_workdir('/w')\n"
        )
        with pytest.raises(InputError) as caught:
            definitions(tmp_path, text)

        assert "job.py:5: the image cannot be read without running the script: `x` is no literal" in str(caught.value)

    def test_image_that_a_statement_may_change_is_said_so(self, tmp_path: Path) -> None:
        text = "import flyte\nx = flyte.Image.from_debian_base(name='x')\nobject.__setattr__(x, 'platform', ())\n"
        with pytest.raises(InputError) as caught:
            definitions(tmp_path, text)

        assert str(caught.value) == (
            "job.py:2: the image cannot be read without running the script: "
            f"`flyte.Image.from_debian_base(name='x')` may be changed by a later statement\n{LITERAL}"
        )

    def test_bad_python_is_said_with_its_line(self, tmp_path: Path) -> None:
        with pytest.raises(InputError) as caught:
            definitions(tmp_path, "import flyte\nflyte.Image.from_debian_base(\n")

        assert str(caught.value) == "job.py:2: not Python: '(' was never closed"


def test_image_whose_private_side_moved_is_refused_with_the_tested_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import flyte

        from onedigest.flyte_plugin.sdk import read_image

    class Moved:
        dockerfile = None
        base_image: Any = "x"

    class Layer:
        pass

    class Strange(Moved):
        _layers = (Layer(),)

    def said(image: Any) -> str:
        with pytest.raises(EngineError) as caught:
            read_image(image, tmp_path)
        return str(caught.value)

    def moved(what: str) -> str:
        return (
            f"Flyte {flyte.__version__} keeps images in another way than is known here: {what}\n"
            "hint: onedigest is tested with Flyte 2.8 to 2.12: install one of these, or a newer onedigest"
        )

    assert said(Moved()) == moved("'Moved' object has no attribute '_layers'")
    assert said(Strange()) == moved("a layer of the kind Layer")
    image = flyte.Image.from_uv_script(tmp_path / "x.py", name="x")
    monkeypatch.delattr("flyte._image._CREATE_FLYTE_USER_CMD")
    path = flyte._image.__file__
    assert said(image) == moved(f"cannot import name '_CREATE_FLYTE_USER_CMD' from 'flyte._image' ({path})")
