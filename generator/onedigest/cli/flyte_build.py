"""Knows how an image that Flyte asks for is locked, built and pushed: Flyte's builder starts this as a program.

It reads one JSON document from stdin and writes one to stdout: the reference of the image, or what is wrong.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from onedigest.application import File, digest_file, list_folder, read_rules
from onedigest.assembler.credential_files import find_rule
from onedigest.assembler.file_tree import is_below
from onedigest.checkout import read_inside
from onedigest.cli.build import Build
from onedigest.cli.building import Job, prepare, refuse_stale_rules, run_engine
from onedigest.cli.ending import explain
from onedigest.cli.engines import make_engine
from onedigest.cli.flyte_images import flyte_image
from onedigest.cli.image import Image
from onedigest.cli.locks import changed_since, lock_problems
from onedigest.cli.progress import Status
from onedigest.cli.session import Session
from onedigest.cli.wishes import Wishes
from onedigest.cli.words import say, shown
from onedigest.digest import hex_of
from onedigest.errors import DifferenceError, InputError, OnedigestError
from onedigest.flyte.definition import CodeBundle, Copy, Definition, loads
from onedigest.flyte.syntax import find_images, may_have_images
from onedigest.script import MOST_BYTES
from onedigest.shown_text import safe


def main() -> int:
    """Answer one request; return the exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    request: dict[str, Any] = json.load(sys.stdin)
    try:
        answer = {"reference": answer_request(request)}
    except OnedigestError as error:
        answer = {"error": safe(str(error))}
    except Exception as error:  # noqa: BLE001  the SDK waits for an answer
        answer = {"error": safe(str(explain(error)))}
    except KeyboardInterrupt:
        answer = {"error": "interrupted"}
    print(json.dumps(answer))
    return 1 if "error" in answer else 0


def answer_request(request: Mapping[str, Any]) -> str:
    """Return the reference of an image by its digest, which the registry has then; empty in a dry run without one."""
    session = Session(
        lockfiles=Path(request["lockfiles"]) if request["lockfiles"] else None,
        offline=False,
        insecure=tuple(request["insecure"]),
        as_json=False,
        quiet=False,
        verbose=False,
        color="auto",
    )
    locked = request["locked"] or os.environ.get("ONEDIGEST_LOCKED", "") not in ("", "0")
    asked = loads(request["definition"])
    definition = find_definition(asked, request["files"], python=request["python"], flyte=request["flyte"])
    repository = f"{asked.registry}/{asked.name}" if asked.registry else ""
    if not repository:
        raise _no_registry(asked, definition)
    image = flyte_image(session, definition)
    session.warn(image.script.warnings)
    problems = lock_problems(image, _read(image.lock_path), lambda _: changed_since(image.spec.script))
    if request["dry_run"]:
        return _say_dry_run(session, image, repository, "; ".join(each.message for each in problems))
    if problems and locked:
        raise DifferenceError(problems)
    if problems:
        _lock(session, image, problems[0].message)
    return _build(session, image, repository, request, locked=locked)


def find_definition(asked: Definition, files: list[str], *, python: str, flyte: str) -> Definition:
    """Return what a script's text says of an image that it defines, or else what Flyte says of it.

    The text tells more: which values are written there, and which are those of this machine.
    """
    for name in files:
        path = Path(name)
        try:
            text = read_inside(path, path.resolve().parent, name, MOST_BYTES).decode()
        except (InputError, UnicodeDecodeError):
            continue
        if not may_have_images(text):
            continue
        for written in find_images(text, path, shown(path)).definitions:
            if (matching := _matching(asked, written, python, flyte)) is not None:
                return matching
    if not files:
        raise InputError.of(
            f"no file is known that defines the image `{asked.name}`",
            hint="define it in a file, as a TaskEnvironment's image",
        )
    place = shown(Path(files[0]))
    say(f"{asked.name}: {place} cannot be read without being run, so `onedigest generate` does not know the image")
    return replace(asked, file=files[0], steps=_with_named_bundles(asked.steps, 0))


def _matching(asked: Definition, written: Definition, python: str, flyte: str) -> Definition | None:
    """Return a written definition, with the code that this run bakes into the image, if it is the one asked for."""
    plain = tuple(step for step in written.steps if not isinstance(step, CodeBundle))
    wanted = replace(
        written,
        registry=asked.registry,
        python="" if written.python == python else written.python,
        flyte="flyte" if written.flyte == flyte else written.flyte,
        steps=plain,
    )
    bundles = len(written.steps) - len(plain)
    kept = tuple(step for step in asked.steps if not (isinstance(step, CodeBundle) and not step.files))
    further = kept[len(plain) :]
    if replace(asked, steps=kept[: len(plain)]) != wanted or len(further) not in (0, bundles):
        return None
    return replace(written, steps=(*plain, *_with_named_bundles(further, bundles)))


