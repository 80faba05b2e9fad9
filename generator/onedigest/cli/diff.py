"""The command `onedigest diff`."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from onedigest.cli.image import Image
from onedigest.cli.images import find_image
from onedigest.cli.locks import read_lock
from onedigest.cli.opened import Opened, is_reference, open_image
from onedigest.cli.project_image import names_project
from onedigest.cli.session import Session, shared_options
from onedigest.cli.words import amount, plural, print_json, put, put_document, say, shown, table
from onedigest.errors import DifferenceError, InputError
from onedigest.formats import LOCK_FILE

if TYPE_CHECKING:
    from onedigest.comparison import Change, Side, Versions
    from onedigest.oci.read import ReadLayer

_KINDS = ("platform", "base", "package", "source", "Debian package", "setting", "layer")


@click.command()
@click.argument("first", metavar="NAME|LAYOUT|REFERENCE")
@click.argument("second", metavar="[NAME|LAYOUT|REFERENCE|REVISION]", default="HEAD")
@click.option("--format", "form", type=click.Choice(["text", "markdown", "json"]), default="text", show_default=True)
@click.option("--check", is_flag=True, help="Exit 3 when they differ.")
@shared_options
def command(first: str, second: str, form: str, check: bool, **options: Any) -> int:
    """Show what differs between two images: base, packages, settings and layers.

    Each is the NAME of an image, which is its lock and the record of its last build, an OCI LAYOUT, or the REFERENCE of
    an image in a registry. The second may be a REVISION of git [HEAD]: what was checked in under the name then, and
    is compared as the older of the two.
    """
    from onedigest.comparison import bytes_to_move, compare, equal_layers

    session = Session(**options)
    with ExitStack() as stack:
        sides = _sides(session, first, second, stack)
        changes = list(compare(*sides))
        equal, move = equal_layers(*sides), bytes_to_move(*sides)
    if session.as_json or form == "json":
        rows = [{**asdict(change)} for change in changes]
        names = [{"name": side.name, "digest": side.digest} for side in sides]
        print_json({"old": names[0], "new": names[1], "changes": rows, "bytes_to_move": move})
    elif form == "markdown":
        _print_markdown(sides, changes, equal, move)
    else:
        _print_text(sides, changes, equal, move)
    return DifferenceError.exit_code if check and changes else 0


def _sides(session: Session, first: str, second: str, stack: ExitStack) -> tuple[Side, Side]:
    """Return the older side and the newer one."""
    one = _side(session, first, stack)
    other = _side(session, second, stack)
    if one and other:
        return one, other
    if one is None:
        raise InputError.of(
            f"there is no image `{first}`",
            where=shown(session.lockfiles),
            hint="name an image, a layout or a reference HOST/NAME:TAG",
        )
    return _committed(session, first, second), one


def _side(session: Session, what: str, stack: ExitStack) -> Side | None:
    """Return what a name stands for; None for what may be a revision."""
    if (session.lockfiles / what / LOCK_FILE).is_file() or Path(what).suffix == ".py" or names_project(what):
        return _locked(session, find_image(session, what))
    if Path(what).exists() or is_reference(what):
        return _opened(session, stack.enter_context(open_image(session, what)))
    return None


def _locked(session: Session, image: Image) -> Side:
    from onedigest.comparison import of_lock
    from onedigest.definition.files import collect
    from onedigest.plan import record as records
    from onedigest.plan.arrange import arrange
    from onedigest.rules.files import read

    lock = read_lock(image)
    plan = arrange(image.spec, lock, collect(image.spec, image.script, image.script_folder))
    text = read(image.record_path)
    record = records.loads(text, shown(image.record_path)) if text else None
    if not session.silent and (record is None or record.plan != plan.digest()):
        missing = "is no record of a build" if record is None else "is not of the lock and the script as they are now"
        say(
            f"{shown(image.record_path)}: there {missing}"
            if record is None
            else f"{shown(image.record_path)} {missing}"
        )
    return of_lock(image.spec.name, lock, record, plan)


def _committed(session: Session, first: str, revision: str) -> Side:
    from onedigest.comparison import of_lock
    from onedigest.lock import text as codec
    from onedigest.plan import record as records
    from onedigest.tools.git import read_committed

    image = find_image(session, first)
    text = read_committed(image.lock_path, revision)
    if text is None:
        raise InputError.of(f"{revision} has no lock of `{image.spec.name}`", where=shown(image.lock_path))
    record = read_committed(image.record_path, revision)
    return of_lock(
        f"{image.spec.name} at {revision}",
        codec.loads(text, f"{revision}:{shown(image.lock_path)}"),
        records.loads(record, f"{revision}:{shown(image.record_path)}") if record else None,
        None,
    )


def _opened(session: Session, opened: Opened) -> Side:
    from onedigest.comparison import of_image
    from onedigest.debian.index import installed
    from onedigest.lock.base.probe import EXAMINER, dpkg_status
    from onedigest.oci.rootfs import read_rootfs

    def debian(layers: tuple[ReadLayer, ...]) -> Versions:
        paths = [(layer.descriptor, opened.layer(layer)) for layer in layers]
        found = installed(dpkg_status(read_rootfs(paths, EXAMINER, session.store)))
        return {name: stanza.version for name, stanza in found.items()}

    return of_image(opened.name, opened.image, debian)


def _print_text(sides: tuple[Side, Side], changes: list[Change], equal: dict[str, tuple[int, int]], move: int) -> None:
    width = max(len(side.name) for side in sides)
    for side in sides:
        put(f"{side.name:<{width}}  {side.digest or 'not built'}")
    for platform, rows in _by_platform(changes):
        put("")
        put(platform)
        for line in table(("what", "name", "old", "new"), rows):
            put(f"  {line}")
    put("")
    for line in _summary(sides, changes, equal, move):
        put(line)


def _print_markdown(
    sides: tuple[Side, Side], changes: list[Change], equal: dict[str, tuple[int, int]], move: int
) -> None:
    from onedigest.shown_text import markdown, markdown_code

    lines = [
        f"- {title}: {markdown(side.name)} {markdown_code(side.digest or 'not built')}"
        for title, side in zip(("old", "new"), sides, strict=True)
    ]
    for platform, rows in _by_platform(changes):
        lines += ["", f"**{markdown(platform)}**", "", "| what | name | old | new |", "| --- | --- | --- | --- |"]
        lines += ["| " + " | ".join(markdown(cell) for cell in row) + " |" for row in rows]
    lines += ["", *(f"{markdown(line)}  " for line in _summary(sides, changes, equal, move))]
    put_document("\n".join(lines) + "\n")


def _by_platform(changes: list[Change]) -> Iterable[tuple[str, list[tuple[str, ...]]]]:
    for platform in dict.fromkeys(change.platform for change in changes):
        own = [change for change in changes if change.platform == platform]
        ordered = sorted(own, key=lambda change: _KINDS.index(change.kind))
        yield platform, [_row(change) for change in ordered]


def _row(change: Change) -> tuple[str, ...]:
    old, new = (_short(text) for text in (change.old, change.new))
    if change.kind == "layer" and change.bytes:
        new += f" ({'+' if change.bytes > 0 else '-'}{amount(abs(change.bytes))})"
    return change.kind, _shortened(change.name), old, new


def _summary(
    sides: tuple[Side, Side], changes: list[Change], equal: dict[str, tuple[int, int]], move: int
) -> Iterable[str]:
    if not changes:
        yield "nothing differs"
    if any(not each.layers for side in sides for each in side.platforms.values()):
        yield "layers are compared only where both images were built"
        return
    for platform, (same, count) in equal.items():
        yield f"{platform}: {same} of {plural(count, 'layer')} equal"
    yield f"{amount(move)} to move"


def _short(text: str) -> str:
    return text[7:19] if text.startswith("sha256:") else _shortened(text)


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
