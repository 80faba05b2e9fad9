"""The proof of images: built again under other conditions, or with other engines, and compared."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from onedigest.errors import DifferenceError, EngineError, Problem
from onedigest.formats import LOCK_FILE
from onedigest.wording import shown, table
from onedigest.workspace.choose_engine import NAMES, make_engine
from onedigest.workspace.context import Context
from onedigest.workspace.events import Status
from onedigest.workspace.interpreters import interpreter_finder
from onedigest.workspace.planned_image import PlannedImage, prepare, refuse_stale_rules, run_engine
from onedigest.workspace.records import record_problems
from onedigest.workspace.results import EnginesResult, Skipped, VerifyResult
from onedigest.workspace.script_image import ScriptImage

if TYPE_CHECKING:
    from onedigest.engines.variations import BuildFiles
    from onedigest.plan.record import Record


def verify_images(
    context: Context, images: Sequence[ScriptImage], tell: Callable[[VerifyResult], object] = lambda _: None
) -> list[VerifyResult]:
    """Build images again under each variation of what must not matter; `tell` is told of each at once.

    Raises `DifferenceError` for the first variation that moves an image. Nothing is recorded.
    """
    _refuse_bad_records(images)
    results = []
    with context.events.status() as status:
        for image in images:
            results.append(_vary(context, image, status))
            tell(results[-1])
    return results


def compare_engines(
    context: Context, images: Sequence[ScriptImage], engine: str, builder: str = ""
) -> tuple[list[EnginesResult], list[Problem]]:
    """Build images with the embedded engine and another one, or with `all`; return what each built, and what differs.

    Nothing is recorded.
    """
    _refuse_bad_records(images)
    chosen = NAMES if engine == "all" else tuple(dict.fromkeys(("embedded", engine)))
    results, differing = [], []
    with context.events.status() as status:
        for image in images:
            result, problems = _compare_engines(context, image, chosen, builder, status)
            results.append(result)
            differing += problems
    for result in results:
        if not result.equal:
            differing.append(Problem(f"{result.name}: the engines built different images"))
    return results, differing


def _refuse_bad_records(images: Iterable[ScriptImage]) -> None:
    if problems := [problem for image in images for problem in record_problems(image)]:
        raise DifferenceError(problems)


def _vary(context: Context, image: ScriptImage, status: Status) -> VerifyResult:
    """Build an image under each variation. Raises `DifferenceError` for the first that moves it."""
    from onedigest.engines.variations import build_varied, list_variations
    from onedigest.plan import record as records

    embedded = make_engine("embedded", context, "", status)
    job = prepare(context, image, "embedded", locked=True, platforms=())
    _bring_all(context, job)
    expected = records.from_image(job.plan, run_engine(context, job, embedded).image)
    faketime = shutil.which("faketime")
    variations = list_variations(faketime)
    project = _project(context, job)
    for number, variation in enumerate(variations, 1):
        status.show(f"{image.spec.name}: {variation.name} ({number} of {len(variations)})")
        built = build_varied(project, variation, context.store, dict(context.variables))
        if built.digest != expected.index:
            found = records.loads(built.record, shown(image.record_path))
            raise _moved(image.spec.name, variation.name, expected, found)
    names = tuple(variation.name for variation in variations)
    skipped = () if faketime else (Skipped(variation="clock", reason="there is no `faketime` on PATH"),)
    return VerifyResult(name=image.spec.name, digest=expected.index, variations=names, skipped=skipped)


def _moved(name: str, variation: str, expected: Record, found: Record) -> DifferenceError:
    from onedigest.plan.record import differences

    lines = table(("what", "before", f"other {variation}"), differences(expected, found))
    return DifferenceError.of(
        f"{name}: another {variation} gives another image\n" + "\n".join(f"  {line}" for line in lines),
        hint="this is a fault of onedigest: please report it with this table",
    )


def _bring_all(context: Context, job: PlannedImage) -> None:
    from onedigest.plan.inputs import inputs_of
    from onedigest.workspace.fetch_inputs import fetch_inputs_of

    fetch_inputs_of(context, job.image, job.lock, inputs_of(job.lock, job.lock.platforms))


def _project(context: Context, job: PlannedImage) -> BuildFiles:
    from onedigest.engines.variations import BuildFiles
    from onedigest.lock.base.proof import documents
    from onedigest.plan.inputs import inputs_of

    image, store = job.image, context.store
    lockfiles = image.folder.parent.resolve()
    root, folder = lockfiles.parent, image.script_folder.as_posix()
    script = os.path.join(root, image.spec.script)  # noqa: PTH118  it may be an absolute path
    files = [script, f"{lockfiles}/{image.spec.name}/{LOCK_FILE}"]
    files += [f"{folder}/{file.place}" for file in job.files if not isinstance(file.content, bytes)]
    if image.spec.ignore_file:
        files.append(f"{folder}/{image.spec.ignore_file}")
    for path in (*(image.recipe.read if image.recipe else ()), *image.read, *_sources(context, job)):
        files.append(f"{path.parent.resolve()}/{path.name}")
    # by the last one, the folder of locks is told from what a local project is made of
    around = ("onedigest.toml", "pyproject.toml", f"{lockfiles.name}/.gitignore")
    files += [f"{root}/{name}" for name in around if (root / name).is_file()]
    files = [os.path.normpath(each) for each in files]
    # the uv.lock of a project may be above the folder that its own lock is in
    base = root if not image.read else Path(os.path.commonpath([root, *files]))
    compiled = [layer for layer in job.plan.layers() if layer.bytecode]
    inputs = inputs_of(job.lock, job.lock.platforms)
    digests = {str(digest) for digest, _ in inputs.pinned()}
    digests |= set(documents(job.lock.base, context.access, store))
    return BuildFiles(
        root=base,
        files=tuple(sorted({os.path.relpath(each, base) for each in files})),
        image=image.spec.name if image.recipe else os.path.relpath(script, base),  # one of Flyte may have several
        lockfiles=os.path.relpath(lockfiles, base),
        digests=tuple(sorted(digests)),
        libraries=tuple(layer for layer in compiled if layer.bytecode and layer.bytecode.library),
        programs=_programs(context, job) if compiled else "",
    )


def _programs(context: Context, job: PlannedImage) -> str:
    """Return the folder of the Python that compiles, which another home would hide; nothing for the base's own."""
    command = interpreter_finder(context, job.image, job.lock)().command
    return os.path.dirname(command[0]) if len(command) == 1 else ""  # noqa: PTH120  as the other paths here


