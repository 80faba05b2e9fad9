"""A Debian release file: what it states, and whether it is valid at a time, as apt decides that."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from onedigest.debian.date import moment
from onedigest.debian.signature import OTHER_MIRROR, verified_text
from onedigest.digest import Digest, of_bytes
from onedigest.errors import NetworkError

MOST_BYTES = 8 << 20
"""Release files have 150 KiB."""

_FIELD = re.compile(r"(?m)^([A-Za-z-]+): (.*)$")
_LISTED = re.compile(r"(?m)^ ([0-9a-f]{64}) +(\d{1,15}) (\S{1,255})$", re.ASCII)
_AHEAD = timedelta(days=1)
"""How far clocks may differ."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseFile:
    """What the release file of a suite states: its fields, its date, and digest and size of each file by path.

    `digest` is that of the signed file itself.
    """

    suite: str
    digest: Digest
    where: str
    fields: dict[str, str]
    date: str
    files: dict[str, tuple[str, int]]

    def file(self, path: str, most: int) -> tuple[str, int]:
        """Return digest and size of a file. Raises `NetworkError`."""
        if path not in self.files:
            raise NetworkError.of(f"the release file does not list {path}", where=self.where)
        digest, size = self.files[path]
        if size > most:
            raise NetworkError.of(f"{path} has {size} bytes; {most} are the most", where=self.where)
        return digest, size


def read_release(signed: bytes, suite: str, where: str, now: datetime) -> ReleaseFile:
    """Read the signed release file of a suite. Raises `NetworkError` unless Debian signed it, and for this suite."""
    return read_signed(verified_text(signed, where, now=now), of_bytes(signed), suite, where)


def read_signed(text: str, digest: Digest, suite: str, where: str) -> ReleaseFile:
    """Read the text of a release file whose signature was verified; `digest` is that of the whole file.

    Raises `NetworkError` for one that is not what it should be.
    """
    rows = _FIELD.findall(text)
    listed = _LISTED.findall(text)
    files = {path: (f"sha256:{digest}", int(size)) for digest, size, path in listed}
    fields = dict(rows)
    if len(fields) < len(rows) or len(files) < len(listed):
        raise NetworkError.of("the release file says something twice", where=where)
    for name in ("Date", "Valid-Until"):
        if moment(fields.get(name, "")) is None and (name == "Date" or name in fields):
            what = "date of" if name == "Date" else "`Valid-Until` of"
            found = fields.get(name, "")[:80]
            raise NetworkError.of(f"the {what} the release file is {found!r}, which is none", where=where)
    if suite not in (fields.get("Suite"), fields.get("Codename")):
        raise NetworkError.of(f"the release file is of {fields.get('Codename')}", where=where)
    return ReleaseFile(suite=suite, digest=digest, where=where, fields=fields, date=fields["Date"], files=files)


def refuse_untimely(release: ReleaseFile, now: datetime, *, expires: bool) -> None:
    """Raise `NetworkError` for a release file that is too old, if it expires, or of a time to come."""
    date, until = moment(release.date), moment(release.fields.get("Valid-Until", ""))
    if date and date > now + _AHEAD:
        message = f"the release file is of {release.date}, which is to come"
        raise NetworkError.of(message, where=release.where, hint="set the clock of this machine")
    if expires and until and until < now:
        message = f"the release file expired on {release.fields['Valid-Until']}"
        raise NetworkError.of(message, where=release.where, hint=f"{OTHER_MIRROR}, or set the clock of this machine")
