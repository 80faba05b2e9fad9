"""One image that a command works on: its script, its spec, and where its lock is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from onedigest.assembler.left_out import INPUTS
from onedigest.definition.project import Project
from onedigest.definition.project_parts import ProjectSettings
from onedigest.definition.script import Script
from onedigest.definition.spec import Spec, specify
from onedigest.errors import Problem
from onedigest.formats import LOCK_FILE, RECORD_FILE
from onedigest.wording import shown
from onedigest.workspace.context import Context
from onedigest.workspace.stated_passwords import stated_passwords

if TYPE_CHECKING:
    from onedigest.definition.flyte.recipe import FlyteRecipe
    from onedigest.lock.author import Author


@dataclass(frozen=True, kw_only=True)
class ScriptImage:
    """A script and the spec of its image. `folder` holds its lock; `recipe` is what else an image of Flyte needs.

    `read` are the files that the spec of a project stands in, and `left` the folders of locks that its script has of
    images that are gone. `warn` is told what does not stop a command, and `tell` what was built from source. `place`
    has a problem's hint say where settings of the image are written. With `at_length` explanations are told whole.
    """

    script: Script = field(compare=False)
    spec: Spec
    script_folder: Path
    folder: Path
    recipe: FlyteRecipe | None = field(default=None, compare=False)
    read: tuple[Path, ...] = field(default=(), compare=False)
    left: tuple[Path, ...] = field(default=(), compare=False)
    warn: Callable[[Problem], None] = field(default=lambda _: None, compare=False, repr=False)
    tell: Callable[[str], None] = field(default=lambda _: None, compare=False, repr=False)
    place: Callable[[Problem], Problem] = field(default=lambda problem: problem, compare=False, repr=False)
    at_length: bool = field(default=False, compare=False, repr=False)

    @property
    def lock_path(self) -> Path:
        """Where the lock is."""
        return self.folder / LOCK_FILE

    @property
    def inputs(self) -> Path:
        """Where the inputs of all images beside it are."""
        return self.folder.parent / INPUTS

    @property
    def record_path(self) -> Path:
        """Where the record is."""
        return self.folder / RECORD_FILE

    def author(self) -> Author:
        """Return whom its lock is made for."""
        from onedigest.lock.author import Author

        return Author(warn=self.warn, line_of=self.line_of, tell=self.tell, at_length=self.at_length)

    def line_of(self, package: str) -> str:
        """Return the line of the script that asks for a package, or nothing."""
        from packaging.requirements import InvalidRequirement, Requirement
        from packaging.utils import canonicalize_name

        for text in self.script.dependencies:
            try:
                if canonicalize_name(Requirement(text).name) == package:
                    return self.script.where_text(text, "dependencies")
            except InvalidRequirement:
                continue
        return ""


def make_image(
    context: Context,
    script: Script,
    path: Path,
    recipe: FlyteRecipe | None = None,
    *,
    of: ProjectSettings | None = None,
    around: Project | None = None,
    read: tuple[Path, ...] = (),
) -> ScriptImage:
    """Return the image of a script, or of a project with what is `around` it. Raises `InputError`."""
    path = path.resolve()  # what the script names is found from where it really is
    project = around or context.project(path.parent)
    context.warn(stated_passwords(script, project, recipe))
    spec = specify(script, project, shown(path, context.root(path.parent)), of, recipe.taken if recipe else ())
    if script.uv:
        from onedigest.lock.uv_keys import take

        context.warn(take(script.uv, lambda key: script.where(f"tool.uv.{key}"), spec.build)[1])
    return ScriptImage(
        script=script,
        spec=spec,
        script_folder=path.parent,
        folder=context.lockfiles_of(project) / spec.name,
        recipe=recipe,
        read=read,
        warn=lambda problem: context.warn((problem,)),
        tell=context.said,
        at_length=context.at_length,
    )
