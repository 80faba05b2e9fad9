"""Knows which wheels of the index are in the corpus."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
PYTHON = "3.11"
"""The Python that wheels are for, where their line names no other."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A wheel of the corpus: its project and version, and the Python that has to be able to install it.

    `kind` is `current`, `old`, `odd` (a wheel that breaks a rule of its format) or `large`.
    """

    kind: str
    name: str
    version: str
    python: str
    is_sampled: bool
    is_told: bool
    refusal: str
    refused_by: tuple[str, ...]

    @property
    def requirement(self) -> str:
        return f"{self.name}=={self.version}"


def listed() -> list[Listed]:
    """Return every wheel of `wheels.tsv`, in its order.

    A line has kind, NAME==VERSION and words: a Python, `sample` (it is in every run of the tests), `told` (there is a
    warning about it), `refused=RULE`, `refused-by=INSTALLER`.
    """
    lines = (HERE / "wheels.tsv").read_text(encoding="utf-8").splitlines()
    return [_read(*line.split("\t")) for line in lines if line and not line.startswith("#")]


def _read(kind: str, requirement: str, *words: str) -> Listed:
    name, _, version = requirement.partition("==")
    pythons = [word for word in words if word.startswith("3.")]
    refusals = [word.removeprefix("refused=") for word in words if word.startswith("refused=")]
    return Listed(
        kind,
        name,
        version,
        (pythons or [PYTHON])[0],
        is_sampled="sample" in words,
        is_told="told" in words,
        refusal="".join(refusals),
        refused_by=tuple(word.removeprefix("refused-by=") for word in words if word.startswith("refused-by=")),
    )
