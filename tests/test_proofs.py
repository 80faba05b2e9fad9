"""Programs of Debian packages run in a real image, on both platforms; `make proofs` shows many more."""

from __future__ import annotations

import pytest

from conftest import Project
from proofs.programs import SELECTION
from proofs.running import failures

pytestmark = [pytest.mark.docker, pytest.mark.network, pytest.mark.emulation]


def test_programs_that_need_what_scripts_would_have_made_run(project: Project, docker: str) -> None:
    found = failures(docker, project, SELECTION, "trixie", SELECTION.platforms)

    assert found == {"linux/amd64": "", "linux/arm64": ""}
