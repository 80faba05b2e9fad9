"""A sample of the corpus, and the smallest named set; `make corpus` has all of them."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from conftest import Project
from corpus.fetching import fetch
from corpus.listed import listed
from corpus.report import findings, newest_pip
from corpus.sets import SMALL, failures


def test_the_corpus_has_more_than_two_hundred_current_and_sixty_old_wheels() -> None:
    wheels = listed()
    kinds = Counter(wheel.kind for wheel in wheels)

    assert kinds["current"] >= 200
    assert kinds["old"] >= 60
    assert len({wheel.requirement for wheel in wheels}) == len(wheels)
    assert sum(wheel.is_sampled for wheel in wheels) == 30


@pytest.mark.network
def test_wheels_are_laid_out_as_uv_and_pip_lay_them_out(tmp_path: Path) -> None:
    sample = [wheel for wheel in listed() if wheel.is_sampled]

    assert list(findings(sample, tmp_path, dict(os.environ))) == []


@pytest.mark.network
def test_wheels_that_share_a_path_build_import_and_pass_pip_check(project: Project, tmp_path: Path) -> None:
    pip = newest_pip()

    assert list(failures(project, SMALL, fetch([pip], tmp_path)[pip], (9, 64))) == []
