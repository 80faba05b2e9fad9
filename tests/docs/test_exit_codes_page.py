"""The page of exit codes has every class of error, with the code and the words that the class has."""

from __future__ import annotations

import re

from conftest import ROOT
from onedigest.errors import OnedigestError

PAGE = ROOT / "docs" / "reference" / "exit-codes.md"
ROW = re.compile(r"^\| (\d+) \| `(\w+)` \|", re.MULTILINE)


def test_each_error_is_on_the_page_with_its_code() -> None:
    stated = {name: int(code) for code, name in ROW.findall(PAGE.read_text(encoding="utf-8"))}

    assert stated == {each.__name__: each.exit_code for each in OnedigestError.__subclasses__()}
