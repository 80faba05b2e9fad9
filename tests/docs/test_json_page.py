"""The schemas of documents say what commands return, and the page of JSON shows documents that they take."""

from __future__ import annotations

import json
import re

import pytest

from conftest import ROOT
from make_documents import COMMANDS, FOLDER, files, validator
from onedigest.cli import COMMANDS as CALLED
from onedigest.cli.documents import FORMAT

PAGE = (ROOT / "docs" / "reference" / "json.md").read_text(encoding="utf-8")
EXAMPLES = [
    (section.partition("\n")[0].strip("`"), text)
    for section in re.split(r"(?m)^## ", PAGE)[1:]
    for text in re.findall(r"```json\n(.*?)```", section, re.DOTALL)
]


def test_schemas_are_as_they_would_be_written() -> None:
    written = {path: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}

    assert written == files(), "run: .venv/bin/python tests/make_documents.py"


def test_every_command_has_a_schema_a_section_and_an_example() -> None:
    shown = {name for name, _ in EXAMPLES}

    assert set(COMMANDS) == set(CALLED)
    assert [name for name in COMMANDS if name not in shown] == []
    for name in COMMANDS:
        assert f"(schemas/documents/{name}.json)" in PAGE


@pytest.mark.parametrize(("name", "text"), EXAMPLES)
def test_examples_are_documents(name: str, text: str) -> None:
    document = json.loads(text)
    checked = validator(name if name in COMMANDS else "run")

    assert [fault.message for fault in checked.iter_errors(document)] == []
    assert document["format"] == FORMAT


def test_a_document_with_an_unknown_or_a_missing_key_is_refused() -> None:
    good = {"format": FORMAT, "warnings": [], "errors": [], "checked": 1, "differences": []}

    assert validator("generate").is_valid(good)
    assert not validator("generate").is_valid({**good, "bytesToMove": 1})
    assert not validator("generate").is_valid({**good, "format": FORMAT + 1})
    assert not validator("generate").is_valid({key: good[key] for key in good if key != "differences"})
