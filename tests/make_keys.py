"""The pages of keys and of environment variables, and the files of the schema: all read off their tables.

`python tests/make_keys.py` writes them anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from onedigest.definition.key import EVERYWHERE, Key, Place
from onedigest.definition.keys import GROUPS
from onedigest.definition.schema import FILES, make_schema
from onedigest.lock.toml import value as toml
from onedigest.variables import VARIABLES, Variable

FOLDER = Path(__file__).parent.parent / "docs" / "reference"

_HEAD = """<!-- Written by tests/make_keys.py: edit the table in generator/onedigest/definition/keys.py. -->

# Keys of `[tool.onedigest]`

Every key is optional.
A script without `[tool.onedigest]` gets an image with the defaults below.
[What an image does by default](../guides/defaults.md) says what comes of them.

A key stands in one of three places:

| place | it is about |
| --- | --- |
| the block of a script (PEP 723), with `# ` before each line | that script |
| `onedigest.toml`, at its top | all scripts of the project, where they say nothing themselves |
| `[tool.onedigest]` of `pyproject.toml` | the same, and the image of the project itself |

A key of a script stands in place of the project's.
`env`, `labels` and `annotations` are merged instead: the script's names stand over those of the project.

```python
# /// script
# dependencies = ["polars"]
#
# [tool.onedigest]
# platforms = ["linux/arm64"]
# env = { POLARS_MAX_THREADS = "4" }
# ///
```

An unknown key stops, and the nearest one is named.
Editors can tell you before: see [the schema](#schema).

## All keys

| key | default | what it says |
| --- | --- | --- |
"""

_SCHEMA = """
## Schema

`onedigest schema` prints a JSON schema (draft 7) of `[tool.onedigest]` in `pyproject.toml`.
`onedigest schema onedigest` prints that of `onedigest.toml`, and `onedigest schema script` that of a script's block.
The same files are in the repository: [pyproject](schemas/pyproject.json), [onedigest](schemas/onedigest.json) and [script](schemas/script.json).

| reader | what to do |
| --- | --- |
| [validate-pyproject](https://validate-pyproject.readthedocs.io/) | Install onedigest beside it: it finds the schema itself. |
| taplo, Even Better TOML | Begin `onedigest.toml` with `#:schema ./onedigest.json`, which is the path or the address of the file. |
| tombi | Write the lines below. |

```toml title="tombi.toml"
[[schemas]]
root = "tool.onedigest"
path = "schemas/pyproject.json"
include = ["pyproject.toml"]
```

The schema takes all that onedigest takes.
It refuses a wrong type, an unknown key, and nearly every wrong value.
What it cannot tell, onedigest refuses when it reads the file:

- keys that need each other, such as a name in `expand-env` that `env` lacks;
- numbers inside of strings that are too high: ports above 65535, users above 2097151;
- more than 1000 ports, or parts of paths with more than 255 bytes;
- quotes of a command in `run` that do not close;
- a number with a point, such as `64.0`, which JSON takes for a whole number.
"""

_VARIABLES = """<!-- Written by tests/make_keys.py: edit the table in generator/onedigest/variables.py. -->

# Environment variables

No variable is needed.
None of them reaches a byte of an image.

Programs that onedigest runs, such as docker, Bazel and Nix, get the whole environment.
They read variables of their own, such as `DOCKER_HOST`.
uv gets the variables below in the form that it reads.

An example is a value, as in `export NO_COLOR=1`.
"""

_SECTIONS = {
    "Of onedigest": ("onedigest",),
    "Of the terminal and the system": ("no-color.org", "force-color.org", "POSIX", "XDG"),
    "Of registries and passwords": ("docker", "podman"),
    "Of the network": ("curl", "CGI", "OpenSSL", "requests"),
    "Of uv": ("uv",),
}


def pages() -> dict[Path, str]:
    """Return the text of each file."""
    return {
        FOLDER / "keys.md": keys_page(),
        FOLDER / "environment.md": environment_page(),
        **{FOLDER / "schemas" / f"{name}.json": schema_file(name) for name in FILES},
    }


def schema_file(name: str) -> str:
    return json.dumps(make_schema(name), indent=2, ensure_ascii=False) + "\n"


def keys_page() -> str:
    rows = [f"| [`{key.name}`](#{key.name}) | {default(key)} | {key.says} |" for _, keys in GROUPS for key in keys]
    sections = [
        line for title, keys in GROUPS for line in (f"\n## {title}", *(text for key in keys for text in section(key)))
    ]
    return _HEAD + "\n".join([*rows, *sections]) + "\n" + _SCHEMA


BESIDE = {"expand-env": 'env = { PATH = "/opt/tool/bin:$PATH" }\n'}
"""What an example needs beside it."""


def section(key: Key) -> Iterator[str]:
    yield f"\n### `{key.name}` {{ #{key.name} }}\n\n{key.says}\n"
    yield f"- Value: {key.shape.words}.\n- Default: {default(key)}.\n{place(key)}"
    yield f"```toml\n{BESIDE.get(key.name, '')}{key.name} = {toml(key.example)}\n```"
    if key.keys:
        yield f"\nThe keys of the table `{key.name}`:\n\n| key | value | default | example | what it says |\n| --- | --- | --- | --- | --- |"
        yield from (
            f"| `{each.name}` | {each.shape.words} | {default(each)} | `{toml(each.example)}` | {each.says} |"
            for each in key.keys
        )


def place(key: Key) -> str:
    if key.places == EVERYWHERE:
        return ""
    if key.places == {Place.IMAGE}:
        return "- Only in the `pyproject.toml` of a project that has an image itself.\n"
    if Place.SCRIPT in key.places:
        return "- About scripts alone: a project that has an image itself has no script in it.\n"
    return "- Only in `onedigest.toml` or `pyproject.toml`.\n"


def default(key: Key) -> str:
    """Return what holds without a key, for people."""
    return key.without or f"`{toml(key.shape.written(key.default))}`"


def environment_page() -> str:
    text = _VARIABLES
    for title, several in _SECTIONS.items():
        rows = "\n".join(row(each) for each in VARIABLES if each.of in several)
        text += (
            f"\n## {title}\n\n| variable | defined by | what it does | example |\n| --- | --- | --- | --- |\n{rows}\n"
        )
    return text


def row(each: Variable) -> str:
    return f"| `{each.name}` | {each.of} | {each.says} | `{each.example}` |"


if __name__ == "__main__":
    for path, text in pages().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
        print(path.name)
