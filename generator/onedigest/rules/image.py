"""The generated files of one image: how they are rendered, checked against the disk, and written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from onedigest import formats, header, merge_conflicts
from onedigest.definition.spec import Spec
from onedigest.digest import Digest
from onedigest.errors import InputError
from onedigest.lock import text as lock_text
from onedigest.lock.model import Lock
from onedigest.plan.layers import Plan
from onedigest.rules import files as rule_files
from onedigest.rules import nix
from onedigest.rules.assemblers import rendered_as_named, unknown_assemblers
from onedigest.rules.bake import target_of
from onedigest.rules.bazel import FILE_NAME as BUILD
from onedigest.rules.bazel import find_package, render_build
from onedigest.rules.bazel_layers import FILE_NAME as LAYERS
from onedigest.rules.bazel_layers import layer_targets, render_layers
from onedigest.rules.dockerfile import render_dockerfile
from onedigest.rules.files import Files
from onedigest.rules.model import BAZEL, DOCKER, GIT_FILES, NIX, OWN, Rules, StaleFile, folder_files, own_files


def render_rules(spec: Spec, lock: Lock, plan: Plan, folder: Path) -> Rules:
    """Render the lock and the rules that an image asks for into a lock folder. Raises `InputError`.

    Rules that are there go on naming their assembler, as long as nothing else of them moves.
    """
    _refuse_taken_name(spec)
    layers = layer_targets(plan) if BAZEL in spec.rules and not plan.commands() else {}

    def render(assembler: Digest) -> Files:
        texts: dict[str, str] = {}
        if DOCKER in spec.rules:
            texts |= render_dockerfile(spec, lock, plan, folder.name, assembler)
        if BAZEL in spec.rules:
            texts[BUILD] = render_build(spec, plan, layers, find_package(folder))
            texts[LAYERS] = render_layers(spec.script, layers.values())
        if NIX in spec.rules:
            texts[nix.FILE_NAME] = nix.render_nix(spec, plan, folder.name)
        return {f"{spec.name}/{name}": text for name, text in texts.items()}

    paths = [f"{spec.name}/{name}" for name in own_files(spec.rules)]
    return Rules(
        name=spec.name,
        kinds=spec.rules,
        files={f"{spec.name}/{formats.LOCK_FILE}": lock_text.dumps(lock), **rendered_as_named(folder, paths, render)},
        bake=target_of(spec, plan, folder.name) if DOCKER in spec.rules else None,
    )


def write_rules(rules: Rules, folder: Path) -> tuple[list[str], list[str]]:
    """Write the files of an image, and remove those that it does not ask for any more.

    Return the paths that changed, and those of files that are not of onedigest and were left.
    """
    changed = rule_files.write(folder, rules.files)
    removed, left = rule_files.remove(folder, _unasked(rules))
    return sorted([*changed, *removed]), left


def stale_files(rules: Rules, folder: Path) -> Iterator[StaleFile]:
    """Yield the files of an image that are not what was rendered now, and those that it does not ask for."""
    for path, expected in rules.files.items():
        text = rule_files.read(folder / path)
        if text != expected:
            yield stale_file(path, text)
    for path in _unasked(rules):
        if (text := rule_files.read(folder / path)) is not None:
            yield unasked_file(path, text)


def edited_files(spec: Spec, lock: Lock, folder: Path) -> Iterator[StaleFile]:
    """Yield the files of an image that were changed by hand; nothing is rendered for that but the lock."""
    path = f"{spec.name}/{formats.LOCK_FILE}"
    text = rule_files.read(folder / path)
    if text != lock_text.dumps(lock):
        yield stale_file(path, text)
    for path in [f"{spec.name}/{name}" for name in own_files(spec.rules)]:
        text = rule_files.read(folder / path)
        if text is not None and not header.is_intact(text):
            yield stale_file(path, text)


def stale_file(path: str, text: str | None) -> StaleFile:
    """Say what is wrong with a file that is not as it was rendered now."""
    if text is None:
        return StaleFile(path, "is missing")
    if merge_conflicts.first_line(text):
        return StaleFile(path, merge_conflicts.MARKS, edited=True)
    if not header.is_intact(text):
        return StaleFile(path, "was changed by hand", edited=True)
    written = None if path.endswith(f"/{formats.LOCK_FILE}") else header.stated_format(text)
    if written in (None, formats.RULES) and (unknown := unknown_assemblers(text)):
        return StaleFile(path, f"names `{unknown[0]}`, an assembler that this version does not have", written)
    return StaleFile(path, "is out of date", written)


def unasked_file(path: str, text: str) -> StaleFile:
    """Say that a file is there which nobody asks for."""
    if header.MARK not in text[: header.HEAD]:
        return StaleFile(path, "is not a file of onedigest, and has the name of one that `rules` does not ask for")
    return StaleFile(path, "is there, and `rules` does not ask for it")


def _unasked(rules: Rules) -> list[str]:
    asked = own_files(rules.kinds)
    return [f"{rules.name}/{name}" for name in own_files(OWN) if name not in asked]


def _refuse_taken_name(spec: Spec) -> None:
    taken = {formats.RECORD_FILE, formats.LOCK_FILE, *own_files(OWN), *folder_files(OWN), *GIT_FILES}
    if spec.name in {name.lower() for name in taken}:
        raise InputError.of(
            f"the name `{spec.name}` is that of a generated file",
            where=spec.script,
            hint="set another `name` in [tool.onedigest]",
        )
