"""The private side of Flyte's SDK: the base and the layers that a `flyte.Image` holds."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flyte import __version__

from onedigest.definition.flyte import definition as steps
from onedigest.definition.flyte.definition import TESTED, Definition, Options, Secret, Step, read_default_image
from onedigest.definition.flyte.methods import DOCKERFILE, PIXI, POETRY, WHEELS, find, find_uv_lock
from onedigest.errors import EngineError

_DEBIAN = re.compile(r"python:\d+\.\d+-slim-bookworm")


def read_image(image: Any, place: Path) -> Definition:
    """Return the definition of an image; relative paths of it are from `place`, the folder of the declaring file.

    Raises `EngineError` where this version of Flyte keeps it otherwise.
    """
    with private():
        return _read(image, place)


@contextmanager
def private() -> Iterator[None]:
    """Say of what is not where it was that Flyte moved it."""
    try:
        yield
    except (AttributeError, ImportError) as error:
        raise _unknown(str(error)) from error


def host_defaults() -> tuple[str, str]:
    """Return the Python minor and the requirement of Flyte that an image has where its author said nothing."""
    return f"{sys.version_info.major}.{sys.version_info.minor}", f"flyte=={__version__}"


def _read(image: Any, place: Path) -> Definition:
    if image.dockerfile:
        layers: tuple[Any, ...] = ()
        own: tuple[Step, ...] = (DOCKERFILE,)
    else:
        layers = _without_prefix(tuple(image._layers))  # noqa: SLF001  layers are private to Flyte
        own = tuple(step for layer in layers for step in _steps(layer, place))
    python, base, flyte = _base(str(image.base_image or ""), image, has_prefix=len(layers) < len(image._layers))  # noqa: SLF001  as above
    platform = image.platform
    host, current = host_defaults()
    return Definition(
        name=image.name or "",
        registry=image.registry or "",
        platforms=(platform,) if isinstance(platform, str) else tuple(platform),
        python="" if python == host else python,
        base=base,
        flyte="flyte" if flyte == current else flyte,
        has_registry_secret=image._image_registry_secret is not None,  # noqa: SLF001  as above
        may_be_host_python=python != host == _minor(image),
        steps=own,
    )


def _minor(image: Any) -> str:
    return ".".join(map(str, image.python_version))


def _base(reference: str, image: Any, *, has_prefix: bool) -> tuple[str, str, str]:
    """Return Python minor, base and requirement of Flyte."""
    python = _minor(image)
    if default := read_default_image(reference):
        host, _ = host_defaults()
        return default[0] if python == host else python, "", f"flyte=={default[1]}"
    return python, "" if has_prefix and _DEBIAN.fullmatch(reference) else reference, ""


def _without_prefix(layers: tuple[Any, ...]) -> tuple[Any, ...]:
    """Take off the layers that `from_debian_base` begins with: a user, variables and packages that it always has."""
    if not layers or type(layers[0]).__name__ != "_DockerLines":
        return layers
    from flyte._image import _CREATE_FLYTE_USER_CMD

    kinds = tuple(type(layer).__name__ for layer in layers[:5])
    expected = ("_DockerLines", "Commands", "WorkDir", "Env", "AptPackages")
    if kinds != expected or tuple(layers[1].commands) != (_CREATE_FLYTE_USER_CMD,):
        raise _unknown(f"an image of Debian begins with {', '.join(kinds)}")
    return layers[5:]


def _unknown(what: str) -> EngineError:
    return EngineError.of(
        f"Flyte {__version__} keeps images in another way than is known here: {what}",
        hint=f"onedigest is tested with Flyte {TESTED}: install one of these, or a newer onedigest",
    )


def _steps(layer: Any, place: Path) -> Iterator[Step]:
    read = _READERS.get(type(layer).__name__)
    if read is None:
        raise _unknown(f"a layer of the kind {type(layer).__name__}")
    yield read(layer, place)


def _path(path: str | Path, place: Path) -> str:
    """Return the path that a script's text stands for, or else the one that Flyte takes from the working directory."""
    found = find(path, place)
    here = os.path.abspath(path)  # noqa: PTH100  links stay, as in the syntax tree
    return here if os.path.exists(here) and not os.path.exists(found) else found  # noqa: PTH110  never raises


def _options(layer: Any) -> Options:
    return Options(
        index_url=layer.index_url or "",
        extra_index_urls=tuple(layer.extra_index_urls or ()),
        pre=bool(layer.pre),
        extra_args=layer.extra_args or "",
        secrets=_secrets(layer),
    )


def _secrets(layer: Any) -> tuple[Secret, ...]:
    from flyte import Secret as FlyteSecret

    several = [FlyteSecret(key=each) if isinstance(each, str) else each for each in layer.secret_mounts or ()]
    return tuple(Secret(key=each.key, group=each.group or "", variable=each.as_env_var or "") for each in several)


def _uv_project(layer: Any, place: Path) -> Step:
    pyproject = _path(layer.pyproject, place)
    return steps.UvProject(
        pyproject=pyproject,
        uvlock=find_uv_lock(_path(layer.uvlock, place) if layer.uvlock else None, pyproject, place),
        installs_project=layer.project_install_mode == "install_project",
        options=_options(layer),
    )


def _copy(layer: Any, place: Path) -> Step:
    return steps.Copy(source=_path(layer.src, place), target=layer.dst, is_folder=layer.path_type == 1)


def _code_bundle(layer: Any, _: Path) -> Step:
    if layer.root_dir is None:
        return steps.CodeBundle(target=layer.dst)
    from flyte._code_bundle._utils import list_imported_modules_as_files

    root = Path(layer.root_dir).resolve()
    files = sorted(
        {Path(file).resolve() for file in list_imported_modules_as_files(str(root), list(sys.modules.values()))}
    )
    inside = tuple((file.relative_to(root).as_posix(), str(file)) for file in files if file.is_relative_to(root))
    return steps.CodeBundle(target=layer.dst, files=inside)


_READERS: Mapping[str, Callable[[Any, Path], Step]] = {
    "UVScript": lambda layer, place: steps.UvScript(script=_path(layer.script, place), options=_options(layer)),
    "PipPackages": lambda layer, _: steps.PipPackages(packages=tuple(layer.packages or ()), options=_options(layer)),
    "Requirements": lambda layer, place: steps.RequirementsFile(file=_path(layer.file, place), options=_options(layer)),
    "UVProject": _uv_project,
    "AptPackages": lambda layer, _: steps.AptPackages(packages=tuple(layer.packages), secrets=_secrets(layer)),
    "Commands": lambda layer, _: steps.Commands(commands=tuple(layer.commands), secrets=_secrets(layer)),
    "WorkDir": lambda layer, _: steps.WorkDir(path=layer.workdir),
    "Env": lambda layer, _: steps.Variables(pairs=tuple(layer.env_vars)),
    "CopyConfig": _copy,
    "CodeBundleLayer": _code_bundle,
    "DockerIgnore": lambda layer, place: steps.IgnoreFile(path=_path(layer.path, place)),
    "PoetryProject": lambda *_: POETRY,
    "PixiProject": lambda *_: PIXI,
    "PixiScript": lambda *_: PIXI,
    "PythonWheels": lambda *_: WHEELS,
}
