"""The command `schema`: the JSON schema of `[tool.onedigest]`, for editors and checks."""

from __future__ import annotations

import click

from onedigest.definition.schema import FILES, make_schema
from onedigest.terminal.output import print_json


@click.command()
@click.argument("file", type=click.Choice(list(FILES)), default="pyproject")
def command(file: str) -> None:
    """Print the JSON schema of the keys that a file may have.

    FILE is `pyproject` for [tool.onedigest] in pyproject.toml, `onedigest` for onedigest.toml,
    and `script` for the block of a script. Editors and checkers read it.
    """
    print_json(make_schema(file))
