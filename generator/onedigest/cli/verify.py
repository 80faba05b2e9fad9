"""The command `onedigest verify`."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from onedigest.cli.building import Job, prepare, refuse_stale_rules, run_engine
from onedigest.cli.engines import NAMES, check_engine, make_engine
from onedigest.cli.image import Image
from onedigest.cli.images import find_images
from onedigest.cli.progress import Status
from onedigest.cli.records import record_problems
from onedigest.cli.session import Session, shared_options
from onedigest.cli.words import print_json, print_problem, print_table, put, say, shown, table
from onedigest.errors import DifferenceError, EngineError, Problem
from onedigest.formats import LOCK_FILE

if TYPE_CHECKING:
    from onedigest.engines.variations import BuildFiles
    from onedigest.plan.record import Record


@click.command()
@click.argument("names", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All images of the project.")
@click.option("--engine", default="", help="Build with this engine too, or with `all`, instead of varying the build.")
@click.option("--builder", default="", metavar="NAME", help="The builder of buildx [the current one].")
@shared_options
def command(names: tuple[str, ...], everything: bool, engine: str, builder: str, **options: Any) -> int:
    """Build again while what must not matter varies, or with other engines, and compare.

    Nothing is recorded. Exits 3 when an image is another than it should be.
    """
    if engine != "all":
        check_engine(engine or "embedded", builder)
    session = Session(**options)
    with Status(quiet=session.silent) as status:
        images = find_images(session, names, everything=everything)
        if problems := [problem for image in images for problem in record_problems(image)]:
            raise DifferenceError(problems)
        if engine:
            chosen = NAMES if engine == "all" else tuple(dict.fromkeys(("embedded", engine)))
            compared = [_compare_engines(session, image, chosen, builder, status) for image in images]
            return _finish_engines(session, compared)
        done = [_vary(session, image, status) for image in images]
    if session.as_json:
        print_json({"images": done})
    return 0


def _vary(session: Session, image: Image, status: Status) -> dict[str, Any]:
    """Build an image under each variation. Raises `DifferenceError` for the first that moves it."""
    from onedigest.engines.variations import build_varied, list_variations
    from onedigest.plan import record as records

    embedded = make_engine("embedded", session, "", status)
    job = prepare(session, image, "embedded", locked=True, platforms=())
    _bring_all(session, job)
    expected = records.from_image(job.plan, run_engine(session, job, embedded).image)
    faketime = shutil.which("faketime")
    variations = list_variations(faketime)
    for number, variation in enumerate(variations, 1):
        status.show(f"{image.spec.name}: {variation.name} ({number} of {len(variations)})")
        built = build_varied(_project(session, job), variation, session.store, dict(os.environ))
        if built.digest != expected.index:
            found = records.loads(built.record, shown(image.record_path))
            raise _moved(image.spec.name, variation.name, expected, found)
    names = [variation.name for variation in variations]
    if not session.as_json:
        put(f"{image.spec.name}: identical under {len(names)} variations: {', '.join(names)}")
        if not faketime:
            say("the clock was not varied: there is no `faketime` on PATH")
    skipped = [] if faketime else [{"variation": "clock", "reason": "there is no `faketime` on PATH"}]
    return {"name": image.spec.name, "digest": expected.index, "variations": names, "skipped": skipped}


def _moved(name: str, variation: str, expected: Record, found: Record) -> DifferenceError:
    from onedigest.plan.record import differences

    lines = table(("what", "before", f"other {variation}"), differences(expected, found))
    return DifferenceError.of(
        f"{name}: another {variation} gives another image\n" + "\n".join(f"  {line}" for line in lines),
        hint="this is a fault of onedigest: please report it with this table",
    )


def _bring_all(session: Session, job: Job) -> None:
    from onedigest.cli.fetch import bring
    from onedigest.plan.inputs import inputs_of

    bring(session, job.image, job.lock, inputs_of(job.lock, job.lock.platforms))


def _project(session: Session, job: Job) -> BuildFiles:
    from onedigest.engines.variations import BuildFiles
    from onedigest.lock.base.proof import documents
    from onedigest.plan.inputs import inputs_of

    image, store = job.image, session.store
    lockfiles = image.folder.parent.resolve()
    root, folder = lockfiles.parent, image.script_folder.as_posix()
    script = os.path.join(root, image.spec.script)  # noqa: PTH118  it may be an absolute path
    files = [script, f"{lockfiles}/{image.spec.name}/{LOCK_FILE}"]
    files += [f"{folder}/{file.place}" for file in job.files if not isinstance(file.content, bytes)]
    if image.spec.ignore_file:
        files.append(f"{folder}/{image.spec.ignore_file}")
    for path in (*(image.recipe.read if image.recipe else ()), *image.read, *_sources(job)):
        files.append(f"{path.parent.resolve()}/{path.name}")
    # by the last one, the folder of locks is told from what a local project is made of
    around = ("onedigest.toml", "pyproject.toml", f"{lockfiles.name}/.gitignore")
    files += [f"{root}/{name}" for name in around if (root / name).is_file()]
    files = [os.path.normpath(each) for each in files]
    # the uv.lock of a project may be above the folder that its own lock is in
    base = root if not image.read else Path(os.path.commonpath([root, *files]))
    inputs = inputs_of(job.lock, job.lock.platforms)
    digests = {str(digest) for digest, _ in inputs.pinned()}
    digests |= set(documents(job.lock.base, session.access, store))
    return BuildFiles(
        root=base,
        files=tuple(sorted({os.path.relpath(each, base) for each in files})),
        image=image.spec.name if image.recipe else os.path.relpath(script, base),  # one of Flyte may have several
        lockfiles=os.path.relpath(lockfiles, base),
        digests=tuple(sorted(digests)),
    )


def _sources(job: Job) -> list[Path]:
    """Return the files of the local projects that wheels of a lock were built of."""
    from onedigest.from_source.model import Kind
    from onedigest.from_source.trees import list_tree
    from onedigest.lock.repository import find_root

    folder = job.image.script_folder
    places = [each.origin for each in job.lock.packages if each.origin and each.origin.kind is Kind.DIRECTORY]
    found = []
    for origin in places:
        place = folder / origin.path / origin.subdirectory
        tree = list_tree(place, find_root(folder), os.environ, job.image.spec.script)
        found += [place / entry.path for entry in tree.entries]
    return found


def _compare_engines(
    session: Session, image: Image, chosen: tuple[str, ...], builder: str, status: Status
) -> dict[str, Any]:
    """Build an image with several engines; return the rows of each, and the reasons of those that did not build."""
    from onedigest.plan import record as records

    rows: dict[str, dict[str, str]] = {}
    missing: dict[str, str] = {}
    differing: list[Problem] = []
    for name in chosen:
        status.show(f"{image.spec.name}: {name}")
        try:
            engine = make_engine(name, session, builder if name != "embedded" else "", status)
            job = prepare(session, image, name, locked=True, platforms=())
            refuse_stale_rules(job, DifferenceError)
            engine.check(job.plan)
        except EngineError as error:
            missing[name] = str(error)
            continue
        try:
            rows[name] = _rows(records.from_image(job.plan, run_engine(session, job, engine).image))
        except DifferenceError as error:
            differing += error.problems
            missing[name] = "it built another image"
    return {"name": image.spec.name, "engines": rows, "missing": missing, "differing": differing}


def _rows(record: Record) -> dict[str, str]:
    rows = {"index": str(record.index)}
    for platform in record.platforms:
        rows[f"{platform.platform} manifest"] = platform.manifest
        rows[f"{platform.platform} config"] = platform.config
        for layer in platform.layers:
            rows[f"{platform.platform} {layer.holds}"] = layer.descriptor.diff_id
    return rows


def _finish_engines(session: Session, compared: list[dict[str, Any]]) -> int:
    problems: list[Problem] = []
    for each in compared:
        problems += each.pop("differing")
        each["equal"] = len({tuple(rows.items()) for rows in each["engines"].values()}) == 1
        if not each["equal"]:
            problems.append(Problem(f"{each['name']}: the engines built different images"))
        if not session.as_json:
            _show_engines(each)
    if session.as_json:
        print_json({"images": compared})
        for problem in problems:
            print_problem("error", problem)
        return DifferenceError.exit_code if problems else 0
    if problems:
        raise DifferenceError(problems)
    return 0


def _show_engines(compared: dict[str, Any]) -> None:
    engines: dict[str, dict[str, str]] = compared["engines"]
    whats = list(dict.fromkeys(what for rows in engines.values() for what in rows))
    lines = []
    for what in whats:
        found = [rows.get(what, "absent") for rows in engines.values()]
        alone = len(found) == 1
        mark = "" if alone else "equal" if len(set(found)) == 1 else "differs"
        lines.append((_short(what), *(digest[7:19] for digest in found), mark))
    put(compared["name"])
    print_table(("what", *engines, ""), lines)
    for name, reason in compared["missing"].items():
        say(f"{name}: not compared: {reason}")


def _short(what: str) -> str:
    return what if len(what) <= 60 else f"{what[:57]}..."
