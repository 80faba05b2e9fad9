"""The command `onedigest generate`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import click

from onedigest.cli.documents import Document, make_document
from onedigest.cli.options import open_context, shared_options
from onedigest.errors import DifferenceError, OnedigestError, UsageError
from onedigest.formats import LOCK_FILE
from onedigest.terminal.output import print_error, say
from onedigest.wording import plural
from onedigest.workspace.images import find_images
from onedigest.workspace.leftovers import find_gone
from onedigest.workspace.results import CheckResult

if TYPE_CHECKING:
    from onedigest.workspace.context import Context
    from onedigest.workspace.results import LockResult
    from onedigest.workspace.script_image import ScriptImage


@click.command()
@click.argument("scripts", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All scripts of the project.")
@click.option("--check", is_flag=True, help="Write nothing; exit 3 when a file is out of date.")
@click.option("--prune", is_flag=True, help="Remove the locks of images that are gone.")
@click.option("--upgrade", is_flag=True, help="Let every pin move: packages, Debian packages and base.")
@click.option("--upgrade-base", is_flag=True, help="Let the base and all Debian packages move, and nothing else.")
@click.option(
    "--upgrade-package", "packages", multiple=True, metavar="NAME", help="Let one package move, also one of Debian."
)
@click.option("--strict", is_flag=True, help="Refuse an image that lacks something, in place of a warning.")
@shared_options
def command(
    scripts: tuple[str, ...],
    everything: bool,
    check: bool,
    prune: bool,
    upgrade: bool,
    upgrade_base: bool,
    packages: tuple[str, ...],
    strict: bool,
    **options: Any,
) -> int | Document:
    """Lock scripts and write the files to review.

    SCRIPTS are scripts, images, or folders with the pyproject.toml of a project. What is locked already stays as it is,
    as long as it fits. A lock that answers its script needs no network.
    """
    _refuse_idle(check=check, upgrade=upgrade, upgrade_base=upgrade_base, packages=packages, strict=strict)
    context = open_context(**options)
    images: list[ScriptImage] = []
    gone = [leftover.problem() for leftover in find_gone(context.lockfiles)] if prune else []
    if scripts or everything or not prune:
        from onedigest.workspace.lock import tell_what_stays

        tell = gone.extend if check else partial(tell_what_stays, context) if prune else context.warn
        images = find_images(context, scripts, everything=everything, tell=tell)
    if check:
        from onedigest.workspace.check import check_images

        found = check_images(context, images, everything=everything, gone=dict.fromkeys(gone))
        return _finish_check(context, found, as_json=options["as_json"])
    from onedigest.lock.resolver import Upgrade
    from onedigest.workspace.lock import LockListener, lock_images
    from onedigest.workspace.lock import prune as prune_locks

    allowed = Upgrade(everything=upgrade, base=upgrade_base, packages=frozenset(packages))
    told = LockListener(partial(_say_result, context), _say_failed)
    results, errors = lock_images(context, images, allowed, everything=everything, strict=strict, told=told)
    pruned = {"pruned": prune_locks(context, images)} if prune else {}
    if options["as_json"]:
        return make_document(context, {"images": results, **pruned}, errors)
    return max((error.exit_code for error in errors), default=0)


def _refuse_idle(*, check: bool, **options: bool | tuple[str, ...]) -> None:
    """Raise `UsageError` where `--check`, which asks for nothing, stands beside an option that it would not heed."""
    names = {"packages": "--upgrade-package"}
    for name, value in options.items() if check else ():
        if value:
            option = names.get(name, "--" + name.replace("_", "-"))
            raise UsageError.of(
                f"--check holds what is written against its script, and does nothing of {option}",
                hint=f"call `onedigest generate` twice: with {option}, and with --check",
            )


def _finish_check(context: Context, found: CheckResult, *, as_json: bool) -> int | Document:
    error = DifferenceError(found.differences) if found.differences else None
    if as_json:
        return make_document(context, found, [error] if error else [])
    if error:
        raise error
    context.noticed(f"{plural(found.checked, 'lock')} checked")
    return 0


def _say_failed(script: str, error: OnedigestError) -> None:
    if script:
        say(f"{script}:")
    print_error(error)


def _say_result(context: Context, result: LockResult) -> None:
    from onedigest.workspace.lock import lines_of

    changed = [name.rpartition("/")[2] for name in result.changed]
    state = "locked" if LOCK_FILE in changed else "rules written" if changed else "unchanged"
    context.said(
        f"{result.name}: {state}, {plural(result.packages, 'package')} in {plural(result.wheels, 'wheel')}"
        f" on {result.base} with Python {result.python}"
    )
    for line in lines_of(result):
        context.said(f"  {line}")
