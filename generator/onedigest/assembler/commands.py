"""The commands that make a layer: the purpose of each, its arguments, and the entries that it gives.

Engines start the assembler for each layer, and what a zipapp imports is compiled each time: so each command imports its
own when it makes something.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from onedigest.assembler import VENV
from onedigest.assembler.entry import ignore
from onedigest.assembler.refusal import Refused

if TYPE_CHECKING:
    from onedigest.assembler.entry import Entry
    from onedigest.assembler.zip_member import Inflater


class Given(NamedTuple):
    """What a command makes a layer of.

    `inputs` are wheels or .debs under their own names, `files` those of an application: target, content or a file on
    disk, executable; None where nobody says what it has. `below` is the list of the files of an image below, and
    `encoded` an archive that was made elsewhere. Without an `inflater` zlib inflates. `tell` takes what is odd about an
    input.
    """

    options: Mapping[str, str]
    inputs: Iterable[Path] = ()
    files: Iterable[tuple[str, bytes | Path, bool]] | None = None
    encoded: Path | None = None
    inflater: Inflater | None = None
    below: Path | None = None
    tell: Callable[[str], object] = ignore


class Option(NamedTuple):
    """An option with one value. Without a `default` it has to be given."""

    name: str
    form: str
    sentence: str
    default: str | None = None


class LayerCommand(NamedTuple):
    """A command that makes a layer.

    `input` is the option that names one of its inputs, each with its digest. One that `settles` needs none, and those
    alone make a difference to it that share a path with another one. `sees_below` tells whether it can be given the
    list of the files of an image below, as one more input. One that `unpacks` has nothing but an archive that was
    made elsewhere, and proves it by the files of an application, where these are given.
    """

    sentence: str
    entries: Callable[[Given], list[Entry]]
    options: tuple[Option, ...] = ()
    input: str = ""
    settles: bool = False
    takes_files: bool = False
    sees_below: bool = False
    unpacks: bool = False


BELOW = "below"
"""The option that names the list of the files of an image below."""


STATED = "stated"
"""The option that says what wheels are of."""


def _wheels(given: Given) -> list[Entry]:
    from onedigest.assembler.layer import wheels_layer

    place, stated = _place(given), _stated(given)
    return wheels_layer(given.inputs, given.options["python"], given.inflater, place, given.tell, stated)


def _virtual_environment(given: Given) -> list[Entry]:
    from onedigest.assembler.layer import virtual_environment_layer

    interpreter, version = given.options["interpreter"], given.options["version"]
    place, stated = _place(given), _stated(given)
    return virtual_environment_layer(interpreter, version, place, given.inputs, given.inflater, stated)


def _place(given: Given) -> str:
    return given.options.get("place", _VENV)


def _stated(given: Given) -> str:
    return given.options.get(STATED, "")


def _application(given: Given) -> list[Entry]:
    from onedigest.assembler.layer import application_layer

    return application_layer(given.files or (), given.options["root"], given.options["owner"], _known(given))


def _bytecode(given: Given) -> list[Entry]:
    from onedigest.assembler.bytecode_layer import bytecode_layer

    if given.encoded is None:
        raise Refused("encoded", "bytecode: nothing here compiles, so an archive of it is needed")
    return bytecode_layer(given.encoded, given.files, given.options["root"], given.options["owner"], _known(given))


def _known(given: Given) -> str:
    return given.options.get("known", "")


def _folder(given: Given) -> list[Entry]:
    from onedigest.assembler.layer import folder_layer

    mode = given.options.get("mode", _PLAIN)
    return folder_layer(given.options["path"], given.options["owner"], _known(given), mode)


def _account(given: Given) -> list[Entry]:
    from onedigest.assembler.layer import account_layer

    home, passwd, group = (given.options.get(name, "") for name in ("home", "passwd", "group"))
    return account_layer(given.options["user"], home, passwd, group)


def _working_directory(_: Given) -> list[Entry]:
    from onedigest.assembler.layer import working_directory_layer

    return working_directory_layer()


def _debian_root(given: Given) -> list[Entry]:
    from onedigest.assembler.debian_root import debian_root_layer

    return debian_root_layer(given.inputs, given.options["user"])


def _debian_packages(given: Given) -> list[Entry]:
    from onedigest.assembler.debian_packages import debian_packages_layer

    return debian_packages_layer(given.inputs)


def _debian_configuration(given: Given) -> list[Entry]:
    from onedigest.assembler.debian_root import debian_configuration_layer

    return debian_configuration_layer(given.inputs, given.below)


def _debug_shell(given: Given) -> list[Entry]:
    from onedigest.assembler.debug_shell import debug_shell_layer

    return debug_shell_layer(given.inputs)


_PLAIN = "0755"

_VENV = f"/{VENV}"

_PLACE = Option("place", "PATH", "where the virtual environment is in the image", _VENV)

_STATED = Option(
    STATED, "FILE=NAME==VERSION,…", "what wheels are of, where the lock says it and their file names do not", ""
)

_ROOT = Option("root", "PATH", "the folder of the files in the image", "/app")

_OWNER = Option("owner", "UID:GID", "whose it is, and what is in it", "0:0")

_KNOWN = Option(
    "known", "PATH=MODE:UID:GID,…", "folders of the base that are not plainly root's, and stay as they are", ""
)

LAYERS: Mapping[str, LayerCommand] = {
    "wheels": LayerCommand(
        "a layer of wheels",
        _wheels,
        (Option("python", "3.N", "Python version of the image"), _PLACE, _STATED),
        input="wheel",
    ),
    "virtual-environment": LayerCommand(
        "the virtual environment",
        _virtual_environment,
        (
            Option("interpreter", "PATH", "absolute path in the image"),
            Option("version", "3.N.P", "full version of the interpreter"),
            _PLACE,
            _STATED,
        ),
        input="wheel",
        settles=True,
    ),
    "application": LayerCommand(
        "the script and its files",
        _application,
        (_ROOT, _OWNER, _KNOWN),
        takes_files=True,
    ),
    "bytecode": LayerCommand(
        "bytecode that was compiled elsewhere, of an application that is given or of anything else",
        _bytecode,
        (_ROOT, _OWNER, _KNOWN),
        takes_files=True,
        unpacks=True,
    ),
    "folder": LayerCommand(
        "a folder",
        _folder,
        (
            Option("path", "PATH", "absolute path in the image"),
            _OWNER,
            _KNOWN,
            Option("mode", "MODE", "its mode, four octal digits", _PLAIN),
        ),
    ),
    "account": LayerCommand(
        "the account of a user",
        _account,
        (
            Option("user", "UID:GID", "whose the home folder is"),
            Option("home", "PATH", "the home folder, where the base has none", ""),
            Option("passwd", "TEXT", "what /etc/passwd is to be, where it is to be another", ""),
            Option("group", "TEXT", "what /etc/group is to be, where it is to be another", ""),
        ),
    ),
    "working-directory": LayerCommand("the working directory's layer, which is empty", _working_directory),
    "debian-root": LayerCommand(
        "a root of Debian packages",
        _debian_root,
        (Option("user", "UID:GID", "whose the home folder is"),),
        input="deb",
    ),
    "debian-packages": LayerCommand("further Debian packages", _debian_packages, input="deb"),
    "debian-configuration": LayerCommand(
        "what scripts of Debian packages would have made", _debian_configuration, input="deb", sees_below=True
    ),
    "debug-shell": LayerCommand("a shell for looking inside, of Debian's busybox-static", _debug_shell, input="deb"),
}
"""The one table of them, by the names that plans, rules and histories have too."""
