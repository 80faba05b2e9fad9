"""The real uv and onedigest find the same blocks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from uv import find_uv_bin

from onedigest.definition.script import parse
from onedigest.errors import InputError

D = "# dependencies = []"


@pytest.mark.parametrize(
    "text",
    [
        f"# /// script\n{D}\n# ///\n",
        f"# /// script\n{D}\n# ///",
        f"# /// script\r\n{D}\r\n# ///\r\n",
        f"# /// script   \n{D}\n# ///\n",
        f"# /// script\t\n{D}\n# ///\n",
        f"# /// script\n{D}\n# /// \n",
        f"# /// script\n{D}\n# ///\t\n",
        f"# /// script \r\n{D}\r\n# /// \r\n",
        f"# /// script\n{D}\n# /// \n# ///\n",
        f"# /// script\n{D}\n# ///\n# /// \n",
        f"# /// script\n# \n{D}\n# ///\n",
        f"# /// script\n#\t\n{D}\n# ///\n",
        f"# /// script\n{D}\n# ///\n\n# /// script \n{D}\n# ///\n",
        "# /// script\n# ///\n",
        "# /// script\r\n# ///\r\n",
        "# /// script\n# ///",
        "# /// script \n# /// \n",
        "# /// script\n#\n# ///\n",
        f"# /// script\n# ///\n\n# /// script\n{D}\n# ///\n",
        f"# /// other\n# ///\n\n# /// script\n{D}\n# ///\n",
    ],
)
def test_block_is_one_for_both_or_for_none(text: str, tmp_path: Path, cache: Path) -> None:
    (tmp_path / "app.py").write_bytes(text.encode())
    command = [find_uv_bin(), "export", "--script", "app.py", "--offline", "--no-config", "--no-index", "--quiet"]
    command += ["--python", sys.executable, "--no-python-downloads"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "UV_CACHE_DIR": str(cache / "uv")}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)
    try:
        found = parse(text.encode(), "app.py") is not None
    except InputError:
        found = False

    assert found == (done.returncode == 0)
