from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from backend_projects import backend_project
from onedigest.errors import InputError
from onedigest.from_source import failures, sandbox
from onedigest.from_source.backend import BuildSystem, ask_requirements, build_wheel, read_build_system
from onedigest.from_source.build_environment import FIRST, make_environment
from onedigest.from_source.sandbox import Limits, ProcessResult
from wheel_builder import build_wheel as write_wheel

QUICK = Limits(seconds=30)


def project(tmp_path: Path, text: str) -> Path:
    (tmp_path / "pyproject.toml").write_text(text)
    return tmp_path


def build(tree: Path, tools: tuple[Path, ...] = (), settings: Any = None, limits: Limits = QUICK) -> str:
    scratch = tree.parent / "scratch"
    with make_environment(tree, tools, settings or {}, scratch, FIRST) as room:
        return build_wheel(room, "", settings or {}, limits).name


def refusal(tmp_path: Path, body: str, limits: Limits = QUICK) -> str:
    with pytest.raises(InputError) as raised:
        build(backend_project(tmp_path / "project", body), limits=limits)
    text = str(raised.value)
    assert str(tmp_path) not in text
    return text


LEGACY = BuildSystem(requires=("setuptools>=40.8.0",), backend="setuptools.build_meta:__legacy__")


def test_a_project_without_a_table_is_of_setuptools(tmp_path: Path) -> None:
    assert read_build_system(project(tmp_path, '[project]\nname = "demo"\n')) == LEGACY


def test_a_setup_py_is_of_setuptools(tmp_path: Path) -> None:
    (tmp_path / "setup.py").touch()

    assert read_build_system(tmp_path) == LEGACY


def test_a_table_without_a_backend_is_of_setuptools(tmp_path: Path) -> None:
    found = read_build_system(project(tmp_path, '[build-system]\nrequires = ["setuptools", "cython"]\n'))

    assert found == BuildSystem(requires=("setuptools", "cython"), backend="setuptools.build_meta:__legacy__")


def test_a_table_is_read(tmp_path: Path) -> None:
    found = read_build_system(
        project(tmp_path, '[build-system]\nrequires = ["a>=1"]\nbuild-backend = "b.c:d.e"\nbackend-path = ["x", "."]\n')
    )

    assert found == BuildSystem(requires=("a>=1",), backend="b.c:d.e", backend_path=("x", "."))


def test_a_folder_without_a_project_is_refused(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()

    with pytest.raises(InputError) as raised:
        read_build_system(tmp_path / "demo")

    assert str(raised.value) == (
        "demo: has neither pyproject.toml nor setup.py, so there is nothing that builds it\n"
        "hint: name the folder of the project: `subdirectory` of a git source, `path` of a local one"
    )


WRONG = {
    "build-system = 1": "`build-system` is not a table",
    "[build-system]": "`build-system.requires` is not a list of requirements, which PEP 518 asks for",
    '[build-system]\nrequires = "a"': "`build-system.requires` is not a list of requirements, which PEP 518 asks for",
    '[build-system]\nrequires = []\nbuild-backend = "a b"': (
        "`build-system.build-backend` is not the name of a module, or `module:object`"
    ),
    '[build-system]\nrequires = []\nbackend-path = [".."]': (
        "`build-system.backend-path` is not a list of folders inside of the project"
    ),
    '[build-system]\nrequires = []\nbackend-path = ["/tmp"]': (
        "`build-system.backend-path` is not a list of folders inside of the project"
    ),
}


@pytest.mark.parametrize("text", WRONG)
def test_a_table_that_is_wrong_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError) as raised:
        read_build_system(project(tmp_path, text))

    assert str(raised.value) == f"pyproject.toml: {WRONG[text]}"


def test_toml_that_is_wrong_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^pyproject.toml: is not valid TOML: "):
        read_build_system(project(tmp_path, "[build-system"))


def test_a_backend_is_asked_what_it_needs_besides(tmp_path: Path) -> None:
    tree = backend_project(tmp_path / "project", "pass")
    with (tree / "making.py").open("a") as file:
        file.write("def get_requires_for_build_wheel(config_settings=None):\n    return ['b', 'a>=1', 'b']\n")

    assert ask_requirements(tree, "", [], {}, tmp_path / "scratch", QUICK) == ("a>=1", "b")


