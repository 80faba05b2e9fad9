"""The assembler's command line, which is the contract with every engine."""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onedigest.assembler.commands import BELOW, LAYERS, Given, LayerCommand
from onedigest.assembler.entry import ignore
from onedigest.assembler.refusal import Refused

if TYPE_CHECKING:
    from onedigest.assembler.descriptor import Descriptor
    from onedigest.assembler.entry import Entry
    from onedigest.assembler.image import PlatformImage
    from onedigest.assembler.selection import Found


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit code: 0 done, 1 refused, 2 usage."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except Refused as refused:
        print(f"refused: {refused}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error.strerror or error}: {error.filename or options.output}", file=sys.stderr)
        return 1
    except MemoryError:
        print("error: not enough memory", file=sys.stderr)
        return 1
    return 0


def write_layer(options: argparse.Namespace) -> None:
    """Write one layer as a blob, as its tar or as files; print its descriptor unless they are files."""
    from onedigest.assembler.canonical import canonical_json
    from onedigest.assembler.disk_file import write_file

    options.output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.output.parent, prefix=".onedigest-") as folder:
        options.scratch = Path(folder)
        entries = LAYERS[options.kind].entries(_given(options))
        if options.tree:
            from onedigest.assembler.layout import write_tree

            write_tree(entries, options.output)
            return
        new = options.scratch / "layer"
        found = _write_blob(options, entries, new)
        text = canonical_json({"diff_id": found.diff_id, "digest": found.digest, "size": found.size}) + b"\n"
        new.chmod(0o644)
        new.replace(options.output)
    if options.descriptor:
        write_file(options.descriptor, text)
    if not options.quiet:
        print(text.decode(), end="")


def _given(options: argparse.Namespace) -> Given:
    command = LAYERS[options.kind]
    below = [options.below] if command.sees_below and options.below else []
    return Given(
        options={each.name: getattr(options, each.name) for each in command.options},
        inputs=_inputs(getattr(options, command.input), options.scratch) if command.input else (),
        files=_files(options) if command.takes_files else None,
        encoded=options.encoded if command.unpacks else None,
        below=next(_inputs(below, options.scratch / BELOW), None),
        tell=ignore if options.quiet else lambda text: print(f"warning: {text}", file=sys.stderr),
    )


def _write_blob(options: argparse.Namespace, entries: list[Entry], new: Path) -> Descriptor:
    if getattr(options, "encoded", None):
        from onedigest.assembler.encoded import take_encoded

        return take_encoded(entries, options.encoded, new)
    from onedigest.assembler import stream
    from onedigest.assembler.descriptor import Descriptor

    with new.open("wb") as file:
        if options.tar:
            diff_id, size = stream.write_tar(entries, file)
            return Descriptor(diff_id, diff_id, size)
        return stream.write(entries, file)


def write_image(options: argparse.Namespace) -> None:
    """Write an image as an OCI layout, or only its digests, and print them."""
    from onedigest.assembler.canonical import canonical_json
    from onedigest.assembler.disk_file import file_digest, write_file
    from onedigest.assembler.document import read_annotations, read_config, read_descriptor
    from onedigest.assembler.image import assemble_index, assemble_platform

    descriptors: dict[str, list[Descriptor]] = {}
    for platform, path in options.layer:
        descriptors.setdefault(platform, []).append(read_descriptor(path))
    annotations = read_annotations(options.annotations) if options.annotations else {}
    platforms = [
        assemble_platform(platform, read_config(path), descriptors.get(platform, []), annotations)
        for platform, path in options.config
    ]
    image = assemble_index(platforms, annotations)
    text = canonical_json({"index": image.digest, "platforms": {each.platform: _digests(each) for each in platforms}})
    if options.output:
        blobs = {file_digest(path): path for path in options.blob}
        missing = [layer.digest for layer in image.layers() if layer.digest not in blobs]
        if missing:
            raise Refused("image", f"no --blob has the digest {missing[0]}")
        from onedigest.assembler.layout import write_layout

        write_layout(image, blobs, options.output)
    if options.digests:
        write_file(options.digests, text + b"\n")
    if not options.quiet:
        print(text.decode())


def check(options: argparse.Namespace) -> None:
    """Hold the digests of an image against its record, and print the one that it is known by."""
    from onedigest.assembler.disk_file import write_file
    from onedigest.assembler.record_check import check_record

    text = check_record(options.digests, options.record) + "\n"
    if options.output:
        write_file(options.output, text.encode())
    if not options.quiet:
        print(text, end="")


def _digests(image: PlatformImage) -> dict[str, str]:
    return {"manifest": image.manifest_digest, "config": image.config_digest}


def list_selection(options: argparse.Namespace) -> None:
    """Print the files of a selection as JSON, or write them to a file."""
    from onedigest.assembler.application_files import listing_of, selected_files
    from onedigest.assembler.disk_file import write_file

    found = _select(options)
    selected_files(found)
    text = listing_of(options.project.resolve(), found.files) + "\n"
    if options.output:
        write_file(options.output, text.encode())
    elif not options.quiet:
        print(text, end="")


def _files(options: argparse.Namespace) -> Iterator[tuple[str, bytes | Path, bool]] | None:
    from onedigest.assembler.application_files import contents, read_listing, selected_files

    if not (options.listing or options.project):
        return None
    return contents(read_listing(options.listing) if options.listing else selected_files(_select(options)))


def _select(options: argparse.Namespace) -> Found:
    """Return the files that a selection has in the tree here, after what it leaves out is said."""
    from onedigest.assembler.selection import Selection, select

    selection = Selection(
        folder=options.folder,
        script=options.script,
        files=tuple(options.files),
        copies=tuple(options.copy),
        ignore_file=options.ignore_file,
        ignore_in_copies=options.ignore_in_copies,
    )
    found = select(options.project, selection)
    for warning in () if options.quiet else found.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    return found


