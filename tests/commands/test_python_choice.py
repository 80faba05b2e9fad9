"""Pythons that no Debian suite has: the official image is chosen, and why is said once."""

from __future__ import annotations

import pytest

from base_images import put_image, python_image
from locking import Locking
from onedigest.definition.spec import Spec
from onedigest.lock.base.choice import choose_base, exact_image, reason

pytest_plugins = ("built_app",)


def spec(python: str, base: str = "debian") -> Spec:
    return Spec(name="app", script="app.py", requires_python=python, base=base, entrypoint=())


@pytest.mark.parametrize(
    ("python", "base", "exact"),
    [
        (">=3.14", "docker.io/library/python:3.14-slim", "3.14.29"),
        ("==3.12.*", "docker.io/library/python:3.12-slim", "3.12.29"),
        (">=3.12,<3.13", "docker.io/library/python:3.12-slim", "3.12.29"),
        ("~=3.12.0", "docker.io/library/python:3.12-slim", "3.12.29"),
        ("==3.12.4", "docker.io/library/python:3.12-slim", "3.12.4"),
        (">=3.12,!=3.13.*,<3.12.7", "docker.io/library/python:3.12-slim", "3.12.6"),
        ("<3.13", "debian:bookworm", "3.11.29"),
        ("", "debian:trixie", "3.11.29"),
    ],
)
def test_base_of_each_specifier(python: str, base: str, exact: str) -> None:
    assert choose_base(spec(python)).reference == base
    assert exact_image(spec(python)) == f"docker.io/library/python:{exact}-slim"
    assert bool(reason(spec(python))) == base.startswith("docker.io")
    assert reason(spec(python, "docker.io/library/python:3.14-slim")) == ""


def test_reason_is_said_when_the_base_becomes_one(locking: Locking, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    put_image(host, "library/python", "3.12-slim", python_image())
    monkeypatch.setenv("ONEDIGEST_REGISTRY_MIRRORS", f"docker.io={host}")
    image = "docker.io/library/python:3.12-slim"
    said = f"app: no Debian suite has a Python for `requires-python = '==3.12.*'`, so the base is {image}\n"
    base = next(line for line in locking.read("app.py").splitlines() if line.startswith("# base = "))
    locking.edit("app.py", 'requires-python = ">=3.11"', 'requires-python = "==3.12.*"')
    locking.edit("app.py", f"{base}\n", "")

    assert locking.ok("generate", "app.py").err.count(said) == 1
    assert f'image = "{image}"' in locking.read("lockfiles/app/pylock.toml")
    locking.edit("app.py", 'dependencies = ["alpha"]', "dependencies = []")
    for arguments in (("build",), ("generate",), ("generate", "--upgrade")):
        assert said not in locking.ok(*arguments, "app.py").err
    locking.edit("app.py", "==3.12.*", "==3.12.1")
    assert locking.run("generate", "app.py").err.endswith(
        "its Python does not satisfy `requires-python = '==3.12.1'`: 3.12.4 (/usr/local/bin/python3.12)\n"
        'hint: write `base = "docker.io/library/python:3.12.1-slim"` in [tool.onedigest], or change `requires-python`\n'
    )
