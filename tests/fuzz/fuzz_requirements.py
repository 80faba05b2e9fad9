"""Any requirements file: what it asks for, or what is wrong with it."""

from __future__ import annotations

from pathlib import Path

from onedigest.definition.flyte.local_requirements import LocalFolders
from onedigest.definition.flyte.requirements import FlyteRequirements, read_requirements
from onedigest.errors import InputError

SEEDS: tuple[bytes, ...] = (
    b"numpy>=2,<3  # comment\nattrs==24.1 \\\n    --hash=sha256:" + b"a" * 64 + b"\n",
    b"-r other.txt\n-c requirements.txt\n--constraint=x.txt\n-r requirements.txt\n",
    b"--index-url https://me:secret@host/simple\n--pre\n--find-links ./x\n-U\n",
    b"a @ https://host/a-1-py3-none-any.whl ; python_version > '3'\n-e .\n./x.whl\n",
)
TOKENS: tuple[bytes, ...] = (
    b"-r ",
    b"-c ",
    b"\\\n",
    b"; ",
    b"==",
    b"(" * 50,
    b"..",
    b"\0",
    b"\xff",
    b"://",
    b"'",
    b"@",
)
EXPECTED: tuple[type[Exception], ...] = (InputError,)


def run(data: bytes) -> None:
    here = Path.cwd()
    (here / "requirements.txt").write_bytes(data)
    wanted = FlyteRequirements()
    read_requirements(here / "requirements.txt", "requirements.txt", LocalFolders(root=here, folder=here), wanted)
    assert all(isinstance(each, str) for each in (*wanted.packages, *wanted.constraints))