def _with_named_bundles(steps: tuple[Any, ...], bundles: int) -> tuple[Any, ...]:
    """Take copies that stand for bundles, of the whole folder, for what they are."""
    if not bundles:
        return steps
    return tuple(
        CodeBundle(target=step.target, files=_files_below(Path(step.source))) if isinstance(step, Copy) else step
        for step in steps
    )


def _files_below(folder: Path) -> tuple[tuple[str, str], ...]:
    root, ignore = folder.resolve(), folder / ".dockerignore"
    rules = read_rules(ignore, root, shown(ignore)) if ignore.is_file() else None
    found, credentials, caches = [], list[str](), list[Path]()
    for file in list_folder(folder, rules, folder, caches.append):
        path = file.relative_to(folder).as_posix()
        if not is_below(file, root):
            raise InputError.of("is a link that leaves the folder", where=shown(file))
        if find_rule(path) or find_rule(file.resolve().relative_to(root).as_posix()):
            credentials.append(shown(file))
        else:
            found.append((path, str(file)))
    _say_left(credentials, "may hold credentials")
    _say_left([shown(each) for each in sorted(caches)], "programs made for this machine")
    return tuple(found)


def _say_left(places: list[str], why: str) -> None:
    if places:
        further = f" and {len(places) - 1} more" if len(places) > 1 else ""
        say(f"{places[0]}{further}, which {why}: left out of the code; to have it there, use `with_source_file`")


def _read(path: Path) -> str | None:
    from onedigest.rules.files import read

    return read(path)


def _no_registry(asked: Definition, definition: Definition) -> InputError:
    return InputError.of(
        f"image `{asked.name}` has no registry to be pushed to",
        where=f"{shown(Path(definition.file))}:{definition.line or 1}",
        hint="give it `registry=`, or set `image.registry` in Flyte's configuration or FLYTE_IMAGE_REGISTRY",
    )


def _lock(session: Session, image: Image, why: str) -> None:
    from onedigest.cli.generate import generate_one

    say(f"{image.spec.name}: {why}, so it is locked; review {shown(image.folder)}")
    generate_one(session, image)


def _say_dry_run(session: Session, image: Image, repository: str, problem: str) -> str:
    """Say what a build would do; return the reference that the last one gave, if the image is still that one."""
    from onedigest import record as records

    if problem:
        say(f"{image.spec.name}: {problem}: a build would lock it, build it and push it to {repository}")
        return ""
    job = _job(session, image, "embedded" if not image.spec.run else "buildx")
    text = _read(image.record_path)
    record = records.loads(text, shown(image.record_path)) if text else None
    if record and record.plan == job.plan.digest():
        say(f"{image.spec.name}: recorded as {record.index}; a build would push what {repository} lacks of it")
        return f"{repository}@{record.index}"
    say(f"{image.spec.name}: a build would make the image and push it to {repository}")
    return ""


def _job(session: Session, image: Image, engine: str) -> Job:
    """Read the lock of an image and arrange its plan, with the code that is baked into it for this run."""
    from onedigest.plan.arrange import arrange

    job = prepare(session, image, engine, locked=True, platforms=())
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


def _build(session: Session, image: Image, repository: str, request: Mapping[str, Any], *, locked: bool) -> str:
    engine = "buildx" if image.spec.run else "embedded"
    job = _job(session, image, engine)
    _say_other_flyte(job, request["flyte"])
    is_baked = bool(image.recipe and image.recipe.baked)
    if engine != "embedded":
        refuse_stale_rules(job, InputError)
    note = f"flyte/{hex_of(job.plan.digest())}" if is_baked else ""
    wishes = Wishes(push=True, repository=repository, locked=locked and not is_baked)
    build = Build(session=session, job=job, wishes=wishes, note=note)
    result = None if request["force"] else build.without_engine(embedded=engine == "embedded")
    if result is None:
        with Status(quiet=session.silent) as status:
            chosen = make_engine(engine, session, request["builder"] if engine == "buildx" else "", status)
            built = run_engine(session, job, chosen)
            status.clear()
            result = build.finish(built)
    reference: str = result["pushed"]["reference"]
    return reference


def _say_other_flyte(job: Job, flyte: str) -> None:
    """Say that the image has another version of Flyte than the one that starts its tasks."""
    _, _, here = flyte.partition("==")
    there = [package.version for package in job.lock.packages if package.name == "flyte"]
    if there and there != [here]:
        say(
            f"{job.image.spec.name}: the image has Flyte {there[0]}, and this is {here};"
            f" `onedigest generate --upgrade-package flyte {job.image.spec.script}` brings the newest"
        )


if __name__ == "__main__":
    sys.exit(main())
