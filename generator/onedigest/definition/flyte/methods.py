"""The methods of `flyte.Image`: their parameters, and what each call adds to a definition."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from onedigest.definition.flyte import definition as steps
from onedigest.definition.flyte.definition import Definition, Options, Secret

BOTH = ("linux/amd64", "linux/arm64")
"""The platforms of `from_debian_base` and `from_uv_script`; other images are for the first alone."""

DEFAULT_NAME = "flyte"

_PIP = ("index_url", "extra_index_urls", "pre", "extra_args", "secret_mounts")

PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "from_debian_base": (
        *("python_version", "flyte_version", "install_flyte", "registry", "registry_secret", "name", "platform"),
    ),
    "from_uv_script": (
        "script",
        "name",
        "registry",
        "registry_secret",
        "python_version",
        *_PIP[:4],
        "platform",
        _PIP[4],
    ),
    "from_pixi_script": (
        *("script", "name", "registry", "registry_secret", "environment", "extra_args", "platform", "secret_mounts"),
    ),
    "from_base": ("image_uri",),
    "from_dockerfile": ("file", "registry", "name", "platform"),
    "from_ref_name": ("name",),
    "clone": (
        "registry",
        "registry_secret",
        "name",
        "base_image",
        "python_version",
        "addl_layer",
        "extendable",
        "platform",
    ),
    "with_workdir": ("workdir",),
    "with_requirements": ("file", *_PIP),
    "with_pip_packages": ("*packages", *_PIP),
    "with_env_vars": ("env_vars",),
    "with_source_folder": ("src", "dst", "copy_contents_only"),
    "with_source_file": ("src", "dst"),
    "with_code_bundle": ("copy_style", "dst"),
    "with_dockerignore": ("path",),
    "with_uv_project": ("pyproject_file", "uvlock", *_PIP, "project_install_mode"),
    "with_poetry_project": ("pyproject_file", "poetry_lock", "extra_args", "secret_mounts", "project_install_mode"),
    "with_pixi_project": (
        *("manifest_file", "pixi_lock", "environment", "extra_args", "secret_mounts", "project_install_mode"),
    ),
    "with_apt_packages": ("*packages", "secret_mounts"),
    "with_commands": ("commands", "secret_mounts"),
    "with_local_v2": (),
    "with_local_rs_controller": (),
    "with_local_v2_plugins": ("plugins",),
}
"""The parameters of each method, in their order; a star marks those that take what is left."""

POETRY = steps.Refused(
    what="`with_poetry_project`: poetry.lock is not read",
    hint="run `poetry export -o requirements.txt` and use `with_requirements`, or move the project to uv",
)
PIXI = steps.Refused(
    what="pixi: packages of conda are not locked here",
    hint="list what is also a wheel in `dependencies` and use `from_uv_script`, or keep Flyte's own builder for it",
)
DOCKERFILE = steps.Refused(
    what="`from_dockerfile`: what a Dockerfile does cannot be locked",
    hint="build and push that image yourself, and use `from_base` with its digest",
)
WHEELS = steps.Refused(
    what="`PythonWheels`, `with_local_v2` and its like: the wheels that a checkout of Flyte builds are in no index",
    hint="leave it out with a released Flyte, and give other wheels to `with_pip_packages` by name or path",
)

Values = Mapping[str, Any]
"""Arguments by the names of parameters."""


def first(method: str, given: Values, place: Path) -> Definition | None:
    """Return the definition that a constructor gives, None for an image that Flyte does not build as it is.

    `place` is the folder of the script, which relative paths are read from.
    """
    name = given.get("name") or DEFAULT_NAME
    common: dict[str, Any] = {"registry": given.get("registry") or "", "name": name}
    if method in ("from_debian_base", "from_uv_script", "from_pixi_script"):
        common |= {
            "platforms": as_tuple(given.get("platform") or None) or BOTH,
            "python": _minor(given.get("python_version")),
            "has_registry_secret": bool(given.get("registry_secret")),
        }
    if method == "from_uv_script":
        step = steps.UvScript(script=find(given["script"], place), options=options(given))
        return Definition(**common, steps=(step,))
    if method == "from_debian_base":
        return Definition(**common, flyte=_flyte(given) if given.get("install_flyte", True) else "")
    if method == "from_base":
        return from_reference(str(given["image_uri"]), {**common, "name": "", "platforms": BOTH[:1]})
    if method == "from_pixi_script":
        return Definition(**common, steps=(PIXI,))
    if method == "from_dockerfile":
        return Definition(**common, platforms=as_tuple(given.get("platform") or None) or BOTH[:1], steps=(DOCKERFILE,))
    return None


def from_reference(reference: str, common: Values) -> Definition:
    """Return the definition of an image above another; Flyte's own one stands for Debian's Python with Flyte."""
    default = read_default(reference)
    return Definition(**{**common, **(default or {"base": reference})})


def read_default(reference: str) -> dict[str, str] | None:
    """Return what Flyte's own image stands for."""
    found = steps.read_default_image(reference)
    return {"python": found[0], "flyte": f"flyte=={found[1]}"} if found else None


