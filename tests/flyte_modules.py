"""Reads modules of the standard library and of all installed packages for images, as if each of them had one more."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

from onedigest.definition.flyte.syntax import FoundImages, find_images

MORE = """

import flyte as _probe_flyte
_probe_packages = ["attrs"]
_probe = _probe_flyte.Image.from_debian_base(name="probe").with_pip_packages(*_probe_packages)
_probe_environment = _probe_flyte.TaskEnvironment("probe", image=_probe)
"""
"""What no cheap look can pass over, at the end of a module."""

REWRITTEN = "globals()"
"""What may give a name of a module another value, so that no constant is certain."""

REFUSED = ("not Python: ", "has more than ")


def list_modules() -> list[Path]:
    """Return all modules there are, sorted; some are no Python, on purpose."""
    folders = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return sorted({file for folder in folders for file in Path(folder).rglob("*.py")})


def read(file: Path) -> FoundImages | None:
    """Read a module with one more image; None for what is no text."""
    try:
        text = file.read_bytes().decode()
    except UnicodeDecodeError:
        return None
    return find_images(text + MORE, file, file.name, file.parent)


def what_is_wrong(file: Path) -> str:
    """Return how a module was read otherwise than it should be, nothing where it was not."""
    found = read(file)
    if found is None or any(problem.message.startswith(REFUSED) for problem in found.problems):
        return ""
    probes = [each for each in found.definitions if each.name == "probe"]
    if [(each.environments, len(each.steps)) for each in probes] == [(("probe",), 1)]:
        return ""
    if found.unread and REWRITTEN in file.read_text(encoding="utf-8"):
        return ""
    return f"{file}: {found}"


def main() -> int:
    """Read all modules; print what is wrong."""
    wrong = list(filter(None, map(what_is_wrong, list_modules())))
    print(*wrong, f"{len(list_modules())} modules were read", sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
