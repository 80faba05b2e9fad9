"""The engine by which BuildKit builds an image from its generated Dockerfile, and the check against the plan."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from onedigest.assembler.descriptor import Descriptor
from onedigest.assembler.stream import Output
from onedigest.assembler.tar import MTIME
from onedigest.digest import Digest, hex_of
from onedigest.engines import diagnosis
from onedigest.engines.buildkit_log import CleanLog, failure
from onedigest.engines.engine import BuildRequest, Built
from onedigest.engines.kept_layers import write_layer
from onedigest.engines.layers import finish, make_layers
from onedigest.engines.outdated_bytecode import refuse_outdated
from onedigest.engines.prepared import place_encoded
from onedigest.errors import DifferenceError, EngineError
from onedigest.oci.buildkit_export import (
    ExportedPlatform,
    difference,
    differing_paths,
    read_export,
    read_members,
    tar_pieces,
)
from onedigest.plan.inputs import base_layout, prepared_layers
from onedigest.plan.layers import Layer, Plan, PlatformPlan
from onedigest.rules.dockerfile import FILE_NAME, RUN_STAGE, base_contexts
from onedigest.store import Store
from onedigest.tools.docker import Builder, Docker, find_builder

_SHOWN_ENTRIES = 8

_Descriptors = dict[Digest, Descriptor]
_Exports = dict[str, ExportedPlatform]


class Buildx:
    """The engine of `docker buildx`. `say` takes lines of the log, all with `verbose`; `running` the steps at work."""

    name = "buildx"

    def __init__(
        self,
        docker: Docker,
        builder: str,
        *,
        say: Callable[[str], object],
        running: Callable[[Collection[str]], object],
        verbose: bool,
    ) -> None:
        self._docker = docker
        self._named = builder
        self._say = say
        self._running = running
        self._verbose = verbose

    def check(self, plan: Plan) -> None:
        """Raise `EngineError` where docker, buildx or the builder is missing or cannot do this."""
        for each in plan.platforms:
            if any(layer.executed for layer in each.layers) and each.platform.oci not in self._builder.platforms:
                raise EngineError.of(
                    f"the builder `{self._builder.name}` cannot run commands for {each.platform}",
                    hint="install qemu-user-static (with binfmt support) where it runs, or use --builder",
                )

    def build(self, request: BuildRequest) -> Built:
        """Build with BuildKit and with the assembler, hold one against the other, and return the canonical image.

        Raises `DifferenceError` where a layer, a platform or the configuration differs.
        """
        needed = (*prepared_layers(request.whole, request.plan), *request.plan.layers())  # BuildKit makes them itself
        request.fetch(tuple({layer.key(): layer for layer in needed}.values()), lambda _: None)
        place_encoded(
            request.whole,
            built=request.plan,
            inputs=request.inputs,
            store=request.store,
            workers=request.workers,
            find=request.find,
        )
        commands = request.plan.commands()
        made = _AssembledLayers(request)
        with request.store.scratch() as folder:
            exports = self._export(request, folder / "first", made)
            _compare(request.plan, made.descriptors, exports, request.store)
            descriptors = made.descriptors
            if commands:
                refuse_outdated(request.plan, exports)
                _compare_twice(request.plan, exports, self._export(request, folder / "second", made))
                descriptors |= _add_commands(request.plan, exports, request.store)
        return finish(request.plan, descriptors, request.store, (*made.titles, *(layer.holds for layer in commands)))

    @cached_property
    def _builder(self) -> Builder:
        return find_builder(self._docker, self._named)

    def _export(self, request: BuildRequest, folder: Path, made: _AssembledLayers) -> _Exports:
        """Have BuildKit build into a new folder while the assembler does; what executes commands is not cached.

        buildx exports no OCI layout of what several nodes build, so each platform is a build of its own there.
        """
        apart = self._builder.nodes > 1
        groups = [(each,) for each in request.plan.platforms] if apart else [request.plan.platforms]
        exports: _Exports = {}
        for number, platforms in enumerate(groups):
            exports |= self._export_platforms(request, platforms, folder / str(number), made)
        return exports

    def _export_platforms(
        self, request: BuildRequest, platforms: Sequence[PlatformPlan], folder: Path, made: _AssembledLayers
    ) -> _Exports:
        """Have BuildKit build platforms.

        BuildKit does not send a layer that is there. So a file of no content under the name of each layer that it
        should give spares sending those, and what comes is what differs.
        """
        variables = {"SOURCE_DATE_EPOCH": str(MTIME), "BUILDX_NO_DEFAULT_ATTESTATIONS": "1", "LC_ALL": "C.UTF-8"}
        take = self._say if self._verbose else CleanLog(self._say, self._running).take
        arguments = self._arguments(request, platforms, folder)
        with self._docker.running(arguments, folder=request.root, variables=variables, take=take) as running:
            made.make()
            blobs = folder / "blobs" / "sha256"
            blobs.mkdir(parents=True, exist_ok=True)
            for descriptor in made.descriptors.values():
                (blobs / hex_of(descriptor.diff_id)).touch()
                (blobs / hex_of(descriptor.digest)).touch()
            code, said = running.finish()
        if code:
            raise failure(said, request.inputs.name)
        return made.filled(read_export(folder))

    def _arguments(self, request: BuildRequest, platforms: Sequence[PlatformPlan], folder: Path) -> list[str]:
        stages = [f"{RUN_STAGE}-{each.platform.architecture}" for each in platforms]
        executes = bool(request.plan.commands())
        output = {"type": "oci", "dest": str(folder), "tar": "false", "compression": "uncompressed"}
        if executes:
            output["rewrite-timestamp"] = "true"
        inputs = request.inputs.relative_to(request.root)
        return [
            *("buildx", "build", "--builder", self._builder.name),
            *("--file", str(request.rules.relative_to(request.root) / FILE_NAME)),
            *("--platform", ",".join(each.platform.oci for each in platforms)),
            *_contexts(request.whole, f"oci-layout://{inputs / base_layout(request.whole)}"),
            *("--provenance=false", "--sbom=false"),
            *("--output", _comma_separated(output)),
            *(("--no-cache-filter", ",".join(stages)) if executes else ()),
            *("--progress", "plain", "."),
        ]


def _contexts(plan: Plan, base: str) -> list[str]:
    """Return the arguments that hand BuildKit the base as it is among the inputs."""
    return [argument for name in base_contexts(plan) for argument in ("--build-context", f"{name}={base}")]


class _AssembledLayers:
    """What the assembler makes of a request, once."""

    def __init__(self, request: BuildRequest) -> None:
        self._request = request
        self.descriptors: _Descriptors = {}
        self.titles: tuple[str, ...] = ()

    def filled(self, exports: _Exports) -> _Exports:
        """Put our own layers where BuildKit did not send what it gave, which is what they are."""
        ours = {each.diff_id: self._request.store.path(each.digest) for each in self.descriptors.values()}
        return {
            platform: ExportedPlatform(
                config=exported.config,
                layers=tuple(
                    (diff_id, file if file.stat().st_size else ours[diff_id]) for diff_id, file in exported.layers
                ),
            )
            for platform, exported in exports.items()
        }

    def make(self) -> None:
        """Make the layers, the first time that it is called."""
        if self.descriptors:
            return
        request = self._request
        self.descriptors, self.titles = make_layers(
            [layer for layer in request.plan.layers() if not layer.executed],
            inputs=request.inputs,
            store=request.store,
            workers=request.workers,
            find=request.find,
            prove=request.prove,
        )


def _comma_separated(values: Mapping[str, str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow([f"{key}={value}" for key, value in values.items()])
    return text.getvalue()


def _compare(plan: Plan, descriptors: _Descriptors, exports: _Exports, store: Store) -> None:
    """Hold what BuildKit built against what the assembler made. Raises `DifferenceError` with all that differs."""
    lines = []
    for planned in plan.platforms:
        exported = exports.get(planned.platform.oci)
        if exported is None:
            lines.append(f"{planned.platform}: BuildKit built no image")
            continue
        lines += [f"{planned.platform}: {line}" for line in _settings(planned, exported)]
        lines += [f"{planned.platform}: {line}" for line in _layers(planned, descriptors, exported, store)]
    if lines:
        raise DifferenceError.of(
            f"{plan.name}: BuildKit built an image that differs from the plan\n"
            + "\n".join(f"  {line}" for line in lines),
            hint="see whether the inputs are as fetched (`onedigest fetch`); else report it with BuildKit's version",
        )


def _settings(planned: PlatformPlan, exported: ExportedPlatform) -> list[str]:
    """Say which settings of the configuration differ; BuildKit writes its own history."""
    expected, found = json.loads(planned.config), dict(exported.config)
    pairs = {"created": (expected["created"], found.get("created"))}
    for key in ("Env", "User", "WorkingDir", "Entrypoint", "Cmd", "Labels", "StopSignal"):
        pairs[key] = (_setting(expected["config"], key), _setting(found.get("config", {}), key))
    for key in ("ExposedPorts", "Volumes", "Healthcheck"):  # those of a base image are there too
        pairs[key] = (expected["config"].get(key), _own_part(expected["config"].get(key), found.get("config", {}), key))
    return [f"{key} is {new!r}, {old!r} planned" for key, (old, new) in pairs.items() if old != new]


def _setting(config: Mapping[str, Any], key: str) -> Any:
    value = config.get(key)
    if key == "WorkingDir":
        return value or "/"
    return sorted(value or ()) if key == "Env" else value or None


def _own_part(expected: Mapping[str, Any] | None, found: Mapping[str, Any], key: str) -> Any:
    """Return what is found of a setting by the names that are planned."""
    return expected and {name: value for name, value in (found.get(key) or {}).items() if name in expected}


def _layers(planned: PlatformPlan, descriptors: _Descriptors, exported: ExportedPlatform, store: Store) -> list[str]:
    if len(planned.layers) != len(exported.layers):
        return [f"{len(exported.layers)} layers built, {len(planned.layers)} planned"]
    lines = []
    # for commands BuildKit is asked to write one time, which it writes into layers of the base too: they stay as pinned
    is_timed = any(layer.executed for layer in planned.layers)
    for layer, (diff_id, file) in zip(planned.layers, exported.layers, strict=True):
        if layer.executed or descriptors[layer.key()].diff_id == diff_id or (is_timed and layer.base_layer):
            continue
        expected = store.path(descriptors[layer.key()].digest)
        lines.append(f"{layer.holds}: diff ID {diff_id} built, {descriptors[layer.key()].diff_id} planned")
        lines += [f"  {line}" for line in _entries(expected, file, ("planned", "built"))[0]]
    return lines


def _entries(first: Path, second: Path, names: tuple[str, str]) -> tuple[list[str], list[str]]:
    """Say which entries of two layers differ; return the lines, and all paths that differ."""
    old, new = read_members(first), read_members(second)
    paths = differing_paths(old, new)
    lines = [difference(path, old.get(path), new.get(path), names) for path in paths[:_SHOWN_ENTRIES]]
    return [*lines, f"and {len(paths) - len(lines)} more"] if len(paths) > len(lines) else lines, paths


def _compare_twice(plan: Plan, first: _Exports, second: _Exports) -> None:
    """Hold two builds of commands against each other. Raises `DifferenceError` with the likely causes."""
    lines: list[str] = []
    for planned in plan.platforms:
        pairs = zip(
            planned.layers, first[planned.platform.oci].layers, second[planned.platform.oci].layers, strict=True
        )
        for layer, (old_id, old), (new_id, new) in pairs:
            if layer.executed and old_id != new_id:
                found, paths = _entries(old, new, ("first", "then"))
                lines += [f"{planned.platform}: {layer.holds}", *(f"  {line}" for line in found)]
                lines += [f"  likely cause: {why}; {cure}" for why, cure in diagnosis.explain(paths)]
                break  # what follows builds on it
    if lines:
        raise DifferenceError.of(
            f"{plan.name}: two builds of `run` gave different files\n" + "\n".join(f"  {line}" for line in lines),
            hint="mend the command until it gives the same files each time",
        )


def _add_commands(plan: Plan, exports: _Exports, store: Store) -> _Descriptors:
    """Encode the layers of commands with the named encoder, and keep them; return what they are known by."""
    found = {}
    for planned in plan.platforms:
        for layer, (diff_id, file) in zip(planned.layers, exports[planned.platform.oci].layers, strict=True):
            if layer.executed:
                found[layer.key()] = write_layer(layer, partial(_encode, layer, diff_id, file), store)
    return found


def _encode(layer: Layer, diff_id: str, file: Path, output: Output) -> Descriptor:
    """Encode a layer that BuildKit exported. Raises `EngineError` where it is not the one that BuildKit states."""
    from onedigest.oci import libdeflate

    descriptor = libdeflate.write_pieces(tar_pieces(file), output)
    if descriptor.diff_id != diff_id:
        raise EngineError.of(f"BuildKit exported another layer than it states for `{layer.holds}`")
    return descriptor