def _sources(context: Context, job: PlannedImage) -> list[Path]:
    """Return the files of the local projects that wheels of a lock were built of."""
    from onedigest.from_source.model import Kind
    from onedigest.from_source.trees import list_tree
    from onedigest.lock.repository import find_root

    folder = job.image.script_folder
    places = [each.origin for each in job.lock.packages if each.origin and each.origin.kind is Kind.DIRECTORY]
    found = []
    for origin in places:
        place = folder / origin.path / origin.subdirectory
        tree = list_tree(place, find_root(folder), context.variables, job.image.spec.script)
        found += [place / entry.path for entry in tree.entries]
    return found


def _compare_engines(
    context: Context, image: ScriptImage, chosen: tuple[str, ...], builder: str, status: Status
) -> tuple[EnginesResult, list[Problem]]:
    """Build an image with several engines; return the rows of each, and what those did wrong that built another one."""
    from onedigest.plan import record as records

    rows: dict[str, dict[str, str]] = {}
    missing: dict[str, str] = {}
    differing: list[Problem] = []
    for name in chosen:
        status.show(f"{image.spec.name}: {name}")
        try:
            engine = make_engine(name, context, builder if name != "embedded" else "", status)
            job = prepare(context, image, name, locked=True, platforms=())
            refuse_stale_rules(job, DifferenceError)
            engine.check(job.plan)
        except EngineError as error:
            missing[name] = str(error)
            continue
        try:
            rows[name] = _rows(records.from_image(job.plan, run_engine(context, job, engine).image))
        except DifferenceError as error:
            differing += error.problems
            missing[name] = "it built another image"
    equal = len({tuple(each.items()) for each in rows.values()}) == 1
    return EnginesResult(name=image.spec.name, engines=rows, missing=missing, equal=equal), differing


def _rows(record: Record) -> dict[str, str]:
    rows = {"index": str(record.index)}
    for platform in record.platforms:
        rows[f"{platform.platform} manifest"] = platform.manifest
        rows[f"{platform.platform} config"] = platform.config
        for layer in platform.layers:
            rows[f"{platform.platform} {layer.holds}"] = layer.descriptor.diff_id
    return rows
