"""The credentials that a request shows: its address's own at once, its index's only where the server refuses."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from onedigest.errors import Problem
from onedigest.net.index_credentials import IndexCredential, IndexCredentials, netrc_pair
from onedigest.net.indexes import held_by
from onedigest.net.redirects import origin_of, split, without_user

REFUSED = (401, 403, 404)
"""What servers answer where they want to be shown something; the last hides that there is anything."""

_SAID = (401, 403)


class RequestCredentials:
    """What a client shows to hosts; where one took what its realm is shown, the next request shows it at once."""

    def __init__(self, credentials: IndexCredentials, netrc: Path | None) -> None:
        self._credentials = credentials
        self._netrc = netrc
        self._taken: dict[tuple[str, str], IndexCredential] = {}

    def credentials_for(self, url: str, index: str) -> ShownCredentials:
        """Return what is known of a request. `index` is the address of the index that lists the file, or nothing."""
        user, password = held_by(url)
        if (user or password) and self._credentials.may_show(url):
            own = IndexCredential(url=without_user(url), user=user, password=password)
            return ShownCredentials(url=url, index=index, credentials=self._credentials, first=own, is_stated=True)
        first = self._credentials.at(url) or self._taken.get((origin_of(url), index)) or self._of_netrc(url)
        return ShownCredentials(url=url, index=index, credentials=self._credentials, first=first)

    def learn(self, visit: ShownCredentials, shown: IndexCredential) -> None:
        """Remember what a server took."""
        self._taken[origin_of(visit.url), visit.index] = shown

    def after(self, shown: IndexCredential | None, origin: str, target: str) -> IndexCredential | None:
        """Return what is shown where a server leads: on its own host, and at the address of another index its own."""
        if shown is None or origin_of(origin) != origin_of(target):
            return None  # what is for one host is for no other
        return shown if shown.covers(target) >= 0 else self._credentials.at(target) or shown

    def _of_netrc(self, url: str) -> IndexCredential | None:
        parts = split(url)
        pair = netrc_pair(self._netrc, (parts.hostname or "") if parts else "")
        return (
            IndexCredential(url=url, user=pair[0], password=pair[1])
            if pair and self._credentials.may_show(url)
            else None
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownCredentials:
    """A request: `first` is what it shows at once; `is_stated` where its address says so itself."""

    url: str = field(repr=False)
    index: str
    credentials: IndexCredentials = field(repr=False)
    first: IndexCredential | None
    is_stated: bool = False

    def other(self, status: int) -> IndexCredential | None:
        """Return what a server is shown that refused, None where there is nothing else."""
        if status not in REFUSED or self.is_stated or (self.first and status not in _SAID):
            return None
        found = self.credentials.asked_at(self.url, self.index)
        if found is None or (self.first and found.header == self.first.header):
            return None
        return found if self.credentials.may_show(self.url) else None

    def refusal(self, status: int, shown: IndexCredential | None) -> Problem | None:
        """Return what is said of an answer, None where it is none that an index refuses with."""
        return self.credentials.refusal(self.url, self.index, status, shown) if status in _SAID else None
