"""The build of one image by an engine: its lock, plan and inputs, and the request to the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from onedigest.errors import EngineError, InputError, OnedigestError, Problem, generating
from onedigest.formats import LOCK_FILE
from onedigest.wording import shown
from onedigest.workspace.context import Context
from onedigest.workspace.fetch import place_named_assemblers
from onedigest.workspace.fetch_inputs import fetch_inputs_of
from onedigest.workspace.image_sources import sources
from onedigest.workspace.interpreters import interpreter_finder
from onedigest.workspace.locks import changed_keys, chosen_platforms, code_problems, moved_code, prove_base, read_lock
from onedigest.workspace.script_image import ScriptImage
from onedigest.workspace.wheel_problems import placed, refuse_unfit_wheels

if TYPE_CHECKING:
    from onedigest.assembler.descriptor import Descriptor
    from onedigest.definition.files import File
    from onedigest.digest import Digest
    from onedigest.engines.engine import BuildRequest, Built, Engine
    from onedigest.lock.model import Lock
    from onedigest.plan.layers import Layer, Plan
    from onedigest.rules.model import StaleFile


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedImage:
    """An image that is to be built: `plan` for the platforms that are asked for, `whole` for all of them.

    With `prove` nothing counts that this build has not hashed or made itself. `engine` is what `--engine` calls it.
    """

    image: ScriptImage
    lock: Lock
    files: tuple[File, ...]
    whole: Plan
    plan: Plan
    prove: bool = False
    engine: str = "embedded"


def prepare(
    context: Context, image: ScriptImage, engine: str, *, locked: bool, platforms: tuple[str, ...]
) -> PlannedImage:
    """Read or make the lock of an image, and arrange its plan; with `locked` all that is kept is proven anew."""
    from onedigest.definition.files import collect
    from onedigest.plan.arrange import arrange

    if image.spec.run and engine == "embedded":
        from onedigest.engines.embedded import refused_commands

        raise refused_commands("the embedded one", image.script.where("tool.onedigest.run"))
    refuse_missing_rules(image, engine)
    lock = read_lock(image) if locked else _lock(context, image)
    if locked:
        _prove(context, image, lock)
    prove_base(context, image, lock)
    files = collect(image.spec, image.script, image.script_folder, image.warn)
    whole = arrange(image.spec, lock, files)
    chosen = chosen_platforms(lock, platforms)
    plan = replace(whole, platforms=tuple(each for each in whole.platforms if each.platform in chosen))
    return PlannedImage(image=image, lock=lock, files=files, whole=whole, plan=plan, prove=locked, engine=engine)


def _prove(context: Context, image: ScriptImage, lock: Lock) -> None:
    """Hold a lock against its script, and the inputs that the store has against their digests."""
    from onedigest.fetching import built_elsewhere, prove_cached
    from onedigest.lock.staleness import refuse_other_answer
    from onedigest.plan.inputs import Inputs, inputs_of

    refuse_other_answer(image.spec, lock, shown(image.lock_path))
    if problems := code_problems(image, lock, partial(sources, context, image)):
        raise InputError(problems)
    prove_cached(context.store, chosen := inputs_of(lock, lock.platforms))
    if built := built_elsewhere(context.store, lock, chosen):
        fetch_inputs_of(context, image, lock, Inputs(wheels=built))  # a layer of another wheel may be there
    warn_of_removed(context)


def warn_of_removed(context: Context) -> None:
    """Say which files of the store were found to hold something else, once."""
    removed = context.store.removed
    context.warn(
        Problem(f"the store had another content under {digest}, which was removed", shown(context.store.path(digest)))
        for digest in removed
    )
    removed.clear()


def run_engine(
    context: Context, job: PlannedImage, engine: Engine, elsewhere: Mapping[Digest, Descriptor] | None = None
) -> Built:
    """Have an engine build, and bring the inputs that it needs; not those of layers that are `elsewhere`, by key."""
    engine.check(job.plan)
    if job.engine != "embedded":
        refuse_stale_rules(job, InputError)  # whoever calls: rules are text of a pull request
        place_named_assemblers(context, job.image)
    try:
        built = engine.build(replace(_order(context, job), elsewhere=elsewhere or {}))
    except InputError as error:
        raise placed(job.image, job.lock, error) from None
    warn_of_removed(context)
    return built


def fetch_base(context: Context, job: PlannedImage, digests: frozenset[str] | None = None) -> None:
    """Fetch the layers of a base image, which only an output that holds them needs; all, or those of some digests."""
    from onedigest.plan.inputs import inputs_of_layers

    layers = [
        layer
        for layer in job.plan.layers()
        if layer.base_layer and (digests is None or layer.base_layer.digest in digests)
    ]
    if layers:
        fetch_inputs_of(context, job.image, job.lock, inputs_of_layers(job.lock, layers))


def refuse_missing_rules(image: ScriptImage, engine: str) -> None:
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


def refuse_stale_rules(job: PlannedImage, kind: type[OnedigestError]) -> None:
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


def _stale_for(job: PlannedImage, folder: Path) -> Iterator[StaleFile]:
    """Yield the files that an engine must not build with: the lock, what it reads, and what was changed by hand."""
    from onedigest.rules.folder import stale_shared
    from onedigest.rules.image import render_rules, stale_files
    from onedigest.rules.model import OF_ENGINE, kind_of

    read = OF_ENGINE[job.engine]
    rules = render_rules(job.image.spec, job.lock, job.whole, folder.resolve())
    for stale in (*stale_files(rules, folder), *stale_shared(folder.resolve(), [read])):
        if stale.edited or stale.path.endswith(f"/{LOCK_FILE}") or kind_of(stale.path) == read:
            yield stale


def _order(context: Context, job: PlannedImage) -> BuildRequest:
    from onedigest.engines.engine import BuildRequest
    from onedigest.plan.inputs import inputs_of_layers

    def fetch_inputs(layers: Iterable[Layer], arrived: Callable[[str], None]) -> None:
        fetch_inputs_of(context, job.image, job.lock, inputs_of_layers(job.lock, layers), arrived)
        refuse_unfit_wheels(context, job.image, job.lock, [each.platform for each in job.plan.platforms])

    root = job.image.folder.parent.resolve().parent
    return BuildRequest(
        plan=job.plan,
        whole=job.whole,
        root=root,
        rules=root / job.image.folder.parent.name / job.image.spec.name,
        inputs=root / job.image.folder.parent.name / job.image.inputs.name,
        store=context.store,
        workers=context.workers,
        find=interpreter_finder(context, job.image, job.lock),
        prove=job.prove,
        fetch=fetch_inputs,
    )


def _lock(context: Context, image: ScriptImage) -> Lock:
    """Return the lock of an image, which is made where there is none, or where the script asks for something else.

    Without a network a lock whose script changed since is refused, as is one that was edited.
    """
    from onedigest.rules.files import read

    text, name = read(image.lock_path), image.spec.name
    if text is None:
        why = "no lock yet, so one is generated"
    elif not context.offline and (keys := changed_keys(image, text)):
        why = f"{', '.join(keys)} changed since it was locked, so it is locked again; review {shown(image.folder)}"
    else:
        lock = read_lock(image)
        moved = moved_code(image, lock, partial(sources, context, image))
        if not moved:
            return lock
        why = f"the code of {', '.join(moved)} changed since it was locked, so it is locked again"
        why += f"; review {shown(image.folder)}"
    context.noticed(f"{name}: {why}")
    from onedigest.workspace.lock import generate_one  # a build with nothing to do needs none of it

    generate_one(context, image)
    return read_lock(image)
