"""The wheels that their index has taken back (PEP 592), which a uv.lock does not tell where single files are."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any
from urllib.parse import urljoin

from onedigest import untrusted
from onedigest.errors import NetworkError
from onedigest.lock.targets import Target
from onedigest.net.download import Client
from onedigest.tools.uv_rows import wheel_name

_MOST = 32 << 20
_LINK = re.compile(r"<a(?=\s)", re.IGNORECASE)
_TAG = re.compile(r"""(?:[^>"']|"[^"]*"|'[^']*')*""")
"""The rest of a tag: a sign that would end it may stand in quotes."""

_ATTRIBUTE = re.compile(r"""([^\s"'>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?""")
_ANYWHERE = "https://index.invalid"
_THREADS = 16


def yanked_wheels(rows: Iterable[Mapping[str, Any]], targets: Sequence[Target], client: Client) -> frozenset[str]:
    """Return the names of wheels that were taken back, of packages of a uv.lock that have others which fit.

    Where an index does not answer, nothing is known.
    """
    pages = sorted({page_of(row) for row in rows if _has_choice(row, targets)} - {""})
    with ThreadPoolExecutor(_THREADS) as pool:
        return frozenset(name for names in pool.map(lambda page: _read(page, client), pages) for name in names) - {""}


def _has_choice(row: Mapping[str, Any], targets: Sequence[Target]) -> bool:
    names = {wheel_name(wheel) for wheel in row.get("wheels", ())}
    return any(len(target.fitting(names)) > 1 for target in targets)


def page_of(row: Mapping[str, Any]) -> str:
    """Return the address of a package in the index that it is from (PEP 503), or nothing where it is from elsewhere."""
    index = str(row["source"].get("registry", ""))
    return f"{index.rstrip('/')}/{row['name']}/" if index.startswith(("https://", "http://")) else ""


def _read(page: str, client: Client) -> set[str]:
    try:
        text = client.get(page, most=_MOST).decode("utf-8", "replace")
    except NetworkError:
        return set()
    return set(_in_json(text) if text.lstrip().startswith("{") else _in_html(text))


def _in_json(text: str) -> Iterator[str]:
    try:
        files = untrusted.load_json(text)["files"]
        yield from (str(file["filename"]) for file in files if file.get("yanked") not in (None, False))
    except (ValueError, TypeError, KeyError, AttributeError):
        return


def _in_html(text: str) -> Iterator[str]:
    for piece in _LINK.split(text)[1:]:
        tag = _TAG.match(piece)
        attributes = {name.lower(): "".join(value) for name, *value in _ATTRIBUTE.findall(tag[0] if tag else "")}
        with suppress(ValueError):
            if "data-yanked" in attributes and (href := html.unescape(attributes.get("href", ""))):
                yield wheel_name({"url": urljoin(_ANYWHERE, href)})
