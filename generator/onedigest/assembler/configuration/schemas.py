"""The settings that GLib's programs read, compiled as `glib-compile-schemas` does (GSettings, gschema.dtd)."""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field, replace

from onedigest.assembler.configuration import gvariant, gvdb
from onedigest.assembler.configuration.file_list import is_listed
from onedigest.assembler.configuration.gvariant import NoValue
from onedigest.assembler.configuration.gvariant_text import is_within, texts, value_bytes
from onedigest.assembler.configuration.strinfo import Choices
from onedigest.assembler.configuration.system import System
from onedigest.assembler.configuration.xml_tree import Element, read
from onedigest.assembler.deb import content_of
from onedigest.assembler.entry import Entry, file_entry
from onedigest.assembler.refusal import Refused

FOLDER = "usr/share/glib-2.0/schemas"

_LIMITS = {
    "y": ("0", "255"),
    "n": ("-32768", "32767"),
    "q": ("0", "65535"),
    "i": ("-2147483648", "2147483647"),
    "u": ("0", "4294967295"),
    "x": ("-9223372036854775808", "9223372036854775807"),
    "t": ("0", "18446744073709551615"),
    "d": ("-inf", "inf"),
}
_SCHEMA = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,1023}")
_KEY = re.compile(r"[a-z](?:-?[a-z0-9]){0,1023}")
_GROUP = re.compile(r"\[([^\]]+)\]\s*")
_SETTING = re.compile(r"([^=\s]+)\s*=\s*(.*)")


_DEEPEST = 32
"""How many schemas may extend each other."""

_MOST_DESKTOPS = 100
"""How many desktops may have a default of their own for one key."""

