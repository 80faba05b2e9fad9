"""A copy of the package that is edited as a later release would be, and runs in processes of its own."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from conftest import ROOT, Project, Result

COPIED = ("generator", "templates", "BUILD_templates", "assemblers", "pyproject.toml")
COMMENT = "a comment that says nothing new"


class Release:
    """A checkout below a folder, as far as the program is made of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.package = folder / "generator" / "onedigest"
        folder.mkdir()
        for path in (ROOT / name for name in COPIED):
            if path.is_dir():
                shutil.copytree(path, folder / path.name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(path, folder)

    def edit(self, module: str, pattern: str, replacement: str) -> None:
        """Replace the one place of a module that a regular expression matches."""
        path = self.package / module
        text, count = re.subn(pattern, replacement, path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        assert count == 1, f"{pattern} is in {module} {count} times"
        path.write_text(text, encoding="utf-8")

    def raise_number(self, module: str, name: str) -> int:
        """Move the number of a format to the next one, which is returned."""
        found = re.search(rf"^{name} = (\d+)$", (self.package / module).read_text(encoding="utf-8"), re.MULTILINE)
        assert found, f"{module} states no {name}"
        number = int(found[1]) + 1
        self.edit(module, rf"^{name} = \d+$", f"{name} = {number}")
        return number

    def name_version(self, version: str) -> None:
        """Give the release another version."""
        self.edit("__init__.py", r'^__version__ = ".*"$', f'__version__ = "{version}"')

    def comment_modules(self, *patterns: str) -> list[Path]:
        """Add a comment to the end of modules; return their paths."""
        paths = sorted({path for pattern in patterns for path in self.package.glob(pattern)})
        for path in paths:
            path.write_text(f"{path.read_text(encoding='utf-8')}\n# {COMMENT}\n", encoding="utf-8")
        return paths

    def reword_docstrings(self, *patterns: str) -> list[Path]:
        """Add a word to the docstrings of modules, so that what Python compiles differs, too; return their paths."""
        paths = sorted({path for pattern in patterns for path in self.package.glob(pattern)})
        for path in paths:
            text = path.read_text(encoding="utf-8")
            path.write_text(re.sub(r'^(\s*""")(?=[A-Z])', r"\1Plainly: ", text, flags=re.MULTILINE), encoding="utf-8")
        return paths

    def comment_templates(self) -> list[Path]:
        """Add a comment to the beginning of each template; return their paths."""
        paths = sorted(path for name in ("templates", "BUILD_templates") for path in (self.folder / name).glob("*.j2"))
        for path in paths:
            path.write_text(f"{{# {COMMENT} #}}{path.read_text(encoding='utf-8')}", encoding="utf-8")
        return paths

    def run(self, project: Project, *arguments: str, **variables: str) -> Result:
        """Run the command of this release in a project."""
        return project.run(*arguments, PYTHONPATH=str(self.folder / "generator"), **variables)

    def ok(self, project: Project, *arguments: str, **variables: str) -> Result:
        """Run the command of this release in a project, which must succeed."""
        result = self.run(project, *arguments, **variables)
        assert result.code == 0, result.err
        return result


def checked_in(project: Project) -> dict[str, bytes]:
    """Return the content of all files of the lock folder that people check in, by path."""
    folder = project.root / "lockfiles"
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and ".inputs" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
