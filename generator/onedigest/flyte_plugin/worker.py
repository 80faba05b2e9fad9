"""The locking, building and pushing of an image for Flyte, which Flyte's builder has done in a process."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from onedigest.assembler.file_tree import is_below
from onedigest.definition.files import File, digest_file
from onedigest.definition.flyte.definition import Copy, Definition, loads
from onedigest.digest import hex_of, of_bytes
from onedigest.errors import DifferenceError, InputError, OnedigestError, Problem, generating
from onedigest.explained import explain
from onedigest.flyte_plugin.answers import Answer, ProjectFiles, remember
from onedigest.flyte_plugin.context import FlyteContext
from onedigest.flyte_plugin.written import as_told, find_written
from onedigest.oci.media import MANIFEST_TYPES
from onedigest.shown_text import safe
from onedigest.store import exclusive
from onedigest.terminal.ending import Signals
from onedigest.terminal.output import say
from onedigest.wording import shown
from onedigest.workspace.build import Build
from onedigest.workspace.build_options import BuildOptions
from onedigest.workspace.choose_engine import make_engine
from onedigest.workspace.context import Context
from onedigest.workspace.flyte_images import flyte_image
from onedigest.workspace.image_sources import sources
from onedigest.workspace.locks import changed_since, code_problems, lock_problems, read_lock
from onedigest.workspace.planned_image import PlannedImage, prepare, refuse_stale_rules, run_engine
from onedigest.workspace.push import content_tag
from onedigest.workspace.script_image import ScriptImage


def answer_line(line: bytes) -> dict[str, str]:
    """Answer the request that a line of JSON holds: the reference of an image, or what is wrong."""
    signals = Signals()
    try:
        with signals.caught():
            return {"reference": answer_request(json.loads(line))}
    except OnedigestError as error:
        return {"error": safe(str(error))}
    except Exception as error:  # noqa: BLE001  the SDK waits for an answer
        return {"error": safe(str(explain(error)))}
    except KeyboardInterrupt:
        return {"error": "interrupted"}


def answer_request(request: Mapping[str, Any]) -> str:
    """Return the reference of an image by its digest, which the registry has then; empty in a dry run without one."""
    context = FlyteContext(request)
    try:
        return _answer(context, request)
    finally:
        context.flush()


def _answer(context: FlyteContext, request: Mapping[str, Any]) -> str:
    locked = request["locked"] or context.variables.get("ONEDIGEST_LOCKED", "") not in ("", "0")
    asked, files = loads(request["definition"]), request["files"]
    before = _look(context, files)
    written = find_written(asked, files, python=request["python"], flyte=request["flyte"], root_of=context.root)
    definition, script = written or as_told(context, asked, files, request["python"], request["flyte"])
    repository = f"{asked.registry}/{asked.name}" if asked.registry else ""
    if not repository:
        raise _no_registry(asked, definition)
    siblings = [loads(each) for each in request["siblings"]]
    with _alone(context, lambda: flyte_image(context, definition, script, siblings)) as image:
        context.warn(image.script.warnings)
        whose = image.spec.script if written else f"the image of {image.spec.script}"
        problems = lock_problems(image, _read(image.lock_path), lambda _: changed_since(whose))
        problems = problems or code_problems(image, read_lock(image), partial(sources, context, image))
        context.begin(image, anew=bool(problems))
        if request["dry_run"]:
            return _say_dry_run(context, image, repository, "; ".join(each.message for each in problems))
        if problems and locked:
            raise DifferenceError(problems if written else _built_to_mend(problems, image))
        if problems:
            _lock(context, image, problems[0].message)
        job = _job(context, image, locked=locked)
        _say_other_flyte(context, job, request["flyte"], is_read=bool(written))
        reference, present = _build(context, job, repository, request, locked=locked)
        if before and not (image.recipe and image.recipe.baked):
            with suppress(OSError, ValueError):  # the next build looks at all again
                _keep(context, request, before, job, definition, reference, present)
        return reference


def _look(context: Context, files: list[str]) -> ProjectFiles | None:
    """Return the files of the project as they are before any is read; None where there are too many."""
    if not files:
        return None
    folder = Path(files[0]).resolve().parent
    lockfiles = context.lockfiles_of(context.project(folder))
    try:
        project = ProjectFiles(context.root(folder).resolve(), lockfiles.name, files)
    except OSError:
        return None
    return project if project.is_whole else None


def _keep(
    context: Context,
    request: Mapping[str, Any],
    before: ProjectFiles,
    job: PlannedImage,
    definition: Definition,
    reference: str,
    said: str,
) -> None:
    """Keep what was answered for the next build, unless files count that nobody looks at."""
    from onedigest.from_source.model import Kind

    image = job.image
    copied = [Path(step.source) for step in definition.steps if isinstance(step, Copy)]
    if before.passed and job.files:
        folders = copied or [before.root]
        if any(is_below(Path(each), folder) for each in before.passed for folder in folders):
            return
    is_elsewhere = image.folder.parent.resolve() != before.root / before.lockfiles
    is_built = any(each.origin and each.origin.kind is Kind.DIRECTORY for each in job.lock.packages)
    is_above = any(not is_below(path, before.root) for path in (image.recipe.read if image.recipe else ()))
    if is_elsewhere or is_above or is_built or read_lock(image) != job.lock:
        return
    name, _, index = reference.partition("@")
    registry, _, repository = name.partition("/")
    accept = ", ".join(MANIFEST_TYPES)
    answer = Answer(registry, repository, tag=content_tag(job), digest=index, accept=accept, said=said)
    remember(context.store, request, image.spec.name, before, answer)


@contextmanager
def _alone(context: Context, make: Callable[[], ScriptImage]) -> Iterator[ScriptImage]:
    """Give an image whose lock nothing else that builds for Flyte reads or writes meanwhile; builds of it wait.

    While one waited, another script may have taken the name.
    """
    while True:
        image = make()
        text = _read(image.lock_path)
        place = context.store.root / "flyte-locks" / hex_of(of_bytes(os.fsencode(image.lock_path.resolve())))
        waits = f"{image.spec.name}: another build has its lock, and is waited for"
        with ExitStack() as held:
            with suppress(OSError, InputError):  # whoever may write no cache builds nothing, and needs not wait
                held.enter_context(exclusive(place, partial(say, waits)))
            if _read(image.lock_path) == text:
                yield image
                return


def _read(path: Path) -> str | None:
    from onedigest.rules.files import read

    return read(path)


def _no_registry(asked: Definition, definition: Definition) -> InputError:
    return InputError.of(
        f"image `{asked.name}` has no registry to be pushed to",
        where=f"{shown(Path(definition.file))}:{definition.line or 1}",
        hint="give it `registry=`, or set `image.registry` in Flyte's configuration or FLYTE_IMAGE_REGISTRY",
    )


def _lock(context: Context, image: ScriptImage, why: str) -> None:
    from onedigest.workspace.lock import generate_one

    say(f"{image.spec.name}: {why}, so it is locked; review {shown(image.folder)}")
    generate_one(context, image)


def _say_dry_run(context: FlyteContext, image: ScriptImage, repository: str, problem: str) -> str:
    """Say what a build would do; return the reference that the last one gave, if the image is still that one."""
    from onedigest.plan import record as records

    if problem:
        say(f"{image.spec.name}: {problem}: a build would lock it, build it and push it to {repository}")
        return ""
    job = _job(context, image, locked=False)
    text = _read(image.record_path)
    record = records.loads(text, shown(image.record_path)) if text else None
    if record and record.plan == job.plan.digest():
        say(f"{image.spec.name}: recorded as {record.index}; a build would push what {repository} lacks of it")
        return f"{repository}@{record.index}"
    say(f"{image.spec.name}: a build would make the image and push it to {repository}")
    return ""


def _job(context: Context, image: ScriptImage, *, locked: bool) -> PlannedImage:
    """Read the lock of an image and arrange its plan, with the code that is baked into it for this run."""
    from onedigest.plan.arrange import arrange

    engine = "buildx" if image.spec.run else "embedded"
    job = prepare(context, image, engine, locked=locked, platforms=())
    baked = image.recipe.baked if image.recipe else ()
    if not baked:
        return job
    if engine != "embedded":
        raise InputError.of(
            "an image with commands cannot have the code of one run in it",
            where=image.script.where(""),
            hint="add the code with `with_source_folder` instead of `with_code_bundle`",
        )
    files = {file.target: file for file in job.files} | {file.target: file for file in map(_baked, baked)}
    ordered = tuple(files[target] for target in sorted(files))
    plan = arrange(image.spec, job.lock, ordered)
    return replace(job, files=ordered, whole=plan, plan=plan)


def _baked(pair: tuple[str, str]) -> File:
    target, path = pair[0], Path(pair[1])
    digest, executable = digest_file(path, path.resolve().parent, shown(path))
    return File(target=target, digest=digest, executable=executable, content=path)


def _build(
    context: FlyteContext, job: PlannedImage, repository: str, request: Mapping[str, Any], *, locked: bool
) -> tuple[str, str]:
    """Build and push an image unless it is there; return its reference, and what is said where it is there."""
    image = job.image
    is_baked = bool(image.recipe and image.recipe.baked)
    if job.engine != "embedded":
        refuse_stale_rules(job, InputError)
    note = f"flyte/{hex_of(job.plan.digest())}" if is_baked else ""
    asked = BuildOptions(push=True, repository=repository, locked=locked and not is_baked)
    build = Build(context=context, job=job, options=asked, note=note)
    result = None if request["force"] else build.without_engine(embedded=job.engine == "embedded")
    if result is None:
        with context.events.status() as status:
            chosen = make_engine(job.engine, context, request["builder"] if job.engine == "buildx" else "", status)
            built = run_engine(context, job, chosen)
            status.clear()
            result = build.finish(built)
    pushed = result.pushed
    assert pushed, "a build that pushes says where to"
    return pushed.reference, f"{image.spec.name}: pushed already, as {repository}:{pushed.tags[0]}"


def _built_to_mend(problems: Iterable[Problem], image: ScriptImage) -> list[Problem]:
    """Have a build mend what `generate` cannot, for only running the script tells the image."""
    hint = "have Flyte build the image without ONEDIGEST_LOCKED and `locked=True`, and check its lock in"
    command = generating(image.spec.script)
    return [replace(each, hint=hint) if command in each.hint else each for each in problems]


def _say_other_flyte(context: FlyteContext, job: PlannedImage, flyte: str, *, is_read: bool) -> None:
    """Say that the image has another version of Flyte than the one that starts its tasks."""
    _, _, here = flyte.partition("==")
    there = next((package.version for package in job.lock.packages if package.name == "flyte"), here)
    if there == here:
        return
    if _is_newer(there, here):
        hint = f"`pip install flyte=={there}` brings the same"
    elif is_read:
        hint = f"`{generating(job.image.spec.script)} --upgrade-package flyte` brings the newest"
    else:
        hint = f"without {shown(job.image.lock_path)}, the next build chooses all anew"
    context.advise(f"{job.image.spec.name}: the image has Flyte {there}, and this is {here}; {hint}")


def _is_newer(version: str, than: str) -> bool:
    from packaging.version import InvalidVersion, Version

    try:
        return Version(version) > Version(than)
    except InvalidVersion:  # of a checkout of the SDK
        return False
