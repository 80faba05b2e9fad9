"""uv's lock of a script: what is taken of it, and that odd ones are refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from golden import expected_files
from onedigest.definition.project import Project
from onedigest.definition.script import parse
from onedigest.definition.spec import Spec, specify
from onedigest.digest import Digest
from onedigest.errors import InputError
from onedigest.lock import text as lock_text
from onedigest.lock.model import LockedPackage, Wheel
from onedigest.lock.script_lock import described, read_script_lock
from onedigest.platforms import AMD64, ARM64, Platform

HEAD = 'version = 1\nrevision = 5\nrequires-python = ">=3.11"\n'
INDEX = 'source = { registry = "https://index.invalid/simple" }\n'
SHA256, SHA512 = f"sha256:{'a' * 64}", f"sha512:{'b' * 128}"
WHEELS = (
    f'wheels = [{{ url = "https://f.invalid/a%2Bb-1-py3-none-any.whl", hash = "{SHA256}" }},'
    f' {{ path = "x/alpha-1-py3-none-any.whl", hash = "{SHA512}" }}, {{ url = "https://f.invalid/alpha-1-py2-none-any.whl" }}]\n'
)
LOCK = f"""{HEAD}
[manifest]
requirements = [
    {{ name = "alpha", extras = ["Fast"], specifier = ">=1,<2", marker = "sys_platform == 'linux'" }},
    {{ name = "local", git = "https://git.invalid/local?rev=v1" }},
    {{ name = "other", marker = "sys_platform == 'win32'" }},
]
[[package]]
name = "alpha"
version = "1.0"
{INDEX}dependencies = [{{ name = "other", marker = "platform_machine == 'aarch64'" }}]
{WHEELS}
[[package]]
name = "local"
version = "0.1"
source = {{ git = "https://token@git.invalid/local?rev=v1#{"c" * 40}" }}
dependencies = [{{ name = "below" }}]
[[package]]
name = "below"
version = "3"
{INDEX}
[[package]]
name = "other"
version = "2"
{INDEX}
"""


def spec(*dependencies: str, python: str = ">=3.11") -> Spec:
    listed = ", ".join(f'"{each}"' for each in dependencies)
    text = f'# /// script\n# requires-python = "{python}"\n# dependencies = [{listed}]\n# ///\n'
    return specify(parse(text.encode(), "app.py"), Project(root=Path()), "app.py")


ASKED = ("alpha[fast]<2,>=1", "local @ git+https://git.invalid/local@v1", "other; sys_platform == 'win32'")


def test_what_comes_from_an_index_is_taken() -> None:
    pins = read_script_lock(LOCK, "app.py.lock").pins({"other"})

    assert [package.key for package in pins.packages] == [("alpha", "1.0"), ("below", "3")]
    assert pins.digests == {"a+b-1-py3-none-any.whl": SHA256, "alpha-1-py3-none-any.whl": SHA512}
    assert pins.place == "app.py.lock"


@pytest.mark.parametrize(
    ("dependencies", "python", "moved"),
    [
        (ASKED, ">=3.11", []),
        ((*ASKED[:2], "Other>=7 ; sys_platform == 'darwin'"), ">=3.11,!=3.10.*", []),
        (("alpha[fast]<2,>=1 ; platform_system == 'Linux'", "Local>=9", ASKED[2]), ">=3.11", []),
        (("alpha<2,>=1", *ASKED[1:]), ">=3.11", ["`dependencies`"]),
        ((*ASKED, "new"), ">=3.12", ["`dependencies`", "`requires-python`"]),
        ((*ASKED, "new ; python_version < '3.11'"), ">=3.11", []),
    ],
)
def test_script_that_asks_for_something_else(dependencies: list[str], python: str, moved: list[str]) -> None:
    """Markers count by what they mean on the platforms of the image."""
    assert read_script_lock(LOCK, "app.py.lock").moved(spec(*dependencies, python=python)) == moved


def test_differences_are_those_of_the_platforms_of_a_lock() -> None:
    lock = lock_text.loads(expected_files("minimal")["pylock.toml"], "pylock.toml")

    def package(name: str, version: str, *platforms: Platform) -> LockedPackage:
        wheel = Wheel(name=f"{name}-{version}-py3-none-any.whl", digest=Digest(SHA256), size=1)
        return LockedPackage(name=name, version=version, wheels=tuple((each, wheel) for each in platforms))

    both = (AMD64, ARM64)
    same = (package("alpha", "1.0", *both), package("below", "3", *both), package("other", "2", ARM64))
    moved = (package("alpha", "1.1", *both), package("local", "7", *both), package("other", "2", *both))
    found = read_script_lock(LOCK, "app.py.lock")

    assert found.differences(replace(lock, packages=same)) == {}
    differences = found.differences(replace(lock, packages=moved))
    assert described(differences) == "alpha 1.0 (not 1.1), below 3 (not any), other (none) (not 2)"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "version = true",
        HEAD + "package = 1",
        HEAD + "package = [1]",
        HEAD + "manifest = 1",
        HEAD + "[manifest]\nrequirements = [{}]",
        HEAD + "[manifest]\nrequirements = [{ name = 'a', specifier = 'x' }]",
        HEAD + "[manifest]\nrequirements = [{ name = 'a', marker = 7 }]",
        HEAD + f"[[package]]\n{INDEX}",
        HEAD + f"[[package]]\nname = 'a'\n{INDEX}",
        HEAD + "[[package]]\nname = 'a'\nversion = '1'",
        HEAD + f"[[package]]\nname = 'a'\nversion = '1x'\n{INDEX}",
        HEAD + f"[[package]]\nname = 'onedigest-script'\nversion = '1'\n{INDEX}",
        HEAD + f"[[package]]\nname = 'a'\nversion = '1'\n{INDEX}wheels = [{{ url = 7 }}]",
        HEAD + f"[[package]]\nname = 'a'\nversion = '1'\n{INDEX}wheels = [{{ url = 'x', hash = 'sha256:7' }}]",
        HEAD + f"[[package]]\nname = 'a'\nversion = '1'\n{INDEX}dependencies = [{{ name = 'b', marker = '(' }}]",
        HEAD + f"[[package]]\nname = 'a'\nversion = '1'\n{INDEX}resolution-markers = ['{'(' * 300}']",
        HEAD + f"[[package]]\nname = 'a'\nversion = '1'\n{INDEX}optional-dependencies = {{ x = 1 }}",
        HEAD.replace(">=3.11", ">=" + "9" * 5000),
    ],
)
def test_odd_document_is_refused(text: str) -> None:
    with pytest.raises(InputError) as caught:
        read_script_lock(text, "app.py.lock")

    assert str(caught.value).startswith("app.py.lock: cannot be read as a lock of uv: ")
