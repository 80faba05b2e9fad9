"""The entries of a layer of bytecode, and what is left out of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from onedigest.assembler.entry import Entry, file_entry, merge
from onedigest.bytecode.compiler import Compiler, NotCompiled
from onedigest.bytecode.sources import LeftOut, Source
from onedigest.bytecode_path import bytecode_path

ORIGIN = "bytecode"


@dataclass(kw_only=True, slots=True)
class Compilation:
    """Sources that one CPython, `python`, 3.N.P, compiles: each text at each path once.

    What it gave is kept, because the wheels of two platforms share nearly all of their sources.
    """

    compiler: Compiler
    python: str
    checked: bool = False
    _known: dict[tuple[str, str], bytes | LeftOut] = field(default_factory=dict)

    def compile(self, sources: Iterable[Source]) -> tuple[dict[str, bytes], list[LeftOut]]:
        """Return the contents of bytecode by their paths, and what is left out. Raises `InputError`."""
        files: dict[str, bytes] = {}
        left_out: list[LeftOut] = []
        for source in sources:
            key = source.path, source.digest
            if key not in self._known:
                self._known[key] = self._compile(source)
            found = self._known[key]
            if isinstance(found, LeftOut):
                left_out.append(found)
            else:
                files[bytecode_path(source.path, self.python)] = found
        return files, left_out

    def _compile(self, source: Source) -> bytes | LeftOut:
        try:
            return self.compiler.compile(f"/{source.path}", source.read(), checked=self.checked)
        except NotCompiled as error:
            return LeftOut(f"/{source.path}", error.reason, error.unusual)


def bytecode_layer(files: Mapping[str, bytes], folders: Mapping[str, Entry] | None = None) -> list[Entry]:
    """Return the entries of bytecode with the folders above it; `folders` are those that the base has otherwise."""
    entries = merge(file_entry(path, content, executable=False, origin=ORIGIN) for path, content in files.items())
    known = folders or {}
    return [known[each.path] if each.kind == "dir" and each.path in known else each for each in entries]


def emptied(left_out: Iterable[LeftOut], python: str) -> dict[str, bytes]:
    """Return bytecode of no content for sources that were left out, for which Python compiles the source.

    Without it Python would run that of another file, which lies below. It takes what is cut off for none
    (`SourceLoader.get_code`, EOFError).
    """
    return {bytecode_path(each.path[1:], python): b"" for each in left_out}
