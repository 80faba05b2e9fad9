"""Freezes the assembler's source as the file that engines run (`make assembler`)."""

from __future__ import annotations

import re

import releases
from conftest import ROOT
from frozen import FOLDER, differing_modules
from onedigest import zipapp
from onedigest.digest import of_bytes

FORMATS = ROOT / "generator" / "onedigest" / "formats.py"


def freeze() -> str:
    """Write the frozen assembler of today's source, and have new rules name it; return what was done, in words."""
    packed, newest = zipapp.pack(), zipapp.newest()
    old = FOLDER / zipapp.file_name(newest)
    if old.is_file() and not (moved := differing_modules(old.read_bytes(), packed)):
        return f"{old.name} is the source of today but for comments: nothing to do"
    FOLDER.mkdir(exist_ok=True)
    made = FOLDER / zipapp.file_name(of_bytes(packed))
    made.write_bytes(packed)
    text = FORMATS.read_text(encoding="utf-8")
    FORMATS.write_text(re.sub(r'(?m)^ASSEMBLER = ".*"$', f'ASSEMBLER = "{of_bytes(packed)}"', text), encoding="utf-8")
    said = f"{made.name} is the newest now"
    if old.is_file():
        said += f"; what moved: {', '.join(moved)}"
        if not releases.in_a_release(f"{FOLDER.name}/{old.name}"):
            old.unlink()
            said += f"; {old.name}, which is in no release, is removed"
    return said


if __name__ == "__main__":
    print(freeze())
