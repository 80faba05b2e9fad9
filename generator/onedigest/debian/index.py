"""A Packages index: the stanza of each package, parsed when it is asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from onedigest import untrusted
from onedigest.debian.versions import key
from onedigest.errors import InputError, NetworkError

_PACKAGE = re.compile(r"\nPackage: (\S+)(?=\n|\Z)")
_PROVIDES = re.compile(r"\nProvides: (.+)")
_ESSENTIAL = re.compile(r"\nEssential: yes(?=\n|\Z)")
"""With the line break before them: where a pattern begins with letters, what is to be found is looked for at once."""

_FIELD = re.compile(r"(?m)^([A-Za-z][A-Za-z0-9-]*): (.*(?:\n[ \t].*)*)")
_ALTERNATIVE = re.compile(r"([a-z0-9][a-z0-9+.-]*)(?::[a-z0-9-]+)?(?:\s*\(\s*(<<|<=|=|>=|>>)\s*(\S{1,256}?)\s*\))?")
_PARAGRAPH = re.compile(r"(?:.+\n?)+")
_INSTALLED = " ok installed"
_MOST_INSTALLED = 100_000
_MOST_VERSIONS = 100
"""Of one package in one index."""
_SIZE = re.compile(r"\d{1,15}", re.ASCII)
_PRIORITIES = ("required", "important", "standard", "optional", "extra")


@dataclass(frozen=True, slots=True)
class Relation:
    """A package that is named by another, such as `libc6 (>= 2.36)`."""

    name: str
    relation: str = ""
    version: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.relation} {self.version})" if self.relation else self.name


@dataclass(frozen=True)
class Stanza:
    """What an index says of one package. `date` is that of a release that had it, where none has it now."""

    name: str
    version: str
    architecture: str
    path: str
    sha256: str
    size: int
    priority: int
    fields: dict[str, str]
    suite: str = ""
    date: str = ""

    @property
    def is_essential(self) -> bool:
        """Whether every package may take it for granted."""
        return self.fields.get("Essential") == "yes"

    @cached_property
    def depends(self) -> tuple[tuple[Relation, ...], ...]:
        """All of these are needed; of each, one alternative."""
        return (*relations(self.fields.get("Pre-Depends", "")), *relations(self.fields.get("Depends", "")))

    @cached_property
    def conflicts(self) -> tuple[Relation, ...]:
        """None of these may be there."""
        both = (*relations(self.fields.get("Conflicts", "")), *relations(self.fields.get("Breaks", "")))
        return tuple(relation for alternatives in both for relation in alternatives)

    @cached_property
    def provides(self) -> tuple[Relation, ...]:
        """What other packages may depend on instead."""
        return tuple(
            relation for alternatives in relations(self.fields.get("Provides", "")) for relation in alternatives
        )


def relations(text: str) -> tuple[tuple[Relation, ...], ...]:
    """Read a relationship field (Debian Policy, section 7.1): conjunctions of alternatives."""
    found = []
    for conjunction in text.replace("\n", " ").split(","):
        alternatives = tuple(
            Relation(match[1], match[2] or "", match[3] or "")
            for part in conjunction.split("|")
            if (match := _ALTERNATIVE.match(part.strip()))
        )
        if alternatives:
            found.append(alternatives)
    return tuple(found)


def installed(text: str) -> dict[str, Stanza]:
    """Return the packages that a dpkg status file says are installed, by name; they have no file.

    Anybody may have written it: raises `InputError` for versions that are none, and for very many packages.
    """
    found: dict[str, Stanza] = {}
    for paragraph in _PARAGRAPH.finditer(text):
        fields = dict(_FIELD.findall(paragraph[0]))
        if "Package" in fields and "Version" in fields and fields.get("Status", _INSTALLED).endswith(_INSTALLED):
            name = fields["Package"]
            if not _is(_check_name, name):
                continue  # no relation can name it
            if not _is(untrusted.debian_version, fields["Version"]):
                raise InputError.of(f"the version {fields['Version'][:80]!r} of its Debian package `{name}` is none")
            if len(found) == _MOST_INSTALLED:
                raise InputError.of(f"it has more than {_MOST_INSTALLED} Debian packages")
            found[name] = Stanza(
                name=name,
                version=fields["Version"],
                architecture=fields.get("Architecture", ""),
                path="",
                sha256="",
                size=0,
                priority=len(_PRIORITIES),
                fields=fields,
            )
    return found


def _is(check: Callable[[str], object], value: str) -> bool:
    try:
        check(value)
    except ValueError:
        return False
    return True


class Index:
    """The packages of one architecture in one suite. Where a name stands several times, each is a version of it."""

    def __init__(self, text: str, name: str = "Packages", suite: str = "") -> None:
        self._text = f"\n{text}"
        self._name = name
        self._suite = suite
        self._starts: dict[str, tuple[int, ...]] = {}
        for match in _PACKAGE.finditer(self._text):
            self._starts[match[1]] = (*self._starts.get(match[1], ()), match.start() + 1)
        self._stanzas: dict[str, tuple[Stanza, ...]] = {}

    def versions(self, name: str) -> tuple[Stanza, ...]:
        """Return the stanzas of a package, the newest version first."""
        if name not in self._stanzas:
            found = [self._parse(start) for start in self._starts.get(name, ())[:_MOST_VERSIONS]]
            self._stanzas[name] = tuple(sorted(found, key=lambda each: key(each.version), reverse=True))
        return self._stanzas[name]

    def get(self, name: str) -> Stanza | None:
        """Return the newest stanza of a package."""
        return next(iter(self.versions(name)), None)

    def names(self) -> Iterable[str]:
        """Return the names of all packages."""
        return self._starts.keys()

    def providers(self, virtual: str) -> list[tuple[Stanza, str]]:
        """Return the packages that provide a name, and in which version; by priority, then by name."""
        found = [
            (stanza, relation.version)
            for name in self._provided.get(virtual, ())
            if (stanza := self.get(name))
            for relation in stanza.provides
            if relation.name == virtual
        ]
        return sorted(found, key=_first_provider)

    def essential(self) -> list[str]:
        """Return the names of the packages that are taken for granted (Debian Policy, section 3.8)."""
        return sorted(filter(None, (self._name_before(match) for match in _ESSENTIAL.finditer(self._text))))

    @cached_property
    def _provided(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for match in _PROVIDES.finditer(self._text):
            package = self._name_before(match)
            for alternatives in relations(match[1]) if package else ():
                found.setdefault(alternatives[0].name, set()).add(package)
        return found

    def _name_before(self, match: re.Match[str]) -> str:
        """Return the name of the package in whose stanza a field stands, below its name."""
        start = max(self._text.rfind("\n\n", 0, match.start()), 0)
        package = _PACKAGE.search(self._text, start, match.end())
        return package[1] if package else ""

    def _parse(self, start: int) -> Stanza:
        end = self._text.find("\n\n", start)
        rows = _FIELD.findall(self._text[start : end if end >= 0 else len(self._text)])
        fields = dict(rows)
        try:
            _refuse_other_fields(fields, len(rows))
            priority = fields.get("Priority", "optional")
            return Stanza(
                name=fields["Package"],
                version=fields["Version"],
                architecture=fields["Architecture"],
                path=fields["Filename"],
                sha256=fields["SHA256"],
                size=int(fields["Size"]),
                priority=_PRIORITIES.index(priority) if priority in _PRIORITIES else len(_PRIORITIES),
                fields=fields,
                suite=self._suite,
            )
        except (KeyError, ValueError) as error:
            raise NetworkError.of(f"broken Debian package index: {error}", where=self._name) from None


class Candidates:
    """The packages of one architecture in several suites together: of each name the newest version counts, as for apt.

    Where two suites have one version, the earlier suite has it.
    """

    def __init__(self, indexes: Sequence[Index]) -> None:
        self._indexes = indexes

    def versions(self, name: str) -> tuple[Stanza, ...]:
        """Return the stanzas of a package, the newest version first."""
        found = [stanza for index in self._indexes for stanza in index.versions(name)]
        return tuple(sorted(found, key=lambda each: key(each.version), reverse=True))

    def get(self, name: str) -> Stanza | None:
        """Return the newest stanza of a package."""
        return next(iter(self.versions(name)), None)

    def names(self) -> set[str]:
        """Return the names of all packages."""
        return {name for index in self._indexes for name in index.names()}

    def providers(self, virtual: str) -> list[tuple[Stanza, str]]:
        """Return the packages that provide a name, and in which version; by priority, then by name."""
        found = [pair for index in self._indexes for pair in index.providers(virtual)]
        return sorted((pair for pair in found if self.get(pair[0].name) is pair[0]), key=_first_provider)

    def essential(self) -> list[str]:
        """Return the names of the packages that are taken for granted, by their newest versions."""
        names = {name for index in self._indexes for name in index.essential()}
        return [name for name in sorted(names) if (stanza := self.get(name)) and stanza.is_essential]


def _first_provider(pair: tuple[Stanza, str]) -> tuple[int, str]:
    return pair[0].priority, pair[0].name


def _refuse_other_fields(fields: Mapping[str, str], count: int) -> None:
    """Raise `ValueError` for a stanza with a field twice, or a value that is not of its field's form, if it has it."""
    name = fields.get("Package", "")[:80]
    if len(fields) < count:
        raise ValueError(f"`{name}` has a field twice")
    for field, check in _CHECKS.items():
        try:
            if field in fields:
                check(fields[field])
        except ValueError as error:
            raise ValueError(f"`{name}`: {field} {error}") from None


def _check_size(text: str) -> None:
    if not _SIZE.fullmatch(text):
        raise ValueError(f"is {text[:80]!r}, which is not a number of bytes")
    untrusted.size(int(text))


def _check_name(text: str) -> None:
    untrusted.debian_name(text if len(text) > 1 else 2 * text)  # dpkg takes a name of one letter, too


_CHECKS: Mapping[str, Callable[[str], object]] = {
    "Package": _check_name,
    "Version": untrusted.debian_version,
    "Architecture": untrusted.word,
    "Filename": untrusted.inner_path,
    "SHA256": untrusted.sha256,
    "Size": _check_size,
}
