"""The layers of a plan, and the parts that each of them is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from onedigest.assembler import FORMAT, SPLICE
from onedigest.assembler.descriptor import Descriptor
from onedigest.assembler.selection import Selection
from onedigest.definition.files import File
from onedigest.digest import Digest, canonical_json, of_bytes
from onedigest.formats import BYTECODE, DRAFT
from onedigest.oci import LIBDEFLATE
from onedigest.platforms import Platform

AS_IN_BASE = "as in the base"
"""What stands for the encoding of layers that are taken as they are."""

Options = tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Input:
    """A file that a layer is made of. `flag` is the assembler's option for it, without dashes; `size` is in bytes."""

    flag: str
    name: str
    digest: Digest
    size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """What the assembler is told to make a layer, the same for every engine. Names of options have no dashes.

    `files` decide the bytes, and the `selection` that they were found by is what rules render: it names none of them.
    """

    command: str
    options: Options = ()
    inputs: tuple[Input, ...] = ()
    files: tuple[File, ...] = ()
    selection: Selection | None = None
    encoding: str = SPLICE

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", tuple(sorted(self.options)))

    @property
    def kind(self) -> str:
        """What histories call such a layer."""
        return self.command

    @property
    def encoded(self) -> bool:
        """Whether this machine's encoder makes it, so that other engines are handed the archive."""
        return self.encoding != SPLICE

    @property
    def empty(self) -> bool:
        """Whether it is made of nothing: the layer that a Dockerfile's WORKDIR gives."""
        return not (self.options or self.inputs or self.files or self.encoded)

    def states(self) -> dict[str, object]:
        """Return all that decides the layer's bytes, as JSON has it."""
        inputs: list[tuple[object, ...]] = [(each.flag, each.name, each.digest) for each in self.inputs]
        inputs += [(file.target, file.digest, file.executable) for file in self.files]
        return {"kind": self.kind, "options": dict(self.options), "inputs": inputs, "encoding": self.encoding}


@dataclass(frozen=True, kw_only=True, slots=True)
class BaseLayer:
    """A layer of a base image, which stays as it is."""

    kind: ClassVar[str] = "base-layer"
    encoding: ClassVar[str] = AS_IN_BASE
    descriptor: Descriptor

    def states(self) -> dict[str, object]:
        """Return all that decides the layer's bytes, as JSON has it."""
        known = self.descriptor
        return {"kind": self.kind, "known": [known.digest, known.diff_id, known.media_type, known.size]}


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """A command of `run`, which an engine executes. `seen` is the digest of all that it can see."""

    kind: ClassVar[str] = "command"
    encoding: ClassVar[str] = LIBDEFLATE
    text: str
    seen: Digest

    def states(self) -> dict[str, object]:
        """Return all that decides the layer's bytes, as JSON has it."""
        return {"kind": self.kind, "text": self.text, "seen": self.seen, "encoding": self.encoding}


