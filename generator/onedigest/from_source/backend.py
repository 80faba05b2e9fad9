"""Backends, which make wheels from source trees: how they are found, and how hooks are called (PEP 517, PEP 518)."""

from __future__ import annotations

import re
import shutil
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from onedigest import checkout, untrusted
from onedigest.digest import canonical_json
from onedigest.errors import InputError, Problem
from onedigest.from_source import failures, sandbox
from onedigest.from_source.build_environment import FIRST, BuildEnvironment, make_environment
from onedigest.from_source.sandbox import USUAL, Limits

_LEGACY = "setuptools.build_meta:__legacy__"
_LEGACY_REQUIRES = ("setuptools>=40.8.0",)
_BACKEND = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*(?::[^\W\d]\w*(?:\.[^\W\d]\w*)*)?")
_MOST_REQUIREMENTS = 1000
_LONGEST_REQUIREMENT = 2000
_MOST_ANSWER = 4 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildSystem:
    """The table [build-system] of a project, with the defaults of PEP 517 and PEP 518."""

    requires: tuple[str, ...] = _LEGACY_REQUIRES
    backend: str = _LEGACY
    backend_path: tuple[str, ...] = ()


def read_build_system(project: Path) -> BuildSystem:
    """Return what builds the project in a folder. Raises `InputError` where nothing does."""
    text = checkout.read_text(project, "pyproject.toml")
    if text is None:
        if not (project / "setup.py").is_file():
            raise InputError.of(
                "has neither pyproject.toml nor setup.py, so there is nothing that builds it",
                where=project.name,
                hint="name the folder of the project: `subdirectory` of a git source, `path` of a local one",
            )
        return BuildSystem()
    try:
        table = untrusted.load_toml(text).get("build-system")
    except tomllib.TOMLDecodeError as error:
        raise InputError.of(f"is not valid TOML: {error}", where="pyproject.toml") from None
    if table is None:
        return BuildSystem()
    if not isinstance(table, dict):
        raise InputError.of("`build-system` is not a table", where="pyproject.toml")
    return _checked(table)


def _checked(table: Mapping[str, Any]) -> BuildSystem:
    requires, backend, paths = (table.get(key) for key in ("requires", "build-backend", "backend-path"))
    wrong = []
    if not _are_lines(requires):
        wrong.append("`build-system.requires` is not a list of requirements, which PEP 518 asks for")
    if backend is not None and not (isinstance(backend, str) and _BACKEND.fullmatch(backend)):
        wrong.append("`build-system.build-backend` is not the name of a module, or `module:object`")
    if paths is not None and not (_are_lines(paths) and all(map(_is_inner, paths))):
        wrong.append("`build-system.backend-path` is not a list of folders inside of the project")
    if wrong:
        raise InputError(Problem(each, "pyproject.toml") for each in wrong)
    return BuildSystem(requires=tuple(requires or ()), backend=backend or _LEGACY, backend_path=tuple(paths or ()))


def _are_lines(value: Any) -> bool:
    """Tell whether a value is a list of single lines, in bounds."""
    if not isinstance(value, list) or len(value) > _MOST_REQUIREMENTS:
        return False
    return all(isinstance(each, str) and each.isprintable() and len(each) <= _LONGEST_REQUIREMENT for each in value)


def _is_inner(path: str) -> bool:
    return not path.startswith("/") and ".." not in path.split("/")


def ask_requirements(
    tree: Path,
    subdirectory: str,
    tools: Sequence[Path],
    settings: Mapping[str, Any],
    scratch: Path,
    limits: Limits = USUAL,
) -> tuple[str, ...]:
    """Return what a backend needs besides what pyproject.toml names (PEP 517, get_requires_for_build_wheel).

    `tools` are the wheel files of what it names. Raises `InputError`.
    """
    with make_environment(tree, tools, settings, scratch, FIRST) as build_env:
        found = _call(build_env, subdirectory, settings, limits, "get_requires_for_build_wheel")
    if not _are_lines(found):
        raise InputError.of("the backend does not answer with a list when it is asked for its requirements")
    return tuple(sorted(set(found)))


