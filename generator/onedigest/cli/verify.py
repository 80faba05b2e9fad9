"""The command `onedigest verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from onedigest.cli.documents import Document, make_document
from onedigest.cli.options import open_context, shared_options
from onedigest.errors import DifferenceError
from onedigest.terminal.output import print_table, put, say
from onedigest.wording import ellipsis, short_digest
from onedigest.workspace.choose_engine import check_engine
from onedigest.workspace.images import find_images
from onedigest.workspace.verify import compare_engines, verify_images

if TYPE_CHECKING:
    from onedigest.workspace.context import Context
    from onedigest.workspace.results import EnginesResult, VerifyResult
    from onedigest.workspace.script_image import ScriptImage


@click.command()
@click.argument("names", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All images of the project.")
@click.option("--engine", default="", help="Build with this engine too, or with `all`, instead of varying the build.")
@click.option("--builder", default="", metavar="NAME", help="The builder of buildx [the current one].")
@shared_options
def command(names: tuple[str, ...], everything: bool, engine: str, builder: str, **options: Any) -> int | Document:
    """Build again while what must not matter varies, or with other engines, and compare.

    Nothing is recorded. Exits 3 when an image is another than it should be.
    """
    if engine != "all":
        check_engine(engine or "embedded", builder)
    context = open_context(**options)
    images = find_images(context, names, everything=everything)
    if engine:
        return _compare(context, images, engine, builder, as_json=options["as_json"])
    if options["as_json"]:
        return make_document(context, {"images": verify_images(context, images)})
    verify_images(context, images, _tell)
    return 0


def _tell(result: VerifyResult) -> None:
    put(f"{result.name}: identical under {len(result.variations)} variations: {', '.join(result.variations)}")
    for each in result.skipped:
        say(f"the {each.variation} was not varied: {each.reason}")


def _compare(
    context: Context, images: list[ScriptImage], engine: str, builder: str, *, as_json: bool
) -> int | Document:
    results, problems = compare_engines(context, images, engine, builder)
    error = DifferenceError(problems) if problems else None
    if as_json:
        return make_document(context, {"images": results}, [error] if error else [])
    for result in results:
        _show(result)
    if error:
        raise error
    return 0


def _show(result: EnginesResult) -> None:
    """Print what each engine built, side by side."""
    built = result.engines
    lines = []
    for what in dict.fromkeys(what for rows in built.values() for what in rows):
        found = [rows.get(what, "absent") for rows in built.values()]
        mark = "" if len(found) == 1 else "equal" if len(set(found)) == 1 else "differs"
        lines.append((ellipsis(what, 60), *map(short_digest, found), mark))
    put(result.name)
    print_table(("what", *built, ""), lines)
    for name, reason in result.missing.items():
        say(f"{name}: not compared: {reason}")
