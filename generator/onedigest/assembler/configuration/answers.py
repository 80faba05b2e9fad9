"""The exit codes and output of commands that only ask, on a system that is set up for the first time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from onedigest.assembler.configuration.file_list import Listed
from onedigest.assembler.configuration.paths import find, place
from onedigest.assembler.entry import Entry

Words = Sequence[str | None]

_FOLDERS = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin")
"""Where commands are looked for."""

_ELSEWHERE = ("/proc/", "/sys/", "/dev/")
"""What no package brings, and may be there all the same."""

_DONE = frozenset(
    {
        *("add-shell", "addgroup", "adduser", "chgrp", "chmod", "chown", "cp", "deb-systemd-helper"),
        *("deb-systemd-invoke", "dpkg-divert", "dpkg-maintscript-helper", "dpkg-trigger", "groupadd", "install"),
        *("ldconfig", "ln", "mkdir", "mv", "py3compile", "rm", "rmdir", "sed", "touch", "ucf", "ucfr"),
        *("update-alternatives", "update-rc.d", "useradd", "usermod"),
    }
)
"""Commands that succeed, since the script would fail without."""

_QUIET = frozenset({"[", "[[", "cd", "chmod", "chown", "ln", "mkdir", "rm", "test", "trap", "umask"})
SILENT = frozenset({"cd", "echo", "printf", "trap", "umask"})
ASKING = SILENT | {"[", "[[", "command", "hash", "test", "type", "which", "wait"}
"""Commands of the shell that change no file; the silent ones succeed."""

_WORDS = 100
"""How many words of a test are read."""

_TRIPLETS = {"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}


def answer(words: Words, files: Mapping[str, Entry], is_folder: Callable[[str], bool]) -> bool | None:
    """Return whether a command succeeds; None where that is not known. `is_folder` tells where files are below."""
    name, *arguments = words
    if name in ("test", "["):
        return _test(arguments[:-1] if name == "[" else arguments, files, is_folder)
    if name in ("which", "hash", "type") or (name == "command" and arguments[:1] in (["-v"], ["-V"])):
        wanted = arguments[-1] if arguments else None
        return None if wanted is None else program(wanted, files) is not None
    if name == "dpkg" and arguments[:1] == ["--compare-versions"]:
        return _compared(arguments[1:])
    if name == "dpkg-statoverride" and "--list" in arguments:
        return False
    if name in ("update-alternatives", "dpkg-divert") and not {"--install", "--add", "--remove"} & set(arguments):
        return None
    return True if name in _DONE else None


def printed(  # noqa: PLR0911  one for each command
    words: Words, variables: Mapping[str, str | None], files: Mapping[str, Entry]
) -> str | None:
    """Return what a command prints, without the last line's end; None where that is not known."""
    name, *arguments = words
    if None in words:
        return None
    known = [each for each in arguments if each is not None]
    architecture = variables.get("DPKG_MAINTSCRIPT_ARCH") or ""
    if name == "echo" and known[:1] not in (["-n"], ["-e"]):
        return " ".join(known)
    if (name == "command" and known[:1] == ["-v"] and len(known) == 2) or (name == "which" and len(known) == 1):
        return program(known[-1], files) or ""
    if name in ("basename", "dirname") and known and not known[0].startswith("-"):
        folder, _, base = known[0].rstrip("/").rpartition("/")
        return base.removesuffix(known[1] if len(known) > 1 else "") if name == "basename" else folder or "/"
    if name in _QUIET:
        return ""
    if name == "uname" and known in ([], ["-s"]):
        return "Linux"
    if name == "dpkg" and known == ["--print-architecture"]:
        return architecture or None
    if name == "dpkg-architecture" and known[0:1] in (["-qDEB_HOST_MULTIARCH"], ["-qDEB_BUILD_MULTIARCH"]):
        return _TRIPLETS.get(architecture)
    return None


def is_kept(path: str | None) -> bool:
    """Tell whether what is written to is a file that stays."""
    return path is None or not (path.startswith(("/dev/", "&")) or path.isdigit())