def extend(made: Definition, method: str, given: Values, place: Path) -> Definition:
    """Return what a method makes of a definition."""
    if method == "clone":
        changes: dict[str, Any] = {key: str(given[key]) for key in ("registry", "name") if given.get(key)}
        if given.get("python_version"):
            changes["python"] = _minor(given["python_version"])
        if given.get("platform"):
            changes["platforms"] = as_tuple(given["platform"])
        if given.get("registry_secret"):
            changes["has_registry_secret"] = True
        if given.get("base_image"):
            reference = str(given["base_image"])
            changes |= {"base": "", "flyte": "", **(read_default(reference) or {"base": reference})}
            changes["python"] = _minor(given.get("python_version")) or made.python or changes.get("python", "")
        if given.get("addl_layer"):
            changes["steps"] = (*made.steps, given["addl_layer"])
        return replace(made, **changes)
    return replace(made, steps=(*made.steps, *_STEPS[method](given, place)))


def options(given: Values) -> Options:
    """Return how the packages of a call are found."""
    return Options(
        index_url=given.get("index_url") or "",
        extra_index_urls=as_tuple(given.get("extra_index_urls") or None),
        pre=bool(given.get("pre")),
        extra_args=given.get("extra_args") or "",
        secrets=secrets(given),
    )


def secrets(given: Values) -> tuple[Secret, ...]:
    """Return the secrets of a call."""
    return tuple(
        each if isinstance(each, Secret) else secret(each) for each in as_tuple(given.get("secret_mounts") or None)
    )


def secret(key: str, group: str | None = None, mount: object = None, as_env_var: str | None = None) -> Secret:
    """Return a secret, with Flyte's own parameters."""
    named = as_env_var or ("" if mount else (f"{group}_{key}" if group else str(key)).replace("-", "_").upper())
    return Secret(key=str(key), group=str(group or ""), variable=str(named))


def as_tuple(value: Any) -> tuple[Any, ...]:
    """Return one value or several as a tuple."""
    if value is None:
        return ()
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)


def find(path: str | Path, place: Path) -> str:
    """Return the absolute path of a file that a script names, whatever the working directory.

    It is read from the script's folder, or else from the nearest folder above it in its repository that has such a
    file: Flyte takes it from the working directory, which is that folder where the script is to run at all.
    """
    beside = place.absolute() / path
    if beside.exists():
        return os.path.normpath(beside)
    from onedigest.checkout import find_repository  # Flyte's own process imports little

    repository = find_repository(place.absolute()) or place
    above = (Path(os.path.normpath(each / path)) for each in place.absolute().parents)
    found = next((each for each in above if each.is_relative_to(repository) and each.exists()), beside)
    return os.path.normpath(found)


def _flyte(given: Values) -> str:
    version = str(given.get("flyte_version") or "").removeprefix("v")
    return f"flyte=={version}" if version else "flyte"


def _minor(version: Any) -> str:
    return ".".join(map(str, version[:2])) if version else ""


def _source_folder(given: Values, place: Path) -> tuple[steps.Step, ...]:
    target = str(given.get("dst", "."))
    if target == "." and not given.get("copy_contents_only"):
        target = f"./{Path(given['src']).name}"
    return (steps.Copy(source=find(given["src"], place), target=target, is_folder=True),)


def _source_files(given: Values, place: Path) -> tuple[steps.Step, ...]:
    target = str(given.get("dst", "."))
    return tuple(
        steps.Copy(source=find(path, place), target=target, is_folder=False) for path in as_tuple(given["src"])
    )


def find_uv_lock(uvlock: str | Path | None, pyproject: str, place: Path) -> str:
    """Return the path of a project's uv.lock: the one that is named, or the one beside it; empty where none is."""
    lock = Path(find(uvlock, place)) if uvlock else Path(pyproject).parent / "uv.lock"
    return str(lock) if lock.exists() else ""


def _uv_project(given: Values, place: Path) -> tuple[steps.Step, ...]:
    pyproject = find(given["pyproject_file"], place)
    return (
        steps.UvProject(
            pyproject=pyproject,
            uvlock=find_uv_lock(given.get("uvlock"), pyproject, place),
            installs_project=given.get("project_install_mode") == "install_project",
            options=options(given),
        ),
    )


_STEPS: Mapping[str, Callable[[Values, Path], tuple[steps.Step, ...]]] = {
    "with_workdir": lambda given, _: (steps.WorkDir(path=str(given["workdir"])),),
    "with_requirements": lambda given, place: (
        steps.RequirementsFile(file=find(given["file"], place), options=options(given)),
    ),
    "with_pip_packages": lambda given, _: (
        steps.PipPackages(packages=as_tuple(given.get("packages")), options=options(given)),
    ),
    "with_env_vars": lambda given, _: (steps.Variables(pairs=tuple(given["env_vars"].items())),),
    "with_source_folder": _source_folder,
    "with_source_file": _source_files,
    "with_code_bundle": lambda given, _: (steps.CodeBundle(target=str(given.get("dst", "."))),),
    "with_dockerignore": lambda given, place: (steps.IgnoreFile(path=find(given["path"], place)),),
    "with_uv_project": _uv_project,
    "with_poetry_project": lambda *_: (POETRY,),
    "with_pixi_project": lambda *_: (PIXI,),
    "with_apt_packages": lambda given, _: (
        steps.AptPackages(packages=as_tuple(given.get("packages")), secrets=secrets(given)),
    ),
    "with_commands": lambda given, _: (steps.Commands(commands=as_tuple(given["commands"]), secrets=secrets(given)),),
    **dict.fromkeys(("with_local_v2", "with_local_rs_controller", "with_local_v2_plugins"), lambda *_: (WHEELS,)),
}
