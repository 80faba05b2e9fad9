"""The command `schema`: the JSON schema of `[tool.onedigest]`, for editors and checks."""

from __future__ import annotations

import click

from onedigest.cli.documents import Document, make_failure
from onedigest.definition.schema import FILES, make_schema
from onedigest.terminal.output import print_json


@click.command()
@click.argument("file", type=click.Choice(list(FILES)), default="pyproject")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, which has the schema in it.")
def command(file: str, as_json: bool) -> int | Document:
    """Print the JSON schema of the keys that a file may have.

    FILE is `pyproject` for [tool.onedigest] in pyproject.toml, `onedigest` for onedigest.toml,
    and `script` for the block of a script. Editors and checkers read it.
    """
    if as_json:
        return Document({**make_failure((), 0).fields, "file": file, "schema": make_schema(file)})
    print_json(make_schema(file))
    return 0