_PLAIN_NAME = re.compile(r"[^/\x00-\x1f\x7f]{1,255}")


def _inputs(given: list[list[str]], scratch: Path) -> Iterator[Path]:
    """Yield input files, which must have their digest where one is given, under their name where that is given."""
    from onedigest.assembler.disk_file import file_digest

    for number, (file, *rest) in enumerate(given):
        path = Path(file)
        name = rest[1] if len(rest) > 1 else path.name
        if len(rest) > 2 or name in (".", "..") or not _PLAIN_NAME.fullmatch(name):
            raise Refused("name", f"{name!r} is not the name of an input")
        if rest and file_digest(path) != rest[0]:
            raise Refused("changed", f"{name}: not the file of the lock, whose digest is {rest[0]}")
        if name != path.name:
            path = scratch / f"input{number}" / name
            path.parent.mkdir(parents=True)
            path.symlink_to(Path(file).resolve())
        yield path


def _named(text: str) -> tuple[str, Path]:
    name, path = _pair(text, "NAME=PATH")
    return name, Path(path)


def _copied(text: str) -> tuple[str, str]:
    return _pair(text, "TARGET=SOURCE")


def _pair(text: str, form: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name or not value:
        raise argparse.ArgumentTypeError(f"{text!r} is not {form}")
    return name, value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="assemble", description="Turn wheels into layers, and layers into an image.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, layer in LAYERS.items():
        command = commands.add_parser(name, help=f"write {layer.sentence} as a blob")
        _add_arguments(command, layer)
        command.add_argument("--output", type=Path, required=True, metavar="PATH")
        command.add_argument("--descriptor", type=Path, metavar="FILE", help="write the printed line here too")
        form = command.add_mutually_exclusive_group()
        form.add_argument("--tar", action="store_true", help="write the uncompressed tar")
        form.add_argument("--tree", action="store_true", help="write the entries as files, into a new folder PATH")
        command.set_defaults(run=write_layer, kind=name)
    image = commands.add_parser("image", help="write an OCI layout")
    image.add_argument("--config", type=_named, action="append", required=True, metavar="PLATFORM=FILE")
    image.add_argument("--layer", type=_named, action="append", default=[], metavar="PLATFORM=DESCRIPTOR")
    image.add_argument("--annotations", type=Path, metavar="FILE", help="of the index and of each manifest, as JSON")
    image.add_argument("--blob", type=Path, action="append", default=[], metavar="FILE")
    image.add_argument("--output", type=Path, metavar="DIR")
    image.add_argument("--digests", type=Path, metavar="FILE", help="write the printed line here too")
    image.set_defaults(run=write_image)
    checked = commands.add_parser("check", help="hold an image against its record")
    checked.add_argument("--digests", type=Path, required=True, metavar="FILE", help="what `image` wrote")
    checked.add_argument("--record", type=Path, required=True, metavar="FILE", help="the image.toml")
    checked.add_argument("--output", type=Path, metavar="FILE", help="write the digest of the image here too")
    checked.set_defaults(run=check)
    selected = commands.add_parser("select", help="list the files of an application as JSON")
    _add_selection(selected, selected, needed=True)
    selected.add_argument("--output", type=Path, metavar="FILE", help="write the list here, and print nothing")
    selected.set_defaults(run=list_selection)
    for command in commands.choices.values():
        command.add_argument("--quiet", action="store_true", help="print nothing that is well")
    return parser


_PINNED = ("FILE", "DIGEST [NAME]")


def _add_arguments(command: argparse.ArgumentParser, layer: LayerCommand) -> None:
    for each in layer.options:
        command.add_argument(
            f"--{each.name}",
            required=each.default is None,
            default=each.default,
            metavar=each.form,
            help=each.sentence,
        )
    if layer.input:
        needed: dict[str, Any] = {"default": []} if layer.settles else {"required": True}
        command.add_argument(f"--{layer.input}", action="append", nargs="+", metavar=_PINNED, **needed)
    if layer.input or layer.unpacks:
        sentence = "take the layer in the encoding of this one"
        command.add_argument("--encoded", type=Path, required=layer.unpacks, metavar="FILE", help=sentence)
    if layer.sees_below:
        command.add_argument(f"--{BELOW}", nargs="+", metavar=_PINNED, help="the list of the files of an image below")
    if layer.takes_files:
        _add_files(command, needed=not layer.unpacks)


def _add_files(command: argparse.ArgumentParser, *, needed: bool) -> None:
    source = command.add_mutually_exclusive_group(required=needed)
    source.add_argument("--listing", type=Path, metavar="FILE", help="what `select` wrote, beside the files")
    _add_selection(command, source)


def _add_selection(
    command: argparse.ArgumentParser, source: argparse._ActionsContainer, *, needed: bool = False
) -> None:
    source.add_argument("--project", type=Path, required=needed, metavar="DIR", help="the root that files are below")
    for name, metavar, sentence in (
        ("folder", "PATH", "the script's folder, from the root"),
        ("script", "NAME", "the script, in its folder"),
        ("ignore-file", "PATH", "the .dockerignore for copied folders, from the script's folder"),
    ):
        command.add_argument(f"--{name}", default="", metavar=metavar, help=sentence)
    command.add_argument("--files", action="append", default=[], metavar="PATTERN", help="files below its folder")
    about = "the lines of that are about each copied folder, too"
    command.add_argument("--ignore-in-copies", action="store_true", help=about)
    copied = "a file or folder from there, and its place below the application's folder, or an absolute one"
    command.add_argument("--copy", type=_copied, action="append", default=[], metavar="TARGET=SOURCE", help=copied)


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main())
