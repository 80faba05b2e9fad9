"""The command `onedigest build`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from onedigest.checkout import write_bytes
from onedigest.cli.building import Job, bring_base, prepare, refuse_stale_rules, run_engine
from onedigest.cli.engines import check_engine, make_engine
from onedigest.cli.image import Image
from onedigest.cli.images import find_images
from onedigest.cli.looking import look_at
from onedigest.cli.naming import names_of
from onedigest.cli.progress import Status
from onedigest.cli.records import read_record
from onedigest.cli.session import Session, shared_options
from onedigest.cli.wheels import refuse_unfit_wheels
from onedigest.cli.wishes import Wishes
from onedigest.cli.words import amount, plural, print_json, put, say, shown, table
from onedigest.errors import DifferenceError, InputError, Problem
from onedigest.formats import RECORD_FILE

if TYPE_CHECKING:
    from onedigest.assembler.image import Image as BuiltImage
    from onedigest.cli.pushing import Push
    from onedigest.engines.engine import Built
    from onedigest.plan.record import Record


@click.command()
@click.argument("names", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All images of the project.")
@click.option("--engine", default="embedded", show_default=True, help="What builds: embedded, buildx, bazel or nix.")
@click.option("--builder", default="", metavar="NAME", help="The builder of buildx [the current one].")
@click.option("--locked", is_flag=True, help="Exit 3 unless the result is exactly what image.toml records.")
@click.option("--platform", "platforms", multiple=True, metavar="OS/ARCH", help="Build for this platform only.")
@click.option("--output", type=click.Path(path_type=Path), help="OCI layout, or an archive: FILE.tar [dist/NAME].")
@click.option("--load", is_flag=True, help="Load the image into docker or podman too.")
@click.option("--debug", is_flag=True, help="Build the image with a shell inside, as NAME:debug; nothing is recorded.")
@click.option("--push", is_flag=True, help="Push the image, and write no layout unless --output is given.")
@click.option("--attest", is_flag=True, help="With --push: attach a bill of materials and provenance.")
@click.option("--repository", default="", metavar="HOST/NAME", help="Use this one, instead of the script's.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="With --output, --load or --push: tag it so.")
@shared_options
def command(names: tuple[str, ...], everything: bool, engine: str, builder: str, **options: Any) -> int:
    """Build images and record their digests.

    NAMES are images, scripts, or folders with the pyproject.toml of a project. What has no lock, or was edited since,
    is locked first, but with --locked or --offline. Inputs that are missing are fetched.
    """
    wishes = Wishes(**{field: options.pop(field) for field in Wishes.__slots__})
    session = Session(**options)
    wishes.check()
    with Status(quiet=session.silent) as status:
        check_engine(engine, builder)
        wishes.check_engine(engine)
        builds_with = None if engine == "embedded" else make_engine(engine, session, builder, status)
        images = find_images(session, names, everything=everything)
        wishes.check_several(len(images))
        done = []
        for image in images:
            job = prepare(session, image, engine, locked=wishes.locked, platforms=wishes.platforms)
            if wishes.debug:
                done.append(_build_debug(session, job, wishes, status))
                continue
            build = Build(session=session, job=job, wishes=wishes)
            if engine != "embedded":
                refuse_stale_rules(job, InputError)
            result = build.without_engine(embedded=engine == "embedded")
            if result is None:
                builds_with = builds_with or make_engine(engine, session, builder, status)
                built = run_engine(session, job, builds_with)
                status.clear()
                result = build.finish(built)
            refuse_unfit_wheels(session, image, job.lock, [each.platform for each in job.plan.platforms])
            look_at(session, image, job.lock, job.files, job.plan)
            done.append(result)
    if session.as_json:
        print_json({"images": done})
    else:
        for each in done:
            what = each["pushed"]["reference"] if wishes.push else each["digest"]
            put(what if len(done) == 1 else f"{each['name']} {what}")
    return 0


class Build:
    """One image: what is recorded of it, and where it goes.

    `note` is where the store keeps the record of an image that image.toml is not about, and `called` what its folder in
    `dist` is called, if not as the image.
    """

    def __init__(self, *, session: Session, job: Job, wishes: Wishes, note: str = "", called: str = "") -> None:
        self._session = session
        self._job = job
        self._wishes = wishes
        self._note = note
        image = job.image
        written = not wishes.push or wishes.output is not None
        own = image.folder.parent.parent / "dist" / (called or image.spec.name)
        self._target = (wishes.output or own) if written else None
        self._names = names_of(image.spec, wishes.repository, wishes.tags)
        self.record = _noted(session, note) if note else read_record(session, image, locked=wishes.locked)
        if wishes.push:
            _ = self._push  # refuses what is no repository before any work
        if wishes.locked:
            refuse_stale_rules(job, DifferenceError)

    @property
    def _complete(self) -> bool:
        return self._job.plan == self._job.whole

    @cached_property
    def _push(self) -> Push:
        from onedigest.cli.pushing import Push

        return Push(self._session, self._job, self._wishes.repository, self._wishes.tags)

    def without_engine(self, *, embedded: bool) -> dict[str, Any] | None:
        """Return the result where the recorded image is there already, or only has to be pushed.

        What a record says counts once this machine made every layer of the plan, and they give the recorded image.
        """
        from onedigest.plan import record as records

        record = self.record
        if self._wishes.load or not record or record.plan != self._job.plan.digest():
            return None
        pushes_alone = self._wishes.push and self._target is None
        if pushes_alone and self._is_pushed(record):
            return self._say_pushed(record)
        image = self._made_image()
        if image is None or records.from_image(self._job.plan, image) != record:
            return None
        if pushes_alone:
            return self._push_made(record, image, embedded=embedded)
        return self._unchanged(record, image) if embedded and not self._wishes.push else None

    def _made_image(self) -> BuiltImage | None:
        from onedigest.engines.embedded import proven_image

        return proven_image(self._job.plan, self._session.store, prove=self._job.prove)

    def _unchanged(self, record: Record, image: BuiltImage) -> dict[str, Any] | None:
        from onedigest.oci.layout import holds

        job, store = self._job, self._session.store
        if self._complete and self._target and holds(self._target, image, store, names=self._names, prove=job.prove):
            if not self._session.silent:
                say(f"{record.name}: unchanged")
            return _result(record, self._target, ())
        return None

    def _is_pushed(self, record: Record) -> bool:
        """Tell whether the repository has the image of this plan, as whoever may push there says.

        They are trusted with that, unless something is to be proven or attested.
        """
        return not (self._job.prove or self._wishes.attest) and self._push.has_pushed(record)

    def _say_pushed(self, record: Record) -> dict[str, Any]:
        self._push.say_present()
        return {**_result(record, None, ()), "pushed": self._push.result(record.index, {})}

    def _push_made(self, record: Record, image: BuiltImage, *, embedded: bool) -> dict[str, Any] | None:
        """Push what the registry lacks of an image whose layers are in the store."""
        if self._push.is_there(record):
            return {**self._say_pushed(record), **self._attested(image)}
        if not embedded:
            return None
        blobs = {layer.digest: self._session.store.path(layer.digest) for layer in image.layers()}
        pushed = self._push.send(image, lambda digests: self._blobs(blobs, digests))
        return {**_result(record, None, ()), "pushed": pushed, **self._attested(image)}

    def _attested(self, image: BuiltImage) -> dict[str, Any]:
        from onedigest.cli.attesting import attest

        if not self._wishes.attest:
            return {}
        return {"attached": attest(self._session, self._job, image, self._push.repository)}

    def finish(self, built: Built) -> dict[str, Any]:
        """Compare or record what was built, and bring it where it is wanted."""
        from onedigest.oci.layout import write
        from onedigest.plan import record as records

        found = records.from_image(self._job.plan, built.image)
        if self.record and self._wishes.locked:
            _compare(self.record, found, complete=self._complete)
        elif self.record and self.record.plan == found.plan and self._complete:
            self._say_other(self.record, found)
        if self._target:
            bring_base(self._session, self._job)
            own = None if self._wishes.output else self._job.image.folder.parent.parent
            write(built.image, built.blobs, self._target, own, names=self._names)
            if own and _holds_layouts_alone(own / "dist"):
                # the first line also keeps the folder out of images whose `files` match it
                write_bytes(own, "dist/.gitignore", b"# Generated by onedigest.\n*\n")
        if self._note:
            self._session.store.write_note(self._note, records.dumps(found).encode())
        elif self._complete and not self._wishes.locked:
            from onedigest.rules.files import write as write_files

            write_files(self._job.image.folder, {RECORD_FILE: records.dumps(found)})
        if not self._session.silent:
            _say_built(self._job.image, built, self._target, self._names)
            for title in built.made if self._session.verbose else ():
                say(f"  made: {title}")
        result = _result(found, self._target, built.made)
        if self._wishes.load:
            result["loaded"] = _load(self._session, self._job, built, self._names)
        if self._wishes.push:
            result["pushed"] = self._push.send(built.image, lambda digests: self._blobs(built.blobs, digests))
            result |= self._attested(built.image)
        return result

    def _say_other(self, record: Record, found: Record) -> None:
        """Say that a record was not what its plan gives: nobody changed a script, and yet the digest moves."""
        if record != found:
            message = f"the record did not say what its plan gives, which is {found.index}; it is written anew"
            self._session.warn([Problem(message, shown(self._job.image.record_path))])

    def _blobs(self, blobs: Mapping[str, Path], digests: frozenset[str]) -> Mapping[str, Path]:
        bring_base(self._session, self._job, digests)
        return blobs


def _build_debug(session: Session, job: Job, wishes: Wishes, status: Status) -> dict[str, Any]:
    """Build an image, and above its layers the debug image, which alone is brought where something is wanted."""
    from onedigest.cli.debugging import SUFFIX, build_debug, debug_tags

    run_engine(session, job, make_engine("embedded", session, "", status))
    status.clear()
    debug, built = build_debug(session, job)
    asked = replace(wishes, tags=debug_tags(wishes.tags))
    return Build(session=session, job=debug, wishes=asked, called=f"{job.image.spec.name}-{SUFFIX}").finish(built)


def _holds_layouts_alone(folder: Path) -> bool:
    """Tell whether a folder has nothing but layouts: no word of what git is to ignore, and no work of others."""
    return all((path / "oci-layout").is_file() for path in folder.iterdir())


def _load(session: Session, job: Job, built: Built, names: tuple[str, ...]) -> list[str]:
    """Load an image into docker, or else into podman; return the names that it has there."""
    from onedigest.engines.containers import find_containers
    from onedigest.oci.docker_archive import write_docker_archive

    containers = find_containers(dict(os.environ))
    bring_base(session, job)
    platform = containers.platform()
    containers.load(lambda file: write_docker_archive(built.image, built.blobs, names, platform, file))
    if not session.silent:
        say(f"{job.image.spec.name}: loaded as {', '.join(names)}")
    return list(names)


def _result(record: Record, target: Path | None, made: tuple[str, ...]) -> dict[str, Any]:
    platforms = {each.platform: {"manifest": each.manifest, "config": each.config} for each in record.platforms}
    return {
        "name": record.name,
        "digest": record.index,
        "output": shown(target) if target else None,
        "made": list(made),
        "platforms": platforms,
    }


def _noted(session: Session, note: str) -> Record | None:
    from onedigest.plan import record as records

    text = session.store.read_note(note)
    return records.loads(text.decode(), note) if text else None


def _compare(record: Record, found: Record, *, complete: bool) -> None:
    """Raise `DifferenceError` for a record that says anything else; one of all platforms must be whole."""
    from onedigest.plan.record import differences, misstatements

    rows = differences(record, found) or (misstatements(record, found) if complete else [])
    if rows:
        lines = table(("what", "recorded", "built"), [tuple(_short(cell) for cell in row) for row in rows])
        raise DifferenceError.of(
            f"{found.name}: the image is not the recorded one\n" + "\n".join(f"  {line}" for line in lines),
            hint="run `onedigest build` without --locked and review image.toml",
        )


def _short(text: str) -> str:
    return re.sub(r"sha256:([0-9a-f]{12})[0-9a-f]{52}", r"\1", text)


def _say_built(image: Image, built: Built, target: Path | None, names: tuple[str, ...]) -> None:
    from onedigest.oci.layout import ARCHIVE

    layers = built.image.layers()
    place = f", in {shown(target)}" if target else ""
    if target and target.suffix == ARCHIVE:
        place += f" as {', '.join(names)}"
    say(
        f"{image.spec.name}: {plural(len(layers), 'layer')}, {amount(sum(layer.size for layer in layers))},"
        f" {len(built.made)} made{place}"
    )
