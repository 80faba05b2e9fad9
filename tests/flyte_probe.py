"""Run by an environment with Flyte: imports each script of a corpus, and prints what the SDK holds of its images."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

STRANGERS = [
    "anthropic",
    "boto3",
    "duckdb",
    "fastapi",
    "flyteplugins",
    "gradio",
    "httpx",
    "joblib",
    "numpy",
    "openai",
    "pandas",
    "polars",
    "pyarrow",
    "requests",
    "sklearn",
    "starlette",
    "streamlit",
    "torch",
    "transformers",
    "uvicorn",
    "xgboost",
]
"""Packages that scripts import, and that say nothing of images: modules that answer to every name stand for them."""

VARIABLES = {"TEAM_REGISTRY": "ghcr.io/from-environment", "IMAGE_SUFFIX": "nightly", "CI_COMMIT": "0123abc"}


class Anything:
    """Takes every argument, has every attribute, and decorates a function with itself."""

    def __init__(self, *arguments: object, **named: object) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything()

    def __call__(self, *arguments: object, **named: object) -> Any:
        return arguments[0] if len(arguments) == 1 and callable(arguments[0]) and not named else Anything()


class Stranger(ModuleType):
    """A module with a class of every name."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        made = type(name, (Anything,), {"__module__": self.__name__})
        setattr(self, name, made)
        return made


class Strangers(Loader):
    """Finds the modules of packages that are not installed."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        return ModuleSpec(name, self, is_package=True) if name.partition(".")[0] in STRANGERS else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return Stranger(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


@contextmanager
def imported(script: Path) -> Iterator[None]:
    """Import a script as the SDK does, with its folder on the path; forget it and the modules beside it then."""
    before, path = dict(sys.modules), list(sys.path)
    sys.path.insert(0, str(script.parent))
    try:
        spec = importlib.util.spec_from_file_location(script.stem, script)
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules[script.stem] = module
        spec.loader.exec_module(module)
        yield
    finally:
        added = set(sys.modules) - set(before) | {script.stem}
        for name in [each for each in added if is_inside(place_of(sys.modules[each]), script.parent)]:
            sys.modules.pop(name)
        sys.modules.update({name: module for name, module in before.items() if name not in sys.modules})
        sys.path[:] = path


def place_of(module: ModuleType) -> str:
    """Return the file of a module, or the folder of one that is no more than a folder."""
    return str(getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), ""))


def is_inside(path: object, folder: Path) -> bool:
    return str(path).startswith(f"{folder}{os.sep}")


def main(scripts: list[Path]) -> None:
    """Print what environments have, as one line of JSON."""
    import flyte
    import flyte.app
    from flyte._environment import list_loaded_environments

    from onedigest.definition.flyte.definition import dumps
    from onedigest.flyte_plugin.defining_files import find_files
    from onedigest.flyte_plugin.sdk import host_defaults, read_image

    sys.dont_write_bytecode = True  # beside the scripts
    found = []
    for script in scripts:
        list_loaded_environments().clear()  # each script is alone
        with imported(script):
            for environment in list(list_loaded_environments()):
                image, definition, files = environment.image, "", [str(script)]
                if isinstance(image, flyte.Image) and image._is_cloned:
                    files = [path for path in find_files(image) if is_inside(path, script.parent)]
                    definition = dumps(read_image(image, Path(files[0]).parent))
                row = {"script": str(script), "files": files, "name": environment.name, "definition": definition}
                found.append(row)
    print(json.dumps({"host": host_defaults(), "environments": found}))


if __name__ == "__main__":
    os.environ.update(VARIABLES)
    sys.meta_path.append(Strangers())
    main([Path(each) for each in sys.argv[1:]])
