"""Knows `onedigest build`."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from onedigest.cli.building import Job, prepare, refuse_stale_rules, run_engine
from onedigest.cli.engines import check_engine, make_engine
from onedigest.cli.progress import Status
from onedigest.cli.session import Image, Session, shared_options
from onedigest.cli.words import amount, plural, print_json, say, shown, table
from onedigest.errors import DifferenceError, InputError, UsageError

if TYPE_CHECKING:
    from onedigest.engines.engine import Built
    from onedigest.record import Record

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


@click.command()
@click.argument("names", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All images of the project.")
@click.option("--engine", default="embedded", show_default=True, help="What builds: embedded or buildx.")
@click.option("--builder", default="", metavar="NAME", help="The builder of buildx [the current one].")
@click.option("--locked", is_flag=True, help="Exit 3 unless the result is exactly what image.toml records.")
@click.option("--platform", "platforms", multiple=True, metavar="OS/ARCH", help="Build for this platform only.")
@click.option("--output", type=click.Path(path_type=Path), help="OCI layout, or a file that ends in .tar [dist/NAME].")
@click.option("--load", is_flag=True, help="Load the image into the docker daemon too.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="With --load: tag it so [latest].")
@shared_options
def command(
    names: tuple[str, ...],
    everything: bool,
    engine: str,
    builder: str,
    locked: bool,
    platforms: tuple[str, ...],
    output: Path | None,
    load: bool,
    tags: tuple[str, ...],
    **options: Any,
) -> int:
    """Build images and record their digests.

    NAMES are images or scripts. A script that has no lock yet is locked first, and inputs that are missing are fetched.
    """
    session = Session(**options)
    if tags and not load:
        raise UsageError.of("--tag needs --load")
    if wrong := [tag for tag in tags if not _TAG.fullmatch(tag)]:
        raise UsageError.of(f"`{wrong[0]}` is no tag", hint="letters, digits, `_`, `.` and `-`, 128 at most")
    with Status(quiet=session.quiet or session.as_json) as status:
        check_engine(engine, builder)
        builds_with = None if engine == "embedded" else make_engine(engine, session, builder, status)
        images = session.images(names, everything=everything)
        if output and len(images) > 1:
            raise UsageError.of("--output names one place for several images", hint="build one image at a time")
        done = []
        for image in images:
            job = prepare(session, image, engine, locked=locked, platforms=platforms)
            build = _Build(session=session, job=job, locked=locked, output=output)
            if engine != "embedded":
                refuse_stale_rules(job, InputError)
            result = build.unchanged() if engine == "embedded" and not load else None
            if result is None:
                builds_with = builds_with or make_engine(engine, session, builder, status)
                built = run_engine(session, job, builds_with, build.record if locked else None)
                result = build.finish(built)
                if load:
                    result["loaded"] = _load(session, job, built, tags or ("latest",))
            done.append(result)
    if session.as_json:
        print_json({"images": done})
    else:
        for each in done:
            print(each["digest"] if len(done) == 1 else f"{each['name']} {each['digest']}")
    return 0


class _Build:
    """One image: what is recorded of it, and where it goes."""

    def __init__(self, *, session: Session, job: Job, locked: bool, output: Path | None) -> None:
        self._session = session
        self._job = job
        self._locked = locked
        image = job.image
        self._target = output or image.folder.parent.parent / "dist" / image.spec.name
        self.record = _record(image, locked)
        if locked:
            refuse_stale_rules(job, DifferenceError)

    @property
    def _complete(self) -> bool:
        return self._job.plan == self._job.whole

    @property
    def _silent(self) -> bool:
        return self._session.quiet or self._session.as_json

    def unchanged(self) -> dict[str, Any] | None:
        """Return the result where the very image is there already."""
        from onedigest.oci.layout import holds

        record = self.record
        if self._complete and record and record.plan == self._job.plan.digest() and holds(self._target, record.index):
            if not self._silent:
                say(f"{record.name}: unchanged")
            return _result(record, self._target, ())
        return None

    def finish(self, built: Built) -> dict[str, Any]:
        """Compare or record what was built, and write it."""
        from onedigest import record as records
        from onedigest.oci.layout import write

        found = records.from_image(self._job.plan, built.image)
        if self.record and self._locked:
            _compare(self.record, found)
        write(built.image, built.blobs, self._target)
        if self._complete and not self._locked:
            from onedigest.rules.files import write as write_files

            write_files(self._job.image.folder, {records.FILE_NAME: records.dumps(found)})
        if not self._silent:
            _say_built(self._job.image, built, self._target)
            for title in built.made if self._session.verbose else ():
                say(f"  made: {title}")
        return _result(found, self._target, built.made)


def _load(session: Session, job: Job, built: Built, tags: tuple[str, ...]) -> list[str]:
    """Load an image into the docker daemon; return the names that it has there."""
    from onedigest.engines.docker import find_docker
    from onedigest.oci.docker_archive import write_docker_archive

    docker = find_docker(dict(os.environ))
    platform = docker.platform()
    names = [f"{job.image.spec.repository or job.image.spec.name}:{tag}" for tag in tags]
    docker.load(lambda file: write_docker_archive(built.image, built.blobs, names, platform, file))
    if not session.quiet and not session.as_json:
        say(f"{job.image.spec.name}: loaded as {', '.join(names)}")
    return names


def _result(record: Record, target: Path, made: tuple[str, ...]) -> dict[str, Any]:
    platforms = {each.platform: {"manifest": each.manifest, "config": each.config} for each in record.platforms}
    return {
        "name": record.name,
        "digest": record.index,
        "output": shown(target),
        "made": list(made),
        "platforms": platforms,
    }


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
    return re.sub(r"sha256:([0-9a-f]{12})[0-9a-f]{52}", r"\1", text)


def _say_built(image: Image, built: Built, target: Path) -> None:
    layers = built.image.layers()
    say(
        f"{image.spec.name}: {plural(len(layers), 'layer')}, {amount(sum(layer.size for layer in layers))},"
        f" {len(built.made)} made, in {shown(target)}"
    )
