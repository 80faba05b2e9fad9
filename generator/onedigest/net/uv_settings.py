"""The user's own settings of uv that count: where indexes are and how they are reached, and nothing else.

What would choose versions, such as `resolution` or `exclude-newer`, is a script's to say: else two machines would make
two locks of one script.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from onedigest.digest import canonical_json
from onedigest.errors import InputError
from onedigest.net.indexes import PackageIndex, without_users
from onedigest.net.redirects import without_user
from onedigest.untrusted import MOST_TEXT, load_toml

_PLACES = ("index-url", "extra-index-url", "find-links", "no-index")
_REACHED = (
    "allow-insecure-host", "cache-dir", "concurrent-downloads", "http-proxy", "https-proxy", "native-tls", "no-cache",
    "no-proxy", "offline", "system-certs",
)  # fmt: skip
_ASKED = ("keyring-provider", "preview", "preview-features")
"""Say which programs keep passwords; they are asked here, so uv is told nothing of it."""

OF_PROJECT = "ONEDIGEST_UV_CONFIG_OF_PROJECT"
"""A variable that is set where UV_CONFIG_FILE names a file of the project, which may say where indexes are alone."""

_OF_INDEX = ("name", "url", "explicit", "default", "format", "authenticate", "ignore-error-codes", "cache-control")
_OFF = ("", "0", "false")


def settings_files(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """Return where uv's settings of a user and of a machine are, those of the user first."""
    if environment.get("UV_NO_CONFIG", "") not in _OFF:
        return ()
    if named := environment.get("UV_CONFIG_FILE"):
        return (Path(named),)
    home = environment.get("XDG_CONFIG_HOME") or (f"{environment['HOME']}/.config" if "HOME" in environment else "")
    machine = [*(environment.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":"), "/etc"]
    return tuple(Path(folder) / "uv" / "uv.toml" for folder in (home, *machine) if folder)


class UvSettings(NamedTuple):
    """What counts of a file, and where it is."""

    file: str
    values: Mapping[str, Any]


def read_settings(environment: Mapping[str, str]) -> tuple[UvSettings, UvSettings]:
    """Return the settings of a user, and those of a machine, of which uv reads the first file.

    Raises `InputError` for a file that is no TOML, and for one that a variable names and that is not there.
    """
    files = settings_files(environment)
    user = files[:1] if environment.get("UV_CONFIG_FILE") or _has_home(environment) else ()
    machine = next((each for each in files[len(user) :] if each.is_file()), None)
    nothing = UvSettings("", {})
    if environment.get("UV_CONFIG_FILE") and not all(each.is_file() for each in user):
        raise InputError.of("there is no such file of settings", where=str(user[0]), hint="correct UV_CONFIG_FILE")
    own = _read(user[0]) if user else nothing
    if environment.get(OF_PROJECT):
        own = own._replace(values={key: own.values[key] for key in ("index", *_PLACES) if key in own.values})
    return own, (_read(machine) if machine else nothing)


def settings_text(settings: Mapping[str, Any], shown: Iterable[PackageIndex] = ()) -> str:
    """Return settings as uv gets them: no address holds a secret, but for those of `shown`.

    uv looks for a password in the indexes that it knows, by address. Those of `shown` are never searched for packages.
    """
    lines = [f"{key} = {toml_value(settings[key])}\n" for key in (*_PLACES, *_REACHED) if key in settings]
    rows = settings.get("index", ())
    lines += [f"[[index]]\n{_table(row)}" for row in (rows if isinstance(rows, list) else ()) if isinstance(row, dict)]
    lines += [
        f"[[index]]\n{_table({'name': f'onedigest-shown-{number}', 'url': index.url, 'explicit': True})}"
        for number, index in enumerate(shown)
    ]
    return "".join(lines)


def bare_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings whose addresses hold no user and no password."""
    return {key: _bare(value) if key in (*_PLACES, "index") else value for key, value in settings.items()}


def _has_home(environment: Mapping[str, str]) -> bool:
    return bool(environment.get("XDG_CONFIG_HOME") or "HOME" in environment)


def load_settings(path: Path) -> dict[str, Any]:
    """Return all that a file of settings says. Raises OSError, UnicodeDecodeError and TOMLDecodeError."""
    with path.open("rb") as file:
        return load_toml(file.read(MOST_TEXT).decode())


def _read(path: Path) -> UvSettings:
    try:
        table = load_settings(path)
    except OSError:
        return UvSettings(str(path), {})
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError.of(f"uv's settings are no TOML: {error}", where=str(path)) from None
    found = {key: table[key] for key in (*_PLACES, *_REACHED, *_ASKED) if key in table}
    for key in ("index-url", "extra-index-url", "find-links"):
        if key in found:
            found[key] = _absolute(found[key], path.parent)
    rows = table.get("index")
    if isinstance(rows, list):
        found["index"] = [
            {key: _absolute(row[key], path.parent) if key == "url" else row[key] for key in _OF_INDEX if key in row}
            for row in rows
            if isinstance(row, dict)
        ]
    return UvSettings(str(path), found)


def _absolute(value: Any, folder: Path) -> Any:
    """Make paths hold, which are relative to the file that they stand in."""
    if isinstance(value, list):
        return [_absolute(each, folder) for each in value]
    return str(folder.absolute() / value) if isinstance(value, str) and "://" not in value else value


def _bare(value: Any) -> Any:
    if isinstance(value, list):
        return [_bare(each) for each in value]
    if isinstance(value, dict):
        return {**value, **({"url": without_user(value["url"])} if isinstance(value.get("url"), str) else {})}
    return without_users(value) if isinstance(value, str) else value


def _table(row: Mapping[str, Any]) -> str:
    return "".join(f"{key} = {toml_value(value)}\n" for key, value in row.items())


def toml_value(value: Any) -> str:
    """Return a value of TOML on one line: but for tables, it is JSON."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{toml_value(key)} = {toml_value(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    return (
        canonical_json(value if isinstance(value, bool | str | int) else str(value)).decode().replace("\x7f", "\\u007f")
    )
