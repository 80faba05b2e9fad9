"""Programs of Debian packages run in a real image, on both platforms; `make proofs` shows many more."""

from __future__ import annotations

import re

import pytest

from conftest import ROOT, Project
from proofs.programs import PROOFS, SELECTION
from proofs.running import failures


@pytest.mark.docker
@pytest.mark.network
@pytest.mark.emulation
def test_programs_that_need_what_scripts_would_have_made_run(project: Project, docker: str) -> None:
    found = failures(docker, project, SELECTION, "trixie", SELECTION.platforms)

    assert found == {"linux/amd64": "", "linux/arm64": ""}


def test_documents_name_only_proofs_that_exist() -> None:
    text = (
        (ROOT / "docs" / "guides" / "system-packages.md")
        .read_text(encoding="utf-8")
        .partition("\n## Proven programs\n")[2]
    )
    rows = [line.split(" | ") for line in text.splitlines() if re.match(r"\| [a-z]", line)][1:]
    proofs = {proof.name: ", ".join(f"`{each}`" for each in proof.packages) or "none" for proof in PROOFS}

    assert rows
    assert {row[0].removeprefix("| "): row[1] for row in rows}.items() <= proofs.items()
