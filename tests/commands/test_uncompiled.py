"""`build -v` names the Python files of which an image has no bytecode, whether its layers are made or kept."""

from __future__ import annotations

import json

from conftest import Project
from index_server import IndexServer
from wheel_builder import build_wheel

SITE = "/opt/venv/lib/python3.11/site-packages"


def test_files_that_do_not_compile_are_named_each_time(project: Project, index: IndexServer) -> None:
    files = {"alpha/__init__.py": b"", "alpha/old.py": b"print 1\n", "alpha/template.py": b"{{ name }} = {% x %}\n"}
    build_wheel(index.folder, "alpha", "1.0", files=files)
    project.script(
        "app.py",
        'requires-python = ">=3.11"',
        'dependencies = ["alpha"]',
        "[tool.onedigest]",
        'base = "debian:bookworm"',
    )
    first = project.ok("build", "-v", "app.py").err
    again = project.ok("build", "-v", "app.py").err
    plain = project.ok("build", "app.py").err
    document = json.loads(project.ok("build", "--json", "app.py").out)

    expected = [
        f"  no bytecode: {SITE}/alpha/old.py: SyntaxError: Missing parentheses in call to 'print'. Did you mean print(...)?, line 1",
        f"  no bytecode: {SITE}/alpha/template.py: SyntaxError: cannot assign to set display, line 1",
    ]
    assert [line for line in first.splitlines() if "no bytecode" in line] == expected
    assert [line for line in again.splitlines() if "no bytecode" in line] == expected
    assert plain == "app: unchanged\n"
    found = document["images"][0]["uncompiled"]
    assert [each["path"] for each in found] == [f"{SITE}/alpha/old.py", f"{SITE}/alpha/template.py"]
    assert document["warnings"] == []
