"""The building of images: what is recorded of each, and where it goes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from onedigest.checkout import write_bytes
from onedigest.errors import DifferenceError, InputError, Problem
from onedigest.formats import RECORD_FILE
from onedigest.wording import amount, plural, shown, table
from onedigest.workspace.build_options import BuildOptions
from onedigest.workspace.choose_engine import check_engine, make_engine
from onedigest.workspace.context import Context
from onedigest.workspace.events import Status
from onedigest.workspace.missing_parts import look_at
from onedigest.workspace.output_names import names_of
from onedigest.workspace.planned_image import PlannedImage, fetch_base, prepare, refuse_stale_rules, run_engine
from onedigest.workspace.records import read_record
from onedigest.workspace.results import BuildResult, PlatformResult
from onedigest.workspace.script_image import ScriptImage
from onedigest.workspace.uncompiled import tell_uncompiled
from onedigest.workspace.wheel_problems import refuse_unfit_wheels

if TYPE_CHECKING:
    from onedigest.assembler.descriptor import Descriptor
    from onedigest.assembler.image import Image
    from onedigest.digest import Digest
    from onedigest.engines.engine import Built
    from onedigest.plan.record import Record
    from onedigest.workspace.push import Push


def build_images(
    context: Context, find: Callable[[], list[ScriptImage]], options: BuildOptions, engine: str, builder: str = ""
) -> list[BuildResult]:
    """Build images with an engine, and record, push or load them as is asked for.

    `find` gives the images, after everything else that can be refused was looked at. Raises `UsageError` for options
    that have no meaning together, and `DifferenceError` where a locked image is not the recorded one.
    """
    options.check()
    with context.events.status() as status:
        check_engine(engine, builder)
        options.check_engine(engine)
        builds_with = None if engine == "embedded" else make_engine(engine, context, builder, status)
        images = find()
        options.check_several(len(images))
        results = []
        for image in images:
            job = prepare(context, image, engine, locked=options.locked, platforms=options.platforms)
            if options.debug:
                results.append(_build_debug(context, job, options, status))
                continue
            build = Build(context=context, job=job, options=options)
            if engine != "embedded":
                refuse_stale_rules(job, InputError)
            result = build.without_engine(embedded=engine == "embedded")
            if result is None:
                builds_with = builds_with or make_engine(engine, context, builder, status)
                built = run_engine(context, job, builds_with, build.recorded_layers(engine))
                status.clear()
                result = build.finish(built)
            result = replace(result, uncompiled=tell_uncompiled(context, image, job.plan))
            refuse_unfit_wheels(context, image, job.lock, [each.platform for each in job.plan.platforms])
            look_at(context, image, job.lock, job.files, job.plan)
            results.append(result)
    return results


class Build:
    """One image: what is recorded of it, and where it goes.

    `note` is where the store keeps the record of an image that image.toml is not about, and `called` what its folder in
    `dist` is called, if not as the image.
    """

    def __init__(
        self, *, context: Context, job: PlannedImage, options: BuildOptions, note: str = "", called: str = ""
    ) -> None:
        self._context = context
        self._job = job
        self._options = options
        self._note = note
        image = job.image
        written = not options.push or options.output is not None
        own = image.folder.parent.parent / "dist" / (called or image.spec.name)
        self._target = (options.output or own) if written else None
        self._names = names_of(image.spec, options.repository, options.tags)
        self.record = _noted(context, note) if note else read_record(context, image, locked=options.locked)
        if options.push:
            _ = self._push  # refuses what is no repository before any work
        if options.locked:
            refuse_stale_rules(job, DifferenceError)

    @property
    def _complete(self) -> bool:
        return self._job.plan == self._job.whole

    @cached_property
    def _push(self) -> Push:
        from onedigest.workspace.push import Push

        return Push(self._context, self._job, self._options.repository, self._options.tags)

    def without_engine(self, *, embedded: bool) -> BuildResult | None:
        """Return the result where the recorded image is there already, or only has to be pushed.

        What a record says counts once this machine made every layer of the plan, and they give the recorded image.
        """
        from onedigest.plan import record as records

        record = self.record
        if self._options.load or not record or record.plan != self._job.plan.digest():
            return None
        pushes_alone = self._options.push and self._target is None
        if pushes_alone and self._is_pushed(record):
            return self._say_pushed(record)
        image = self._made_image()
        if image is None or records.from_image(self._job.plan, image) != record:
            return None
        if pushes_alone:
            return self._push_made(record, image, embedded=embedded)
        return self._unchanged(record, image) if embedded and not self._options.push else None

    def _made_image(self) -> Image | None:
        from onedigest.engines.layers import proven_image

        return proven_image(self._job.plan, self._context.store, prove=self._job.prove)

    def _unchanged(self, record: Record, image: Image) -> BuildResult | None:
        from onedigest.oci.layout import holds

        job, store = self._job, self._context.store
        if self._complete and self._target and holds(self._target, image, store, names=self._names, prove=job.prove):
            self._context.said(f"{record.name}: unchanged")
            return _result(record, self._target, ())
        return None

    def _is_pushed(self, record: Record) -> bool:
        """Tell whether the repository has the image of this plan, as whoever may push there says.

        They are trusted with that, unless something is to be attested: they may give any tag to any image.
        """
        return not self._options.attest and self._push.has_pushed(record)

    def recorded_layers(self, engine: str) -> dict[Digest, Descriptor]:
        """Return by their keys the layers that a push need not make, since the repository has them as recorded.

        That is for a locked image that is only pushed: an output needs the bytes, and what is attested is proven here.
        """
        record, options = self.record, self._options
        needed = self._target is not None or options.load or options.attest or engine != "embedded"
        if needed or not (options.locked and options.push and record) or record.plan != self._job.whole.digest():
            return {}
        from onedigest.workspace.recorded_layers import find_recorded

        return find_recorded(self._job.plan, record, self._job.lock, self._context.store, self._push.has_blobs)

    def _say_pushed(self, record: Record) -> BuildResult:
        self._push.say_present()
        return replace(_result(record, None, ()), pushed=self._push.result(record.index))

    def _push_made(self, record: Record, image: Image, *, embedded: bool) -> BuildResult | None:
        """Push what the registry lacks of an image whose layers are in the store."""
        if self._push.is_there(record):
            return self._attested(self._say_pushed(record), image)
        if not embedded:
            return None
        blobs = {layer.digest: self._context.store.path(layer.digest) for layer in image.layers()}
        pushed = self._push.send(image, lambda digests: self._blobs(blobs, digests))
        return self._attested(replace(_result(record, None, ()), pushed=pushed), image)

    def _attested(self, result: BuildResult, image: Image) -> BuildResult:
        from onedigest.workspace.attest import attest

        if not self._options.attest:
            return result
        return replace(result, attached=attest(self._context, self._job, image, self._push.repository))

    def finish(self, built: Built) -> BuildResult:
        """Compare or record what was built, and bring it where it is wanted."""
        from onedigest.oci.layout import write
        from onedigest.plan import record as records

        found = records.from_image(self._job.plan, built.image)
        if self.record and self._options.locked:
            _compare(self.record, found, complete=self._complete)
        elif self.record and self.record.plan == found.plan and self._complete:
            self._say_other(self.record, found)
        if self._target:
            fetch_base(self._context, self._job)
            own = None if self._options.output else self._job.image.folder.parent.parent
            write(built.image, built.blobs, self._target, own, names=self._names)
            if own and _holds_layouts_alone(own / "dist"):
                # the first line also keeps the folder out of images whose `files` match it
                write_bytes(own, "dist/.gitignore", b"# Generated by onedigest.\n*\n")
        if self._note:
            self._context.store.write_note(self._note, records.dumps(found).encode())
        elif self._complete and not self._options.locked:
            from onedigest.rules.files import write as write_files

            write_files(self._job.image.folder, {RECORD_FILE: records.dumps(found)})
        self._context.said(_told(self._job.image, built, self._target, self._names))
        for title in built.made:
            self._context.events.detailed(f"  made: {title}")
        result = _result(found, self._target, built.made)
        if self._options.load:
            result = replace(result, loaded=_load(self._context, self._job, built, self._names))
        if self._options.push:
            pushed = self._push.send(built.image, lambda digests: self._blobs(built.blobs, digests))
            result = self._attested(replace(result, pushed=pushed), built.image)
        return result

    def _say_other(self, record: Record, found: Record) -> None:
        """Say that a record was not what its plan gives: nobody changed a script, and yet the digest moves."""
        if record != found:
            message = f"the record did not say what its plan gives, which is {found.index}; it is written anew"
            self._context.warn([Problem(message, shown(self._job.image.record_path))])

    def _blobs(self, blobs: Mapping[str, Path], digests: frozenset[str]) -> Mapping[str, Path]:
        fetch_base(self._context, self._job, digests)
        return blobs


def _build_debug(context: Context, job: PlannedImage, options: BuildOptions, status: Status) -> BuildResult:
    """Build an image, and above its layers the debug image, which alone is brought where something is wanted."""
    from onedigest.workspace.debug_image import SUFFIX, build_debug, debug_tags

    run_engine(context, job, make_engine("embedded", context, "", status))
    status.clear()
    debug, built = build_debug(context, job)
    asked = replace(options, tags=debug_tags(options.tags))
    return Build(context=context, job=debug, options=asked, called=f"{job.image.spec.name}-{SUFFIX}").finish(built)


def _holds_layouts_alone(folder: Path) -> bool:
    """Tell whether a folder has nothing but layouts: no word of what git is to ignore, and no work of others."""
    return all((path / "oci-layout").is_file() for path in folder.iterdir())


def _load(context: Context, job: PlannedImage, built: Built, names: tuple[str, ...]) -> tuple[str, ...]:
    """Load an image into docker, or else into podman; return the names that it has there."""
    from onedigest.engines.containers import find_containers
    from onedigest.oci.docker_archive import write_docker_archive

    containers = find_containers(dict(context.variables))
    fetch_base(context, job)
    platform = containers.platform()
    containers.load(lambda file: write_docker_archive(built.image, built.blobs, names, platform, file))
    context.said(f"{job.image.spec.name}: loaded as {', '.join(names)}")
    return names


def _result(record: Record, target: Path | None, made: tuple[str, ...]) -> BuildResult:
    platforms = {
        str(each.platform): PlatformResult(manifest=each.manifest, config=each.config) for each in record.platforms
    }
    return BuildResult(name=record.name, digest=record.index, output=target, made=made, platforms=platforms)


def _noted(context: Context, note: str) -> Record | None:
    from onedigest.plan import record as records

    text = context.store.read_note(note)
    return records.loads(text.decode(), note) if text else None


def _compare(record: Record, found: Record, *, complete: bool) -> None:
    """Raise `DifferenceError` for a record that says anything else; one of all platforms must be whole."""
    from onedigest.plan.record import differences, other_statements

    rows = differences(record, found) or (other_statements(record, found) if complete else [])
    if rows:
        lines = table(("what", "recorded", "built"), [tuple(_short(cell) for cell in row) for row in rows])
        raise DifferenceError.of(
            f"{found.name}: the image is not the recorded one\n" + "\n".join(f"  {line}" for line in lines),
            hint="run `onedigest build` without --locked and review image.toml",
        )


def _short(text: str) -> str:
    return re.sub(r"sha256:([0-9a-f]{12})[0-9a-f]{52}", r"\1", text)


def _told(image: ScriptImage, built: Built, target: Path | None, names: tuple[str, ...]) -> str:
    from onedigest.oci.layout import ARCHIVE

    layers = built.image.layers()
    place = f", in {shown(target)}" if target else ""
    if target and target.suffix == ARCHIVE:
        place += f" as {', '.join(names)}"
    return (
        f"{image.spec.name}: {plural(len(layers), 'layer')}, {amount(sum(layer.size for layer in layers))},"
        f" {len(built.made)} made{place}"
    )
