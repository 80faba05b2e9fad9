"""The command `onedigest diff`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import click

from onedigest.cli.documents import Document, make_document
from onedigest.cli.options import open_context, shared_options
from onedigest.errors import DifferenceError
from onedigest.plan.kinds import BYTECODE_OF
from onedigest.shown_text import markdown, markdown_code
from onedigest.terminal.output import put, put_document
from onedigest.wording import amount, ellipsis, plural, short_digest, table
from onedigest.workspace.changes import Change
from onedigest.workspace.compare import Comparison, compare_images

_WIDEST = 60
_KINDS = ("platform", "base", "package", "source", "Debian package", "setting", "layer")


@click.command()
@click.argument("first", metavar="NAME|LAYOUT|REFERENCE")
@click.argument("second", metavar="[NAME|LAYOUT|REFERENCE|REVISION]", default="HEAD")
@click.option("--format", "form", type=click.Choice(["text", "markdown", "json"]), default="text", show_default=True)
@click.option("--check", is_flag=True, help="Exit 3 when they differ.")
@shared_options
def command(first: str, second: str, form: str, check: bool, **options: Any) -> int | Document:
    """Show what differs between two images: base, packages, settings and layers.

    Each is the NAME of an image, an OCI LAYOUT, or the REFERENCE of an image in a registry. A name stands for the lock
    and the record of its last build. The second may be a REVISION of git [HEAD]. It stands for what was checked in
    under the name then, and is compared as the older of the two.
    """
    options["as_json"] = options["as_json"] or form == "json"
    context = open_context(**options)
    found = compare_images(context, first, second)
    code = DifferenceError.exit_code if check and found.changes else 0
    if options["as_json"]:
        sides = {
            name: {"name": side.name, "digest": side.digest} for name, side in (("old", found.old), ("new", found.new))
        }
        result = {**sides, "changes": found.changes, "bytes_to_move": found.bytes_to_move}
        return replace(make_document(context, result | ({"exit_code": code} if code else {})), exit_code=code)
    if form == "markdown":
        _print_markdown(found)
    else:
        _print_text(found)
    return code


def _print_text(found: Comparison) -> None:
    sides = (found.old, found.new)
    width = max(len(side.name) for side in sides)
    for side in sides:
        put(f"{side.name:<{width}}  {side.digest or 'not built'}")
    for platform, rows in _by_platform(found.changes):
        put("")
        put(platform)
        for line in table(("what", "name", "old", "new"), rows):
            put(f"  {line}")
    put("")
    for line in _summary(found):
        put(line)


def _print_markdown(found: Comparison) -> None:
    lines = [
        f"- {title}: {markdown(side.name)} {markdown_code(side.digest or 'not built')}"
        for title, side in (("old", found.old), ("new", found.new))
    ]
    for platform, rows in _by_platform(found.changes):
        lines += ["", f"**{markdown(platform)}**", "", "| what | name | old | new |", "| --- | --- | --- | --- |"]
        lines += ["| " + " | ".join(markdown(cell) for cell in row) + " |" for row in rows]
    lines += ["", *(f"{markdown(line)}  " for line in _summary(found))]
    put_document("\n".join(lines) + "\n")


def _by_platform(changes: tuple[Change, ...]) -> Iterable[tuple[str, list[tuple[str, ...]]]]:
    for platform in dict.fromkeys(change.platform for change in changes):
        own = [change for change in changes if change.platform == platform]
        ordered = sorted(own, key=lambda change: _KINDS.index(change.kind))
        beside = _bytecode(ordered)
        yield (
            platform,
            [_row(each, beside.get(each.name)) for each in ordered if each not in beside.values()],
        )


def _bytecode(changes: Iterable[Change]) -> dict[str, Change]:
    """Return what differs of bytecode, by the layer that it is of, where that differs as well: they are told as one."""
    layers = {change.name: change for change in changes if change.kind == "layer"}
    return {name: layers[f"{BYTECODE_OF}{name}"] for name in layers if f"{BYTECODE_OF}{name}" in layers}


def _row(change: Change, beside: Change | None) -> tuple[str, ...]:
    old, new = (ellipsis(short_digest(text), _WIDEST) for text in (change.old, change.new))
    more = change.bytes + (beside.bytes if beside else 0)
    if change.kind == "layer" and (more or beside):
        size = f"{'-' if more < 0 else '+'}{amount(abs(more))}"
        new += f" ({size}{' with bytecode' if beside else ''})"
    return change.kind, ellipsis(change.name, _WIDEST), old, new


def _summary(found: Comparison) -> Iterable[str]:
    if not found.changes:
        yield "nothing differs"
    if any(not each.layers for side in (found.old, found.new) for each in side.platforms.values()):
        yield "layers are compared only where both images were built"
        return
    for platform, (same, count) in found.equal.items():
        yield f"{platform}: {same} of {plural(count, 'layer')} equal"
    yield f"{amount(found.bytes_to_move)} to move"