_WORK = 1_000_000
"""How many choices all keys together may have, each counted whenever it is written."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a schema: its default as it is written, and what limits it.

    `choices` are of the form `c`, or `e` and `f` where they are those of an enumeration or of flags. `translated` is
    how the default is, `context` what translators are told of it, and `written` what they have translated.
    """

    kind: str
    default: str
    choices: Choices | None = None
    form: str = "c"
    limits: tuple[str, str] | None = None
    translated: str = ""
    context: str = ""
    written: str = ""
    desktops: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema: keys, the schemas of its children, and what else is said of it."""

    keys: dict[str, Key]
    children: dict[str, str]
    settings: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Known:
    """What files have told so far: schemas, and the choices of enumerations and flags, by their names."""

    schemas: MutableMapping[str, Schema] = field(default_factory=dict)
    choices: MutableMapping[str, Choices] = field(default_factory=dict)
    work: list[int] = field(default_factory=lambda: [_WORK])

    def check(self, key: Key) -> None:
        """Raise `NoValue` for a key without a value that it may have, and `Refused` where it is too much."""
        self.work[0] -= len(key.choices.values) + len(key.choices.aliases) if key.choices else 0
        if self.work[0] < 0:
            raise Refused("limit", f"/{FOLDER}: the keys have too many choices")
        _value(key)


def make_schemas(system: System) -> Iterable[Entry]:
    """Make the compiled schemas; a file that has a fault is left out whole, as the real tool leaves it out.

    Where packages bring none, those of an image below stay.
    """
    known = _Known()
    for text in (*_files(system, ".enums.xml"), *_files(system, ".gschema.xml")):
        schemas: dict[str, Schema] = {}
        choices: dict[str, Choices] = {}
        more = _Known(ChainMap(schemas, known.schemas), ChainMap(choices, known.choices), known.work)
        try:
            _take(read(text), more)
        except (ValueError, KeyError):
            continue
        known.schemas.update(schemas)
        known.choices.update(choices)
    for text in _files(system, ".gschema.override"):
        _override(text.decode("utf-8", "replace"), known)
    if known.schemas and any(_is_source(path) and not is_listed(entry) for path, entry in system.files.items()):
        tables = {name: _table(schema) for name, schema in known.schemas.items()}
        made = gvdb.file_bytes({"": b"", **tables})
        yield file_entry(f"{FOLDER}/gschemas.compiled", made, executable=False, origin="glib")


def _files(system: System, suffix: str) -> Iterator[bytes]:
    for path, entry in sorted(system.files.items()):
        if _is_source(path) and path.endswith(suffix) and entry.kind == "file":
            yield content_of(entry)


def _is_source(path: str) -> bool:
    folder, _, name = path.rpartition("/")
    return folder == FOLDER and name.endswith((".xml", ".override"))


def _take(root: Element, known: _Known) -> None:
    """Add what a file tells. Raises `NoValue` or `KeyError`."""
    domain = root.attributes.get("gettext-domain", "")
    if root.name != "schemalist":
        raise NoValue("no list of schemas")
    for element in root.children:
        if element.name in ("enum", "flags"):
            values = ((each.attributes["nick"], int(each.attributes["value"], 0)) for each in element.all("value"))
            known.choices[element.attributes["id"]] = Choices.of(values)
        elif element.name == "schema":
            name = element.attributes["id"]
            if name in known.schemas or not _SCHEMA.fullmatch(name):
                raise NoValue(f"{name[:80]!r} is no name of a schema, or is there twice")
            known.schemas[name] = _schema(element, domain, known)


def _schema(element: Element, domain: str, known: _Known) -> Schema:
    said = element.attributes
    base = known.schemas[said["extends"]] if "extends" in said else None
    list_of = said.get("list-of", base.settings.get(".list-of", "") if base else "")
    path = said.get("path", "")
    if path and not (path.startswith("/") and path.endswith("/")):
        raise NoValue(f"the path {path} does not begin and end with a slash")
    settings = {
        ".path": path,
        ".extends": said.get("extends", ""),
        ".list-of": list_of,
        ".gettext-domain": said.get("gettext-domain", domain),
    }
    keys = {_name(each): _key(each, known) for each in element.all("key")}
    for each in element.all("override"):
        keys[each.attributes["name"]] = _overridden(said["extends"], each, known)
    children = {f"{_name(each)}/": each.attributes["schema"] for each in element.all("child")}
    return Schema(keys, children, {name: value for name, value in settings.items() if value})


def _name(element: Element) -> str:
    name = element.attributes["name"]
    if not _KEY.fullmatch(name):
        raise NoValue(f"{name[:80]!r} is no name of a key")
    return name


def _key(element: Element, known: _Known) -> Key:
    said = element.attributes
    default = next(element.all("default"), None)
    if default is None:
        raise NoValue("a key has no default")
    named = said.get("enum", said.get("flags", ""))
    kind = (
        {"enum": "s", "flags": "as"}[next(each for each in ("enum", "flags") if each in said)]
        if named
        else said["type"]
    )
    choices = known.choices[named] if named else None
    for each in element.all("choices"):
        choices = Choices.of((choice.attributes["value"], 0) for choice in each.all("choice"))
    for each in element.all("aliases"):
        for alias in each.all("alias"):
            choices = (choices or Choices()).with_alias(alias.attributes["value"], alias.attributes["target"])
    limits = next((_limits(kind, each) for each in element.all("range")), None)
    key = Key(
        kind,
        default.text,
        choices,
        "e" if "enum" in said else "f" if "flags" in said else "c",
        limits,
        default.attributes.get("l10n", "")[:1],
        default.attributes.get("context", ""),
        default.text.strip(),
    )
    known.check(key)
    return key


def _limits(kind: str, element: Element) -> tuple[str, str]:
    low, high = _LIMITS[kind]
    return element.attributes.get("min", low), element.attributes.get("max", high)


def _overridden(extends: str, element: Element, known: _Known) -> Key:
    """Return a key of a schema, or of those that it extends, with another default."""
    name = element.attributes["name"]
    for _ in range(_DEEPEST):
        if name in known.schemas[extends].keys:
            break
        extends = known.schemas[extends].settings[".extends"]
    translated, context = element.attributes.get("l10n", "")[:1], element.attributes.get("context", "")
    key = replace(
        known.schemas[extends].keys[name],
        default=element.text,
        written=element.text.strip(),
        translated=translated,
        context=context,
    )
    known.check(key)
    return key


def _override(text: str, known: _Known) -> None:
    """Give keys the defaults of a file of the vendor; what fits no key counts for nothing."""
    schema, desktop = None, ""
    for line in text.splitlines():
        if group := _GROUP.fullmatch(line):
            name, _, desktop = group[1].partition(":")
            schema = known.schemas.get(name)
        elif schema and not line.startswith("#") and (setting := _SETTING.fullmatch(line)):
            key = schema.keys.get(setting[1])
            if key is None or (desktop and key.translated) or len(key.desktops) >= _MOST_DESKTOPS:
                continue
            if desktop:
                other = replace(key, desktops={**key.desktops, desktop: setting[2]})
            else:
                other = replace(key, default=setting[2])
            try:
                known.check(other)
            except NoValue:
                continue
            schema.keys[setting[1]] = other


def _table(schema: Schema) -> gvdb.Table:
    strings = {**schema.children, **schema.settings}
    if not any(key.translated for key in schema.keys.values()):
        strings.pop(".gettext-domain", None)
    return {
        "": b"",
        **{name: gvariant.variant(*_value(key)) for name, key in schema.keys.items()},
        **{name: gvariant.variant("s", gvariant.text(value)) for name, value in strings.items()},
    }


def _refuse_default(key: Key) -> None:
    """Raise `NoValue` for a default that is none of the choices, or beyond the limits."""
    if key.choices:
        known = dict(key.choices.values)
        if wrong := [text for text in texts(key.default) if text not in known]:
            raise NoValue(f"{wrong[0][:80]!r} is no choice")
    if key.limits and not is_within(key.kind, key.default, *key.limits):
        raise NoValue(f"{key.default.strip()} is beyond the limits")


def _value(key: Key) -> tuple[str, bytes]:
    """Return the type of what is known of a key, and its bytes: the default, then each thing under its letter."""
    _refuse_default(key)
    found = [(key.kind, value_bytes(key.kind, key.default))]
    if key.translated:
        context = f"{key.context}\4" if key.context else ""
        pair = [gvariant.number("y", ord(key.translated)), gvariant.text(context + key.written)]
        found.append(_under("l", "(ys)", gvariant.structure(["y", "s"], pair)))
    if key.choices:
        words = key.choices.words()
        found.append(_under(key.form, "au", gvariant.array("u", [gvariant.number("u", word) for word in words])))
    if key.limits:
        both = [value_bytes(key.kind, limit) for limit in key.limits]
        found.append(_under("r", f"({key.kind}{key.kind})", gvariant.structure([key.kind, key.kind], both)))
    if key.desktops:
        pairs = [
            gvariant.structure(
                ["s", "v"], [gvariant.text(name), gvariant.variant(key.kind, value_bytes(key.kind, value))]
            )
            for name, value in sorted(key.desktops.items())
        ]
        found.append(_under("d", "a{sv}", gvariant.array("{sv}", pairs)))
    kinds = [kind for kind, _ in found]
    return f"({''.join(kinds)})", gvariant.structure(kinds, [data for _, data in found])


def _under(letter: str, kind: str, data: bytes) -> tuple[str, bytes]:
    return f"(y{kind})", gvariant.structure(["y", kind], [gvariant.number("y", ord(letter)), data])