def test_a_backend_that_is_not_asked_needs_nothing(tmp_path: Path) -> None:
    assert ask_requirements(backend_project(tmp_path / "project", "pass"), "", [], {}, tmp_path / "s", QUICK) == ()


def test_an_answer_that_is_no_list_is_refused(tmp_path: Path) -> None:
    tree = backend_project(tmp_path / "project", "pass")
    with (tree / "making.py").open("a") as file:
        file.write("def get_requires_for_build_wheel(config_settings=None):\n    return {'a': ['x\\n']}\n")

    with pytest.raises(InputError) as raised:
        ask_requirements(tree, "", [], {}, tmp_path / "scratch", QUICK)

    assert str(raised.value) == "the backend does not answer with a list when it is asked for its requirements"


def test_wheels_of_requirements_are_there(tmp_path: Path) -> None:
    tool = write_wheel(tmp_path, "a-tool", "1.0", files={"a_tool.py": b"TEXT = 'from the tool'"})
    tree = backend_project(tmp_path / "project", "import a_tool\nreturn put(folder, {'x': a_tool.TEXT})")

    assert build(tree, (tool,)) == "demo-1.0-py3-none-any.whl"


def test_wheels_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    tool = write_wheel(tmp_path, "a-tool", "1.0", tag="cp27-cp27m-win32")

    with pytest.raises(
        InputError, match=r"^build requirements: .*\n.*a-tool==1.0 has no wheels with a matching Python"
    ):
        build(backend_project(tmp_path / "project", "pass"), (tool,))


NAMES = {
    "return 'other.whl'": "the name of the wheel that the backend made is 'other.whl', which is not the file name of a wheel",
    "return '../demo-1.0-py3-none-any.whl'": (
        "the name of the wheel that the backend made is '../demo-1.0-py3-none-any.whl', which is not the file name of a wheel"
    ),
    "return None": "the name of the wheel that the backend made is missing",
    "return NAME": "the backend names a wheel `demo-1.0-py3-none-any.whl` that is not there: it made none",
    "os.rmdir(folder); os.symlink('tmp', folder); put(folder, {}); return NAME": (
        "the backend names a wheel `demo-1.0-py3-none-any.whl` that is not there: it made none"
    ),
    "os.rmdir(folder); return NAME": (
        "the backend names a wheel `demo-1.0-py3-none-any.whl` that is not there: it made none"
    ),
    "put(folder, {}, 'demo-2.0-py3-none-any.whl'); return NAME": (
        "the backend names a wheel `demo-1.0-py3-none-any.whl` that is not there: there is 'demo-2.0-py3-none-any.whl'"
    ),
    "os.symlink('/etc/passwd', os.path.join(folder, NAME)); return NAME": (
        "the backend names a wheel `demo-1.0-py3-none-any.whl` that is not there: there is 'demo-1.0-py3-none-any.whl', which is no file"
    ),
    "os._exit(0)": "the backend ended without an answer\nhint: a hook must return, and not end the process",
}


@pytest.mark.parametrize("body", NAMES)
def test_an_answer_that_is_no_wheel_is_refused(tmp_path: Path, body: str) -> None:
    assert refusal(tmp_path, body) == NAMES[body]


def test_the_last_lines_of_a_failure_are_shown(tmp_path: Path) -> None:
    body = """\
print("\\x1b[31mreading https://user:hunter2@host/x\\x1b[0m")
print("first\\rlast " + "y" * 1000)
raise RuntimeError(f"no {os.getcwd()}/file in {folder}")"""

    text = refusal(tmp_path, body)

    assert text == (f"the build failed:\nreading https://****@host/x\nlast {'y' * 295}…\nRuntimeError: no file in out")


def test_a_failure_without_a_word_has_its_code(tmp_path: Path) -> None:
    assert refusal(tmp_path, "os._exit(7)") == "the build failed with code 7"


def test_a_failure_of_the_network_says_that_there_is_none(tmp_path: Path) -> None:
    text = refusal(tmp_path, "import urllib.request\nurllib.request.urlopen('http://192.0.2.1/')")

    assert text.endswith(
        "\nhint: a build has no network: add what it downloads to the source, or to [build-system] requires"
    )


