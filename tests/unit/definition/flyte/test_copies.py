"""Files that Flyte's images have of a project go where a Dockerfile's COPY brings them; every message word for word."""

from __future__ import annotations

from pathlib import Path

import pytest

from onedigest.definition.files import collect
from onedigest.definition.flyte.recipe import FlyteRecipe, make_recipe
from onedigest.definition.flyte.syntax import find_images
from onedigest.definition.project import Project
from onedigest.definition.spec import Spec, specify
from onedigest.errors import InputError

HEAD = "# /// script\n# dependencies = ['flyte']\n# ///\nfrom pathlib import Path\nimport flyte\nHERE = Path(__file__).parent\n"
DEBIAN = "flyte.Image.from_debian_base(name='x')"
BASE = "flyte.Image.from_base('docker.io/library/python:3.12-slim').clone(name='x', extendable=True)"
PAIR = "[Path(__file__).parent / 'a.py', Path(__file__).parent / 'b.txt']"


@pytest.fixture(autouse=True)
def project(tmp_path: Path) -> Path:
    """A folder with a file, a folder, and a script beside them."""
    for name in ("a.py", "b.txt", "src/m.py", "src/in/n.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


def recipe(folder: Path, calls: str, image: str = DEBIAN, head: str = HEAD) -> FlyteRecipe:
    file = folder / "job.py"
    file.write_text(f"{head}env = flyte.TaskEnvironment('e', image={image}{calls})\n", encoding="utf-8")
    (definition,) = find_images(file.read_text(), file, "job.py").all()
    return make_recipe(definition, root=folder, shown=lambda path: path.relative_to(folder).as_posix())


def spec(folder: Path, calls: str, image: str = DEBIAN, head: str = HEAD) -> Spec:
    return specify(recipe(folder, calls, image, head).script, Project(root=folder), "job.py")


def file(target: str, source: str = "a.py") -> str:
    return f".with_source_file(Path(__file__).parent / {source!r}, dst={target!r})"


def tree(target: str, source: str = "src") -> str:
    return f".with_source_folder(Path(__file__).parent / {source!r}, dst={target!r})"


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        (file("."), [("a.py", "a.py")]),
        (file("x"), [("x", "a.py")]),
        (file("x/"), [("x/a.py", "a.py")]),
        (file("/app"), [("a.py", "a.py")]),
        (file("/app/x"), [("x", "a.py")]),
        (file("/root"), [("/root/a.py", "a.py")]),
        (file("/root/"), [("/root/a.py", "a.py")]),
        (file("/root/x.py"), [("/root/x.py", "a.py")]),
        (file("//root/./y/../x.py"), [("/root/x.py", "a.py")]),
        (file("/root/pkg/."), [("/root/pkg/a.py", "a.py")]),
        (file("/"), [("/a.py", "a.py")]),
        (file("/.."), [("/a.py", "a.py")]),
        (file("/etc/app.conf"), [("/etc/app.conf", "a.py")]),
        (file("/etc/ssl/certs"), [("/etc/ssl/certs/a.py", "a.py")]),
        (file("/data"), [("/data", "a.py")]),
        (file("/data/"), [("/data/a.py", "a.py")]),
        (file("/opt"), [("/opt/a.py", "a.py")]),
        (file("/opt/app"), [("/opt/app", "a.py")]),
        (file("/tmp"), [("/tmp/a.py", "a.py")]),
        (file("/usr/local/bin"), [("/usr/local/bin/a.py", "a.py")]),
        (file("/bin"), [("/usr/bin/a.py", "a.py")]),
        (file("/lib64/a.so"), [("/usr/lib64/a.so", "a.py")]),
        (file("/home/you/a.py"), [("/home/you/a.py", "a.py")]),
        (file("/data/") + file("/data", "b.txt"), [("/data/a.py", "a.py"), ("/data/b.txt", "b.txt")]),
        (tree("/data") + file("/data"), [("/data", "src"), ("/data/a.py", "a.py")]),
        (file("/data/x/y") + file("/data", "b.txt"), [("/data/b.txt", "b.txt"), ("/data/x/y", "a.py")]),
        (file("/root") + file("/etc/"), [("/etc/a.py", "a.py"), ("/root/a.py", "a.py")]),
        (tree("."), [("src", "src")]),
        (tree("./"), [(".", "src")]),
        (tree("/root"), [("/root", "src")]),
        (tree("/opt/app/"), [("/opt/app", "src")]),
        (tree("/"), [("/", "src")]),
        (tree("/app"), [(".", "src")]),
        (f".with_source_file({PAIR}, '/opt/app/')", [("/opt/app/a.py", "a.py"), ("/opt/app/b.txt", "b.txt")]),
        (f".with_source_file({PAIR}, '/root')", [("/root/a.py", "a.py"), ("/root/b.txt", "b.txt")]),
        (".with_workdir('/srv')" + file("../x") + file("/srv/y"), [("/x", "a.py"), ("y", "a.py")]),
        (".with_workdir('/srv/a')" + file("/srv"), [("/srv/a.py", "a.py")]),
        (file("x") + ".with_workdir('/srv')" + file("x"), [("/app/x", "a.py"), ("x", "a.py")]),
        (".with_env_vars({'AT': '/zzz/'})" + file("${AT}"), [("/zzz/a.py", "a.py")]),
        (".with_env_vars({'AT': '/zzz', 'NO': ''})" + file("${NO:-/x}${AT:+/y}"), [("/x/y", "a.py")]),
        (file(r"/zzz/\$AT"), [("/zzz/$AT", "a.py")]),
        (".with_env_vars({'AT': '/zzz'})" + file("$AT/x") + file("${AT}y"), [("/zzz/x", "a.py"), ("/zzzy", "a.py")]),
    ],
)  # fmt: skip
def test_targets_are_those_of_copy(calls: str, expected: list[tuple[str, str]], tmp_path: Path) -> None:
    assert list(spec(tmp_path, calls).copies) == expected


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        (
            file("../x"),
            "'../x' leads out of the working directory, /app here and another one in Flyte\n"
            "hint: write an absolute path, or put `with_workdir` before it",
        ),
        (
            file("~/x"),
            "'~/x' is a folder of that name for a Dockerfile, and nobody's home\n"
            "hint: write the path out, such as /root",
        ),
        (
            file("$HOME/x"),
            "`$HOME` in the target '$HOME/x' would be filled in by a Dockerfile, and is not known here\n"
            "hint: write the path out, or put `with_env_vars` before it",
        ),
        (
            file("$1/x"),
            "the target '$1/x' has `$1`, which a Dockerfile leaves out\n"
            r"hint: write `\$` for a dollar, which between double quotes is `\\$`",
        ),
        (
            file("/proc/x"),
            "`dst` brings a.py to a wrong place: /proc/x is in a file system of the kernel, which hides it in a container\n"
            "hint: choose another place",
        ),
        (
            file("/dev"),
            "`dst` brings a.py to a wrong place: /dev/a.py is in a file system of the kernel, which hides it in a container\n"
            "hint: choose another place",
        ),
        (
            tree("/opt/venv/lib/python3.12/site-packages"),
            "`dst` brings src to a wrong place: /opt/venv/lib/python3.12/site-packages is in the virtual environment,"
            " which is of packages alone\nhint: choose another place",
        ),
        (
            file("/etc/hosts"),
            "`dst` brings a.py to a wrong place: /etc/hosts is a file that each container gets of its own\n"
            "hint: choose another place",
        ),
        (
            file("/etc/passwd"),
            "`dst` brings a.py to a wrong place: /etc/passwd is a table of accounts, which has the image's user\n"
            "hint: choose another place",
        ),
        (
            tree("/var/run/x"),
            "`dst` brings src to a wrong place: /var/run/x is below a link\nhint: write /run/x",
        ),
    ],
)
def test_targets_that_are_refused(calls: str, expected: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        recipe(tmp_path, calls)

    assert str(caught.value) == f"job.py:7: {expected}"


def collected(folder: Path, made: Spec, calls: str) -> tuple[list[str], list[str]]:
    """Return the targets of an image's files, and what is said of them."""
    said: list[str] = []
    script = recipe(folder, calls).script
    files = collect(made, script, folder, lambda problem: said.append(str(problem)))
    return [each.target for each in files], said


def test_copies_of_the_scripts_own_table_stay(tmp_path: Path) -> None:
    block = HEAD.replace("# ///\nfrom", "# [tool.onedigest.copy]\n# 'lib' = 'src'\n# '/app/z' = 'b.txt'\n# ///\nfrom")
    image = "flyte.Image.from_uv_script(__file__, name='x')"
    made = spec(tmp_path, tree("lib", "src/in") + file("/root"), image, block)

    assert made.copies == (("/root/a.py", "a.py"), ("lib", "src"), ("lib", "src/in"), ("z", "b.txt"))


def test_two_files_in_one_place_are_told(tmp_path: Path) -> None:
    calls = f".with_source_file({PAIR}, '/data')"
    with pytest.raises(InputError) as caught:
        collected(tmp_path, spec(tmp_path, calls), calls)

    assert str(caught.value) == (
        "job.py:7: `copy` brings 'a.py' and 'b.txt' to one place, /data\nhint: where it is a folder, end it in `/`"
    )


def searched(made: Spec) -> str:
    """Return where Python looks for modules besides."""
    return dict(made.env).get("PYTHONPATH", "")


class TestWhatIsImported:
    def test_from_the_home_of_root_as_in_flytes_own_images(self, tmp_path: Path) -> None:
        assert searched(spec(tmp_path, file("/root"))) == "/root"
        assert searched(spec(tmp_path, tree("/root/pkg"))) == "/root"

    @pytest.mark.parametrize(
        "calls", [file("."), file("/opt/x"), file("/rooted/x"), tree("/"), ".with_workdir('/root')" + file("/root")]
    )
    def test_from_nowhere_else(self, calls: str, tmp_path: Path) -> None:
        assert searched(spec(tmp_path, calls)) == ""

    def test_from_where_the_author_says(self, tmp_path: Path) -> None:
        said = spec(tmp_path, ".with_env_vars({'PYTHONPATH': '/x'})" + file("/root"))
        block = HEAD.replace("# ///\nfrom", "# [tool.onedigest.env]\n# PYTHONPATH = '/y'\n# ///\nfrom")
        image = "flyte.Image.from_uv_script(__file__, name='x')"

        assert searched(said) == "/x"
        assert searched(spec(tmp_path, file("/root"), image, block)) == "/y"

    def test_not_above_another_base(self, tmp_path: Path) -> None:
        made = spec(tmp_path, file("/root"), BASE)

        assert (made.copies, searched(made)) == ((("/root/a.py", "a.py"),), "")


class TestWorkingDirectory:
    @pytest.mark.parametrize("calls", [file("/home/flyte"), file("/home/flyte/a.py"), tree("/home/flyte/../flyte")])
    def test_is_flytes_where_a_target_names_it(self, calls: str, tmp_path: Path) -> None:
        made = spec(tmp_path, file("b", "b.txt") + calls)

        assert made.workdir == "/home/flyte"
        assert ("b", "b.txt") in made.copies
        assert all(not target.startswith("/") for target, _ in made.copies)

    @pytest.mark.parametrize(
        ("calls", "image"),
        [
            (file("/root"), DEBIAN),
            (file("/home/flyte2"), DEBIAN),
            (file("/home/flyte"), BASE),
            (".with_workdir('/app')" + file("/home/flyte/x"), DEBIAN),
        ],
    )
    def test_is_the_usual_one_else(self, calls: str, image: str, tmp_path: Path) -> None:
        assert spec(tmp_path, calls, image).workdir == "/app"


class TestIgnoreFile:
    def test_of_the_project_counts_where_folders_are_copied(self, tmp_path: Path) -> None:
        (tmp_path / ".dockerignore").write_text("*.txt\nsrc/in/z*\n")
        (tmp_path / "src" / "in" / "z.py").touch()
        calls = tree("/opt/app") + file("/etc/", "b.txt")
        made = spec(tmp_path, calls)

        assert (made.ignore_file, made.ignore_in_copies) == (".dockerignore", True)
        assert collected(tmp_path, made, calls) == (["/etc/b.txt", "/opt/app/in/n.txt", "/opt/app/m.py"], [])

    def test_lines_are_about_each_folder_too_as_flyte_reads_them(self, tmp_path: Path) -> None:
        (tmp_path / ".dockerignore").write_text("in\n")
        calls = tree("x") + tree(".", "src/in")
        made = spec(tmp_path, calls)

        assert collected(tmp_path, made, calls)[0] == ["in/n.txt", "x/m.py"]

    def test_named_one_wins(self, tmp_path: Path) -> None:
        (tmp_path / ".dockerignore").write_text("m.py\n")
        (tmp_path / "src" / "own.ignore").write_text("in\n")
        calls = tree("x") + ".with_dockerignore(Path(__file__).parent / 'src' / 'own.ignore')"
        made = spec(tmp_path, calls)

        assert made.ignore_file == "src/own.ignore"
        assert collected(tmp_path, made, calls)[0] == ["x/m.py", "x/own.ignore"]

    def test_has_no_part_in_an_image_without_folders(self, tmp_path: Path) -> None:
        (tmp_path / ".dockerignore").write_text("*\n")
        made = spec(tmp_path, file("/root"))

        assert (made.ignore_file, made.ignore_in_copies) == ("", False)

    def test_that_leaves_nothing_is_told(self, tmp_path: Path) -> None:
        (tmp_path / ".dockerignore").write_text("*\n!src\n")
        calls = tree("x")
        with pytest.raises(InputError) as caught:
            collected(tmp_path, spec(tmp_path, calls), calls)

        assert str(caught.value) == "job.py:7: `copy` names 'src', of which `ignore-file` leaves out all files"


def test_what_no_bundle_may_hold_is_left_out_and_said_once(tmp_path: Path) -> None:
    for name in (".env", "in/key.pem", ".venv/x.py", "in/node_modules/x.js", ".mypy_cache/x", ".git/config", "x.pyc"):
        (tmp_path / "src" / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / "src" / name).touch()
    calls = tree("/root")

    assert collected(tmp_path, spec(tmp_path, calls), calls) == (
        ["/root/in/n.txt", "/root/m.py"],
        [
            "job.py:7: `copy` of 'src' has 'src/.mypy_cache' and 2 more, which programs made for this machine alone: left out\n"
            "hint: to have such a folder in the image, name it itself",
            "job.py:7: `copy` of 'src' has 'src/.env' and 1 more, which may hold credentials: left out\n"
            "hint: to have such a file in the image, name it itself, without a pattern",
        ],
    )


def test_cache_that_is_named_itself_or_ignored_is_not_told(tmp_path: Path) -> None:
    (tmp_path / "src" / ".cache").mkdir()
    (tmp_path / "src" / ".cache" / "x").touch()
    calls = tree("/opt/cache", "src/.cache")
    assert collected(tmp_path, spec(tmp_path, calls), calls) == (["/opt/cache/x"], [])

    (tmp_path / ".dockerignore").write_text("**/.cache\n")
    assert collected(tmp_path, spec(tmp_path, tree("x")), tree("x")) == (["x/in/n.txt", "x/m.py"], [])


@pytest.mark.parametrize(
    ("command", "is_told"),
    [("sh /tmp/a.py", True), ("cat '/tmp/a.py'.bak", True), ("sh /tmp/a.pyc", False), ("ls /x/tmp/a.py /tmp", False)],
)
def test_command_that_names_a_file_of_the_project_is_told(command: str, is_told: bool, tmp_path: Path) -> None:
    made = recipe(tmp_path, f"{file('/tmp/')}.with_commands([{command!r}])")

    assert [str(each) for each in made.script.warnings] == is_told * [
        "job.py:7: `with_commands` names /tmp/a.py, which is there only after all commands have run\n"
        "hint: do in the task what needs a file of the project"
    ]


def test_code_of_a_run_may_have_a_place_of_its_own(tmp_path: Path) -> None:
    made = recipe(tmp_path, ".with_code_bundle(dst='/root')")

    assert (made.baked, made.script.onedigest["env"].get("PYTHONPATH")) == ((), None)
