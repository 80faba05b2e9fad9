"""The folders of a system and the links through which its paths lead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, Self

from onedigest.assembler import deb
from onedigest.assembler.configuration.system import System
from onedigest.assembler.elf import Elf, elf_of_entry
from onedigest.assembler.entry import Entry

_MOST_LINKS = 40
"""After so many symbolic links Linux gives up (path_resolution(7))."""
_MOST_STEPS = 512
"""Components that a path may lead through, links included."""


class Placed(Protocol):
    """What is at a path: `kind` and `target` are those of an entry."""

    @property
    def kind(self) -> str: ...

    @property
    def target(self) -> str: ...


class FileSystem:
    """The files of a system by real path, which has no leading slash and leads through no link; the root is empty."""

    def __init__(
        self, files: Mapping[str, Placed], elf: Callable[[str], Elf | None], text: Callable[[str], bytes]
    ) -> None:
        self._files = dict(files)
        self._elf, self._text = elf, text
        self._names: dict[str, list[str]] = {"": []}
        for path in files:
            self._list(path)
        for name in deb.MERGED:
            if f"usr/{name}" in self._names and name not in self._files and name not in self._names:
                self.link(name, f"usr/{name}")

    @classmethod
    def of(cls, system: System) -> Self:
        """Return the files of a system, with the links of a merged /usr."""
        files = system.files

        def elf(path: str) -> Elf | None:
            return elf_of_entry(files[path]) if path in files else None

        def text(path: str) -> bytes:
            return deb.content_of(files[path]) if path in files else b""

        return cls(files, elf, text)

    def real(self, path: str) -> str | None:
        """Return the real path that a path leads to; None where nothing is."""
        waiting, done = path.split("/")[::-1], ""
        links = steps = 0
        while waiting:
            name = waiting.pop()
            if name in ("", ".", ".."):
                if done and self.kind(done) != "dir":
                    return None
                done = done.rpartition("/")[0] if name == ".." else done
                continue
            here = f"{done}/{name}" if done else name
            placed = self._files.get(here)
            steps += 1
            if steps > _MOST_STEPS or (placed is None and here not in self._names):
                return None
            if placed is None or placed.kind != "link":
                done = here
                continue
            links += 1
            if links > _MOST_LINKS:
                return None
            if placed.target.startswith("/"):
                done = ""
            waiting += placed.target.split("/")[::-1]
        return done

    def kind(self, real: str) -> str:
        """Return the kind of what is at a real path, a link not followed, and a hard link being a file."""
        placed = self._files.get(real)
        return "dir" if placed is None else "file" if placed.kind == "hardlink" else placed.kind

    def same(self, real: str) -> str:
        """Return the path that stands for all hard links to the file at a real path."""
        placed = self._files.get(real)
        return placed.target if placed is not None and placed.kind == "hardlink" else real

    def names(self, real: str) -> list[str]:
        """Return the names in a folder, sorted by their bytes."""
        return sorted(self._names.get(real, ()), key=lambda name: name.encode())

    def elf(self, real: str) -> Elf | None:
        """Return what the file at a real path says of itself, if it is an ELF file."""
        return self._elf(self.same(real)) if self.kind(real) == "file" else None

    def text(self, real: str) -> bytes:
        """Return the content of a small file; nothing for what is no file."""
        return self._text(self.same(real)) if self.kind(real) == "file" else b""

    def link(self, real: str, target: str) -> None:
        """Put a symbolic link at a path, in place of what is there."""
        entry = Entry(real, "link", 0o777, target=target)
        if real not in self._files:
            self._list(real)
        self._files[real] = entry

    def _list(self, path: str) -> None:
        folder, _, name = path.rpartition("/")
        while folder not in self._names:
            self._names[folder] = [name]
            # what is listed itself is not listed once more as a folder of others
            if folder in self._files:
                return
            folder, _, name = folder.rpartition("/")
        self._names[folder].append(name)