def build_wheel(
    build_env: BuildEnvironment, subdirectory: str, settings: Mapping[str, Any], limits: Limits = USUAL
) -> Path:
    """Return the wheel that a backend makes in a room. Raises `InputError`."""
    name = _call(build_env, subdirectory, settings, limits, "build_wheel", str(build_env.out))
    try:
        untrusted.wheel_name(name)
    except ValueError as error:
        raise InputError.of(f"the name of the wheel that the backend made {build_env.hidden(str(error))}") from None
    wheel = build_env.out / str(name)
    # the folder may be a link by now, to what the backend itself cannot read
    if wheel.resolve() != wheel or not wheel.is_file():
        raise InputError.of(f"the backend names a wheel `{name}` that is not there: {_seen(build_env.out, wheel)}")
    return wheel


def _seen(folder: Path, wheel: Path) -> str:
    found = folder.iterdir() if folder.is_dir() and not folder.is_symlink() else ()
    names = [f"{untrusted.quoted(each.name)}{', which is no file' if each == wheel else ''}" for each in found]
    return f"there is {', '.join(sorted(names)[:5])}" if names else "it made none"


def _call(
    build_env: BuildEnvironment,
    subdirectory: str,
    settings: Mapping[str, Any],
    limits: Limits,
    hook: str,
    *arguments: str,
) -> Any:
    """Call a hook of the backend; return its answer, which may be anything."""
    import pyproject_hooks

    project = build_env.tree / subdirectory if subdirectory else build_env.tree
    system = read_build_system(project)
    caller = pyproject_hooks.BuildBackendHookCaller(
        str(project),
        system.backend,
        backend_path=system.backend_path or None,
        runner=partial(_run, build_env, limits),
        python_executable=str(build_env.python),
    )
    try:
        return getattr(caller, hook)(*arguments, config_settings=settings.get("config-settings") or None)
    except pyproject_hooks.BackendUnavailable as error:
        raise failures.not_imported(system.backend, build_env.hidden(error.traceback or str(error))) from None
    except pyproject_hooks.UnsupportedOperation as error:
        raise InputError.of(
            f"the backend cannot make a wheel: {failures.last_lines(build_env.hidden(str(error)))}"
        ) from None
    except pyproject_hooks.HookMissing:
        raise InputError.of(f"`{system.backend}` is no backend: it has no hook `{hook}`") from None


def _run(
    build_env: BuildEnvironment,
    limits: Limits,
    command: Sequence[str],
    cwd: str | None = None,
    extra_environ: Mapping[str, str] | None = None,
) -> None:
    """Run a hook as the library asks for it, with copies of its files in the room."""
    python, script, hook, control = command
    shutil.copyfile(script, build_env.control / "hook.py")
    shutil.copyfile(Path(control) / "input.json", build_env.control / "input.json")
    ended = sandbox.run(
        [python, str(build_env.control / "hook.py"), hook, str(build_env.control)],
        Path(cwd or build_env.tree),
        {**build_env.variables, **(extra_environ or {})},
        build_env.enclosure,
        limits,
        isolated=not sandbox.isolation_obstacle(),
    )
    if ended.stopped or ended.code:
        raise failures.failed(ended, build_env.hidden(ended.output))
    # warnings of the backend are the business of its author
    answer = {**_answer(build_env.control), "warnings": []}
    (Path(control) / "output.json").write_bytes(canonical_json(answer))


def _answer(control: Path) -> dict[str, Any]:
    data = checkout.read_bytes(control, "output.json", _MOST_ANSWER)
    try:
        found = untrusted.load_json(data or b"")
    except ValueError:
        found = None
    if not isinstance(found, dict) or "return_val" not in found:
        raise InputError.of("the backend ended without an answer", hint="a hook must return, and not end the process")
    return found