def program(name: str, files: Mapping[str, Entry]) -> str | None:
    """Return the path that a command has on a system of some files."""
    places = [name] if name.startswith("/") else [f"{folder}/{name}" for folder in _FOLDERS]
    return next((path for path in places if _is_program(find(files, path))), None)


def _is_program(entry: Entry | None) -> bool:
    return entry is not None and entry.kind == "file" and _is_executable(entry)


def _is_executable(entry: Entry) -> bool:
    """Tell whether a file may be executed; of one of an image below, only its folder tells."""
    if isinstance(entry.content, Listed):
        return entry.path.rpartition("/")[0].endswith("bin")
    return bool(entry.mode & 0o111)


def _test(  # noqa: PLR0911  one for each form
    words: Words, files: Mapping[str, Entry], is_folder: Callable[[str], bool]
) -> bool | None:
    if len(words) > _WORDS:
        return None
    for operator, decides in (("-o", True), ("-a", False)):
        if operator in words[1:-1]:
            at = len(words) - 1 - list(reversed(words)).index(operator)
            sides = (_test(words[:at], files, is_folder), _test(words[at + 1 :], files, is_folder))
            return decides if decides in sides else None if None in sides else not decides
    if words and words[0] == "!" and len(words) > 1:
        inner = _test(words[1:], files, is_folder)
        return None if inner is None else not inner
    if len(words) == 2:
        return _unary(words[0], words[1], files, is_folder)
    if len(words) == 3:
        return _binary(words[0], words[1], words[2])
    if len(words) == 1:
        return None if words[0] is None else words[0] != ""
    return False if not words else None


def _unary(  # noqa: PLR0911  as above
    operator: str | None, value: str | None, files: Mapping[str, Entry], is_folder: Callable[[str], bool]
) -> bool | None:
    if value is None or operator is None:
        return None
    if operator in ("-n", "-z"):
        return (value != "") is (operator == "-n")
    if operator not in ("-e", "-f", "-d", "-x", "-r", "-s", "-L", "-h"):
        return None
    if value.startswith(_ELSEWHERE) or (value and not value.startswith("/")):
        return None
    if operator in ("-L", "-h"):
        entry = files.get(place(files, value) or "")
        return entry is not None and entry.kind == "link"
    entry = find(files, value)
    folder = value.strip("/")
    if entry is None and folder and operator in ("-e", "-d", "-x", "-r"):
        return is_folder(folder)
    if entry is None:
        return False
    if operator == "-x":
        return _is_executable(entry)
    if operator == "-s" and isinstance(entry.content, Listed):
        return None
    if operator == "-s":
        return entry.kind == "dir" or entry.size > 0
    return entry.kind == {"-f": "file", "-d": "dir"}.get(operator, entry.kind)


def _binary(left: str | None, operator: str | None, right: str | None) -> bool | None:
    if left is None or right is None:
        return None
    if operator in ("=", "==", "!="):
        return (left == right) is (operator != "!=")
    try:
        one, other = int(left), int(right)
    except ValueError:
        return None
    found = {
        "-eq": one == other,
        "-ne": one != other,
        "-lt": one < other,
        "-le": one <= other,
        "-gt": one > other,
        "-ge": one >= other,
    }
    return found.get(operator or "")


def _compared(words: Words) -> bool | None:
    """Compare two versions, of which one is empty: it is earlier than any, but for operators in -nl (dpkg(1))."""
    if len(words) != 3 or None in words:
        return None
    left, operator, right = words
    if (left and right) or not operator:
        return None
    signs = {"<<": "lt", "<": "le", "<=": "le", "=": "eq", ">=": "ge", ">": "ge", ">>": "gt"}
    name = signs.get(operator, operator)
    order = (1 if left else 0) - (1 if right else 0)
    if name.endswith("-nl"):
        order, name = -order, name.removesuffix("-nl")
    found = {"lt": order < 0, "le": order <= 0, "eq": order == 0, "ne": order != 0, "ge": order >= 0, "gt": order > 0}
    return found.get(name)
