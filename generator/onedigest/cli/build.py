"""Knows `onedigest build`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from onedigest.cli.fetch import bring
from onedigest.cli.session import Image, Session, read_lock, shared_options, sources
from onedigest.cli.words import amount, plural, print_json, say, shown, table
from onedigest.errors import DifferenceError, EngineError, UsageError
from onedigest.platforms import BY_NAME, Platform

if TYPE_CHECKING:
    from onedigest.engines.embedded import Built
    from onedigest.lock.model import Lock
    from onedigest.plan import Plan
    from onedigest.record import Record


@click.command()
@click.argument("names", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All images of the project.")
@click.option("--engine", default="embedded", show_default=True, help="What builds.")
@click.option("--locked", is_flag=True, help="Exit 3 unless the result is exactly what image.toml records.")
@click.option("--platform", "platforms", multiple=True, metavar="OS/ARCH", help="Build for this platform only.")
@click.option("--output", type=click.Path(path_type=Path), help="OCI layout, or a file that ends in .tar [dist/NAME].")
@shared_options
def command(
    names: tuple[str, ...],
    everything: bool,
    engine: str,
    locked: bool,
    platforms: tuple[str, ...],
    output: Path | None,
    **options: Any,
) -> int:
    """Build images and record their digests.

    NAMES are images or scripts. A script that has no lock yet is locked first, and inputs that are missing are fetched.
    """
    session = Session(**options)
    if engine != "embedded":
        raise EngineError.of(f"there is no engine `{engine}`", hint="the engines are embedded")
    images = session.images(names, everything=everything)
    if output and len(images) > 1:
        raise UsageError.of("--output names one place for several images", hint="build one image at a time")
    done = [_build(session, image, locked, platforms, output) for image in images]
    if session.as_json:
        print_json({"images": done})
    else:
        for each in done:
            print(each["digest"] if len(done) == 1 else f"{each['name']} {each['digest']}")
    return 0


def chosen_platforms(all_of_them: Iterable[Platform], names: tuple[str, ...]) -> tuple[Platform, ...]:
    """Return the platforms that `--platform` means, all of them where it is not given."""
    known = tuple(all_of_them)
    wrong = [name for name in names if BY_NAME.get(name) not in known]
    if wrong:
        raise UsageError.of(f"the image has no platform `{wrong[0]}`", hint=f"it has {', '.join(map(str, known))}")
    return tuple(each for each in known if not names or each.oci in names)


def _build(
    session: Session, image: Image, locked: bool, platforms: tuple[str, ...], output: Path | None
) -> dict[str, Any]:
    from onedigest import record as records
    from onedigest.application import collect
    from onedigest.oci.layout import holds, write
    from onedigest.plan import Plan, arrange

    _refuse_run(image)
    lock = _lock(session, image, locked)
    whole = arrange(image.spec, lock, collect(image.spec, image.script, image.script_folder))
    chosen = chosen_platforms(lock.platforms, platforms)
    plan = Plan(name=whole.name, platforms=tuple(each for each in whole.platforms if each.platform in chosen))
    record = _record(image, locked)
    target = output or image.folder.parent.parent / "dist" / image.spec.name
    complete = plan == whole
    if complete and record and record.plan == plan.digest() and holds(target, record.index):
        if not session.quiet and not session.as_json:
            say(f"{image.spec.name}: unchanged")
        return _result(record, target, ())
    built = _run_engine(session, image, lock, plan, record if locked else None)
    found = records.from_image(plan, built.image)
    if record and locked:
        _compare(record, found)
    write(built.image, built.blobs, target)
    if complete and not locked:
        from onedigest.rules.files import write as write_files

        write_files(image.folder, {records.FILE_NAME: records.dumps(found)})
    if not session.quiet and not session.as_json:
        _say_built(image, built, target)
        for title in built.made if session.verbose else ():
            say(f"  made: {title}")
    return _result(found, target, built.made)


def _result(record: Record, target: Path, made: tuple[str, ...]) -> dict[str, Any]:
    platforms = {each.platform: {"manifest": each.manifest, "config": each.config} for each in record.platforms}
    return {
        "name": record.name,
        "digest": record.index,
        "output": shown(target),
        "made": list(made),
        "platforms": platforms,
    }


def _refuse_run(image: Image) -> None:
    if image.spec.run:
        raise EngineError.of(
            "`run` needs an engine that runs commands, which the embedded one does not",
            where=image.script.where("tool.onedigest.run"),
            hint="leave `run` out: nothing is executed in an image that the embedded engine builds",
        )


def _run_engine(session: Session, image: Image, lock: Lock, plan: Plan, record: Record | None) -> Built:
    from onedigest.engines import embedded
    from onedigest.fetching import inputs_of_layers

    known = record.layers() if record else {}
    bring(session, image, lock, inputs_of_layers(embedded.missing_layers(plan, session.store, known)))
    return embedded.build(plan, inputs=image.inputs, store=session.store, known=known, workers=session.workers)


def _lock(session: Session, image: Image, locked: bool) -> Lock:
    if not image.lock_path.exists() and not locked:
        from onedigest.cli.generate import generate_one
        from onedigest.lock.resolver import Upgrade

        if not session.quiet and not session.as_json:
            say(f"{image.spec.name}: no lock yet, so one is generated")
        generate_one(image, Upgrade(), sources(session))
    return read_lock(image)


def _record(image: Image, locked: bool) -> Record | None:
    from onedigest import record as records
    from onedigest.rules.files import read

    text = read(image.record_path)
    if text is None:
        if locked:
            raise DifferenceError.of(
                "--locked: no build is recorded",
                where=shown(image.record_path),
                hint="run `onedigest build` without --locked",
            )
        return None
    return records.loads(text, shown(image.record_path))


def _compare(record: Record, found: Record) -> None:
    from onedigest.record import differences

    rows = differences(record, found)
    if rows:
        lines = table(("what", "recorded", "built"), [tuple(_short(cell) for cell in row) for row in rows])
        raise DifferenceError.of(
            f"{record.name}: the image is not the recorded one\n" + "\n".join(f"  {line}" for line in lines),
            hint="run `onedigest build` without --locked and review image.toml",
        )


def _short(text: str) -> str:
    import re

    return re.sub(r"sha256:([0-9a-f]{12})[0-9a-f]{52}", r"\1", text)


def _say_built(image: Image, built: Built, target: Path) -> None:
    layers = built.image.layers()
    say(
        f"{image.spec.name}: {plural(len(layers), 'layer')}, {amount(sum(layer.size for layer in layers))},"
        f" {len(built.made)} made, in {shown(target)}"
    )