def test_without_namespaces_the_network_is_dead_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "isolation_obstacle", lambda: "none here")

    text = refusal(tmp_path, "import urllib.request\nurllib.request.urlopen('http://192.0.2.1/')")

    assert "Connection refused" in text
    assert "\nhint: a build has no network: " in text


def test_a_file_outside_cannot_be_written(tmp_path: Path) -> None:
    text = refusal(tmp_path, "open('/usr/share/evil', 'w')")

    assert text == (
        "the build failed:\nOSError: [Errno 30] Read-only file system: '/usr/share/evil'\n"
        "hint: a build may write to its own folder and to /tmp, and not to /usr/share/evil"
    )


@pytest.mark.slow
def test_a_build_that_never_ends_is_stopped(tmp_path: Path) -> None:
    text = refusal(tmp_path, "print('compiling', flush=True)\ntime.sleep(999)", Limits(seconds=1.5))

    assert text == "the build took more than 1.5 seconds, so it was stopped; its last lines:\ncompiling"


def test_a_module_that_is_missing_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path, "import numpy.distutils") == (
        "the build failed:\nModuleNotFoundError: No module named 'numpy'\n"
        "hint: name the project that has `numpy` in [build-system] requires, or in `extra-build-dependencies` of [tool.uv]"
    )


def test_a_backend_that_is_missing_is_named(tmp_path: Path) -> None:
    tree = tmp_path / "project"
    tree.mkdir()
    project(tree, '[build-system]\nrequires = []\nbuild-backend = "hatchling.build"\n')

    with pytest.raises(InputError) as raised:
        build(tree)

    assert str(raised.value) == (
        "the backend `hatchling.build` cannot be imported:\nModuleNotFoundError: No module named 'hatchling'\n"
        "hint: name the project that has `hatchling` in [build-system] requires"
    )


def test_a_backend_that_is_not_in_its_path_is_named(tmp_path: Path) -> None:
    tree = backend_project(tmp_path / "project", "pass")
    (tree / "making.py").unlink()

    with pytest.raises(InputError) as raised:
        build(tree)

    assert str(raised.value) == "the backend `making` cannot be imported:\nCannot find module 'making' in ['.']"


def test_a_module_that_is_no_backend_is_named(tmp_path: Path) -> None:
    tree = tmp_path / "project"
    tree.mkdir()
    project(tree, '[build-system]\nrequires = []\nbuild-backend = "json"\n')

    with pytest.raises(InputError) as raised:
        build(tree)

    assert str(raised.value) == "the build failed:\nAttributeError: module 'json' has no attribute 'build_wheel'"


def test_a_version_that_is_nowhere_has_a_hint(tmp_path: Path) -> None:
    text = refusal(tmp_path, "raise LookupError('setuptools-scm was unable to detect version for ' + os.getcwd())")

    assert text == (
        "the build failed:\nLookupError: setuptools-scm was unable to detect version for .\n"
        "hint: a version that git tells needs git, and the history with its tags; else state it in [tool.uv]:"
        ' extra-build-variables = { NAME = { SETUPTOOLS_SCM_PRETEND_VERSION = "1.0" } }'
    )


@pytest.mark.parametrize(
    "line",
    [
        "error: command '/usr/bin/x86_64-linux-gnu-gcc' failed with exit code 1",
        "error: command 'gcc' failed: No such file or directory",
        "error: cargo not found",
        "demo.c:1:10: fatal error: Python.h: No such file or directory",
        "CMake Error: CMAKE_C_COMPILER not set, after EnableLanguage",
        "../meson.build:1:0: ERROR: Unknown compiler(s): [['cc'], ['gcc']]",
    ],
)
def test_what_compiles_is_told_what_to_do(line: str) -> None:
    error = failures.failed(ProcessResult(code=1, output=line), line)

    assert error.problems[0].hint.startswith("publish wheels of it for each platform to an index")


@pytest.mark.parametrize(
    "line",
    [
        "npm ERR! code ENOTFOUND",
        "<urlopen error [Errno -3] Temporary failure in name resolution>",
        "ProxyError('Cannot connect to proxy.', NewConnectionError(...))",
        "fatal: unable to access 'https://host/': Could not resolve host: host",
    ],
)
def test_what_needs_the_network_is_told_so(line: str) -> None:
    error = failures.failed(ProcessResult(code=1, output=line), line)

    assert error.problems[0].hint.startswith("a build has no network: ")
