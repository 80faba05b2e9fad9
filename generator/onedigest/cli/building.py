"""Knows how a command has an engine build one image: lock, plan, inputs, and the engine's order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from onedigest.cli.fetch import bring
from onedigest.cli.reaching import sources
from onedigest.cli.session import Image, Session, read_lock
from onedigest.cli.words import say, shown
from onedigest.errors import DifferenceError, OnedigestError, Problem, UsageError
from onedigest.platforms import BY_NAME, Platform

if TYPE_CHECKING:
    from onedigest.application import File
    from onedigest.assembler.image import Image as BuiltImage
    from onedigest.engines.engine import Built, Engine, Order
    from onedigest.lock.model import Lock
    from onedigest.plan import Plan
    from onedigest.record import Record


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """An image that is to be built: `plan` for the platforms that are asked for, `whole` for all of them."""

    image: Image
    lock: Lock
    files: tuple[File, ...]
    whole: Plan
    plan: Plan


def prepare(session: Session, image: Image, engine: str, *, locked: bool, platforms: tuple[str, ...]) -> Job:
    """Read or make the lock of an image, and arrange its plan."""
    from onedigest.application import collect
    from onedigest.plan import Plan, arrange

    if image.spec.run and engine == "embedded":
        from onedigest.engines.embedded import refused_commands

        raise refused_commands("the embedded one", image.script.where("tool.onedigest.run"))
    lock = _lock(session, image, locked)
    files = collect(image.spec, image.script, image.script_folder, image.warn)
    whole = arrange(image.spec, lock, files)
    chosen = chosen_platforms(lock.platforms, platforms)
    plan = Plan(name=whole.name, platforms=tuple(each for each in whole.platforms if each.platform in chosen))
    return Job(image=image, lock=lock, files=files, whole=whole, plan=plan)


def chosen_platforms(all_of_them: Iterable[Platform], names: tuple[str, ...]) -> tuple[Platform, ...]:
    """Return the platforms that `--platform` means, all of them where it is not given."""
    known = tuple(all_of_them)
    wrong = [name for name in names if BY_NAME.get(name) not in known]
    if wrong:
        raise UsageError.of(f"the image has no platform `{wrong[0]}`", hint=f"it has {', '.join(map(str, known))}")
    return tuple(each for each in known if not names or each.oci in names)


def run_engine(session: Session, job: Job, engine: Engine, record: Record | None) -> Built:
    """Have an engine build; inputs that it needs are brought first. `record` is what is known of the layers."""
    from onedigest.fetching import inputs_of_layers

    engine.check(job.plan)
    order = _order(session, job, record)
    bring(session, job.image, job.lock, inputs_of_layers(engine.needed(order)))
    return engine.build(order)


def bring_base(session: Session, job: Job, digests: frozenset[str] | None = None) -> None:
    """Bring the layers of a base image, which only an output that holds them needs; all, or those of some digests."""
    from onedigest.fetching import inputs_of_layers

    kept = [layer for layer in job.plan.layers() if layer.kept and (digests is None or layer.kept.digest in digests)]
    if kept:
        bring(session, job.image, job.lock, inputs_of_layers(kept))


def recorded_image(job: Job, record: Record) -> BuiltImage | None:
    """Return the image that a record of this plan states, without making any of it; None where it is not whole."""
    from onedigest.assembler.refusal import Refused
    from onedigest.engines.embedded import assemble, stated_layers

    stated = stated_layers(job.plan, record.layers())
    stated |= {layer.key(): layer.kept for layer in job.plan.layers() if layer.kept}
    try:
        image = assemble(job.plan, stated)
    except (KeyError, Refused):
        return None
    return image if image.digest == record.index else None


def make_recorded(
    session: Session, job: Job, record: Record, digests: frozenset[str], made: list[str]
) -> dict[str, Path]:
    """Make the recorded layers with these digests alone; add to `made` what they hold; return where they are.

    Raises `DifferenceError` where one comes out otherwise than it is recorded.
    """
    from onedigest.engines.embedded import make_layers, missing_layers, stated_layers
    from onedigest.fetching import inputs_of_layers

    stated = stated_layers(job.plan, record.layers())
    layers = [each for each in job.plan.layers() if not each.kept and stated[each.key()].digest in digests]
    bring(session, job.image, job.lock, inputs_of_layers(missing_layers(layers, session.store, stated)))
    bring_base(session, job, digests)
    found, titles = make_layers(
        layers, stated, inputs=job.image.inputs.resolve(), store=session.store, workers=session.workers
    )
    made += titles
    problems = [
        Problem(f"{layer.holds}: the layer is {found[layer.key()].digest}, {stated[layer.key()].digest} recorded")
        for layer in layers
        if found[layer.key()] != stated[layer.key()]
    ]
    if problems:
        raise DifferenceError(problems)
    return {digest: session.store.path(digest) for digest in digests}


def refuse_stale_rules(job: Job, kind: type[OnedigestError]) -> None:
    """Raise an error of a kind for generated files that are not as they would be written."""
    from onedigest.rules.files import read
    from onedigest.rules.image import stale_files

    folder = job.image.folder.parent
    lock = read(job.image.lock_path) or ""
    hint = f"run `onedigest generate {job.image.spec.script}`"
    problems = [
        Problem(message, shown(folder / path), hint)
        for path, message in stale_files(job.image.spec, lock, job.files, folder)
    ]
    if problems:
        raise kind(problems)


def _order(session: Session, job: Job, record: Record | None) -> Order:
    from onedigest.engines.engine import Order

    root = job.image.folder.parent.resolve().parent
    return Order(
        plan=job.plan,
        whole=job.whole,
        root=root,
        rules=root / job.image.folder.parent.name / job.image.spec.name,
        inputs=root / job.image.folder.parent.name / job.image.inputs.name,
        store=session.store,
        known=record.layers() if record else {},
        workers=session.workers,
    )


def _lock(session: Session, image: Image, locked: bool) -> Lock:
    if not image.lock_path.exists() and not locked:
        from onedigest.cli.generate import generate_one
        from onedigest.lock.resolver import Upgrade

        if not session.silent:
            say(f"{image.spec.name}: no lock yet, so one is generated")
        generate_one(image, Upgrade(), sources(session, image))
    return read_lock(image)