@dataclass(frozen=True, kw_only=True, slots=True)
class Bytecode:
    """The bytecode of the Python sources in other layers, compiled by CPython `python`, 3.N.P.

    They are those of a recipe, or of the `library` of a base: the folder of its standard library, an absolute path.
    With `checked` Python looks whether a source is still the one that was compiled, for its owner may change it.
    Of an image as the base, `base` is its digest: what that image's own Python compiles is for images above it alone.
    """

    kind: ClassVar[str] = "bytecode"
    encoding: ClassVar[str] = LIBDEFLATE
    python: str
    of: tuple[Recipe | BaseLayer, ...]
    library: str = ""
    checked: bool = False
    base: str = field(default="", compare=False)

    @property
    def taken(self) -> Recipe:
        """What other engines are told, which take it as it was encoded here: the sources that it must be of."""
        own = next((each for each in self.of if isinstance(each, Recipe) and each.selection), None)
        options = own.options if own else ()
        selection = own.selection if own else None
        return Recipe(command=self.kind, options=options, selection=selection, encoding=self.encoding)

    def states(self) -> dict[str, object]:
        """Return all that decides the layer's bytes, as JSON has it."""
        return {
            "kind": self.kind,
            "format": BYTECODE,
            "python": self.python,
            "of": [each.states() for each in self.of],
            "library": self.library,
            "checked": self.checked,
            "encoding": self.encoding,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """One layer of a plan: made by a recipe, kept from a base, executed, or compiled.

    `holds` says it in words, for the history. `name` is for targets, derivations and stages: letters, digits, `.`, `_`
    and `-`; it ends in the architecture where another architecture has another layer.
    """

    holds: str
    name: str = field(compare=False)
    content: Recipe | BaseLayer | Command | Bytecode
    _key: str = field(init=False, repr=False, compare=False, default="")

    def __post_init__(self) -> None:
        value = {"format": [FORMAT, DRAFT], **self.content.states()}
        object.__setattr__(self, "_key", of_bytes(canonical_json(value)))

    def key(self) -> Digest:
        """Return the digest of all that decides the layer's bytes."""
        return Digest(self._key)

    @property
    def kind(self) -> str:
        """What the history calls it: the assembler's command, `base-layer`, `command` or `bytecode`."""
        return self.content.kind

    @property
    def recipe(self) -> Recipe | None:
        """What the assembler is told; None for a layer that is kept or executed."""
        content = self.content.taken if isinstance(self.content, Bytecode) else self.content
        return content if isinstance(content, Recipe) else None

    @property
    def bytecode(self) -> Bytecode | None:
        """What it is compiled of; None for other layers."""
        return self.content if isinstance(self.content, Bytecode) else None

    @property
    def base_layer(self) -> Descriptor | None:
        """What it is known by, for a layer of a base image."""
        return self.content.descriptor if isinstance(self.content, BaseLayer) else None

    @property
    def executed(self) -> str:
        """The command that an engine executes for it; empty for other layers."""
        return self.content.text if isinstance(self.content, Command) else ""

    @property
    def encoding(self) -> str:
        """How it is compressed, as the record states it."""
        return self.content.encoding

    @property
    def encoded(self) -> bool:
        """Whether other engines are handed the archive that this machine's encoder made."""
        return bool(self.recipe and self.recipe.encoded)

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The files that it is made of here, besides those of the application."""
        return tuple(dict.fromkeys(given for each in self._recipes for given in each.inputs))

    @property
    def files(self) -> tuple[File, ...]:
        """The files of the application that it is made of."""
        return tuple(file for each in self._recipes for file in each.files)

    @property
    def base_layers(self) -> tuple[Descriptor, ...]:
        """The layers of a base image that it is, or is made of."""
        return tuple(each.descriptor for each in self._parts if isinstance(each, BaseLayer))

    @property
    def _recipes(self) -> tuple[Recipe, ...]:
        return tuple(each for each in self._parts if isinstance(each, Recipe))

    @property
    def _parts(self) -> tuple[Recipe | BaseLayer | Command, ...]:
        return self.content.of if isinstance(self.content, Bytecode) else (self.content,)


@dataclass(frozen=True, kw_only=True, slots=True)
class PlatformPlan:
    """The image of one platform: layers from below to above, and its configuration but for the diff IDs."""

    platform: Platform
    layers: tuple[Layer, ...]
    config: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """An image that is to be built. `annotations` are those of its index, and of each manifest."""

    name: str
    platforms: tuple[PlatformPlan, ...]
    annotations: tuple[tuple[str, str], ...] = ()

    def digest(self) -> Digest:
        """Return the content key: plans with one digest give one image."""
        value: list[object] = [
            {
                "platform": each.platform.oci,
                "layers": [layer.key() for layer in each.layers],
                "config": of_bytes(each.config),
            }
            for each in self.platforms
        ]
        if self.annotations:
            value.append({"annotations": dict(self.annotations)})
        return of_bytes(canonical_json(value))

    def commands(self) -> tuple[Layer, ...]:
        """Return the layers of `run`, which need an engine that executes them."""
        return tuple(layer for layer in self.layers() if layer.executed)

    def layers(self) -> tuple[Layer, ...]:
        """Return the distinct layers of all platforms, in their order."""
        found: dict[Digest, Layer] = {}
        for each in self.platforms:
            for layer in each.layers:
                found.setdefault(layer.key(), layer)
        return tuple(found.values())
