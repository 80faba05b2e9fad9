"""The build of one image by an engine: its lock, plan and inputs, and the request to the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from onedigest.cli.fetch import bring, place_named_assemblers
from onedigest.cli.image import Image
from onedigest.cli.locks import changed_keys, chosen_platforms, code_problems, moved_code, prove_base, read_lock
from onedigest.cli.reaching import sources
from onedigest.cli.session import Session
from onedigest.cli.wheels import placed, refuse_unfit_wheels
from onedigest.cli.words import say, shown
from onedigest.errors import EngineError, InputError, OnedigestError, Problem, generating
from onedigest.formats import LOCK_FILE

if TYPE_CHECKING:
    from onedigest.definition.files import File
    from onedigest.engines.engine import Built, Engine, Order
    from onedigest.lock.model import Lock
    from onedigest.plan.layers import Layer, Plan
    from onedigest.rules.model import Stale


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """An image that is to be built: `plan` for the platforms that are asked for, `whole` for all of them.

    With `prove` nothing counts that this build has not hashed or made itself. `engine` is what `--engine` calls it.
    """

    image: Image
    lock: Lock
    files: tuple[File, ...]
    whole: Plan
    plan: Plan
    prove: bool = False
    engine: str = "embedded"


def prepare(session: Session, image: Image, engine: str, *, locked: bool, platforms: tuple[str, ...]) -> Job:
    """Read or make the lock of an image, and arrange its plan; with `locked` all that is kept is proven anew."""
    from onedigest.definition.files import collect
    from onedigest.plan.arrange import arrange

    if image.spec.run and engine == "embedded":
        from onedigest.engines.embedded import refused_commands

        raise refused_commands("the embedded one", image.script.where("tool.onedigest.run"))
    refuse_missing_rules(image, engine)
    lock = read_lock(image) if locked else _lock(session, image)
    if locked:
        _prove(session, image, lock)
    prove_base(session, image, lock)
    files = collect(image.spec, image.script, image.script_folder, image.warn)
    whole = arrange(image.spec, lock, files)
    chosen = chosen_platforms(lock, platforms)
    plan = replace(whole, platforms=tuple(each for each in whole.platforms if each.platform in chosen))
    return Job(image=image, lock=lock, files=files, whole=whole, plan=plan, prove=locked, engine=engine)


def _prove(session: Session, image: Image, lock: Lock) -> None:
    """Hold a lock against its script, and the inputs that the store has against their digests."""
    from onedigest.fetching import prove_stored, without_witness
    from onedigest.lock.answer import refuse_other_answer
    from onedigest.plan.inputs import Inputs, inputs_of

    refuse_other_answer(image.spec, lock, shown(image.lock_path))
    if problems := code_problems(image, lock, partial(sources, session, image)):
        raise InputError(problems)
    prove_stored(session.store, chosen := inputs_of(lock, lock.platforms))
    if built := without_witness(session.store, lock, chosen):
        bring(session, image, lock, Inputs(wheels=built))  # a layer of another wheel may be there
    warn_of_removed(session)


def warn_of_removed(session: Session) -> None:
    """Say which files of the store were found to hold something else, once."""
    removed = session.store.removed
    session.warn(
        Problem(f"the store had another content under {digest}, which was removed", shown(session.store.path(digest)))
        for digest in removed
    )
    removed.clear()


def run_engine(session: Session, job: Job, engine: Engine) -> Built:
    """Have an engine build, and bring the inputs that it needs."""
    engine.check(job.plan)
    if job.engine != "embedded":
        refuse_stale_rules(job, InputError)  # whoever calls: rules are text of a pull request
        place_named_assemblers(session, job.image)
    try:
        built = engine.build(_order(session, job))
    except InputError as error:
        raise placed(job.image, job.lock, error) from None
    warn_of_removed(session)
    return built


def bring_base(session: Session, job: Job, digests: frozenset[str] | None = None) -> None:
    """Bring the layers of a base image, which only an output that holds them needs; all, or those of some digests."""
    from onedigest.plan.inputs import inputs_of_layers

    kept = [layer for layer in job.plan.layers() if layer.kept and (digests is None or layer.kept.digest in digests)]
    if kept:
        bring(session, job.image, job.lock, inputs_of_layers(job.lock, kept))


def refuse_missing_rules(image: Image, engine: str) -> None:
    """Raise `EngineError` for an engine that reads rules which the image does not ask for."""
    if engine == "embedded":
        return
    from onedigest.rules.model import OF_ENGINE, OWN

    kind = OF_ENGINE[engine]
    if kind not in image.spec.rules:
        asked = ", ".join(f'"{name}"' for name in OWN if name in (*image.spec.rules, kind))
        raise EngineError.of(
            f"`rules` does not ask for {kind}, whose rules the {engine} engine reads",
            where=image.script.where("tool.onedigest.rules"),
            hint=f"set `rules = [{asked}]`, then run `{generating(image.spec.script)}`",
        )


def refuse_stale_rules(job: Job, kind: type[OnedigestError]) -> None:
    """Raise an error of a kind for rules that were changed by hand, and for those that the engine reads unless current.

    The embedded engine reads none: rules that are missing, or of another format, are nothing to it.
    """
    from onedigest.rules.image import edited_files

    folder = job.image.folder.parent
    spec, lock = job.image.spec, job.lock
    found = edited_files(spec, lock, folder) if job.engine == "embedded" else _stale_for(job, folder)
    hint = f"run `{generating(spec.script)}`"
    if problems := [Problem(each.message, shown(folder / each.path), hint) for each in found]:
        raise kind(problems)


def _stale_for(job: Job, folder: Path) -> Iterator[Stale]:
    """Yield the files that an engine must not build with: the lock, what it reads, and what was changed by hand."""
    from onedigest.rules.folder import stale_shared
    from onedigest.rules.image import render_rules, stale_files
    from onedigest.rules.model import OF_ENGINE, kind_of

    read = OF_ENGINE[job.engine]
    rules = render_rules(job.image.spec, job.lock, job.whole, folder.resolve())
    for stale in (*stale_files(rules, folder), *stale_shared(folder.resolve(), [read])):
        if stale.edited or stale.path.endswith(f"/{LOCK_FILE}") or kind_of(stale.path) == read:
            yield stale


def _order(session: Session, job: Job) -> Order:
    from onedigest.engines.engine import Order
    from onedigest.plan.inputs import inputs_of_layers

    def bring_inputs(layers: Iterable[Layer], arrived: Callable[[str], None]) -> None:
        bring(session, job.image, job.lock, inputs_of_layers(job.lock, layers), arrived)
        refuse_unfit_wheels(session, job.image, job.lock, [each.platform for each in job.plan.platforms])

    root = job.image.folder.parent.resolve().parent
    return Order(
        plan=job.plan,
        whole=job.whole,
        root=root,
        rules=root / job.image.folder.parent.name / job.image.spec.name,
        inputs=root / job.image.folder.parent.name / job.image.inputs.name,
        store=session.store,
        workers=session.workers,
        prove=job.prove,
        bring=bring_inputs,
    )


def _lock(session: Session, image: Image) -> Lock:
    """Return the lock of an image, which is made where there is none, or where the script asks for something else.

    Without a network a lock that does not answer its script any more is refused, as is one that was edited.
    """
    from onedigest.rules.files import read

    text, name = read(image.lock_path), image.spec.name
    if text is None:
        why = "no lock yet, so one is generated"
    elif not session.offline and (keys := changed_keys(image, text)):
        why = f"{', '.join(keys)} changed since it was locked, so it is locked again; review {shown(image.folder)}"
    else:
        lock = read_lock(image)
        moved = moved_code(image, lock, partial(sources, session, image))
        if not moved:
            return lock
        why = f"the code of {', '.join(moved)} changed since it was locked, so it is locked again"
        why += f"; review {shown(image.folder)}"
    if not session.quiet:
        say(f"{name}: {why}")
    from onedigest.cli.generate import generate_one  # a build with nothing to do needs none of it

    generate_one(session, image)
    return read_lock(image)
