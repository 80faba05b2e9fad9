"""An index on loopback whose pages are as those of the wild: other digests, odd addresses, nothing stated."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from index_server import IndexServer, _project_of, send

Row = dict[str, Any]
"""A file as a page of JSON has it (PEP 691): `filename`, `url`, and whatever else is stated."""

State = Callable[[Path], Row]
"""Returns what a page says of a file."""


class OddIndex(IndexServer):
    """Serves pages of JSON or HTML whose rows are what `state` makes of each file.

    `head` stands in pages of HTML before their links. Files are found whatever their addresses are encoded like.
    """

    def __init__(self, folder: Path, state: State, *, as_json: bool = True) -> None:
        self.state = state
        self.as_json = as_json
        self.head = ""
        super().__init__(folder)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Answer a request; the name of a file is the last part of its path, decoded."""
        path = urlsplit(request.path).path
        if path.rstrip("/").split("/")[1] != "simple":
            name = unquote(unquote(path.rpartition("/")[2]))
            if (file := self.folder / name).is_file():
                send(request, file.read_bytes())
            else:
                request.send_error(404)
            return
        request.path = path
        super().answer(request)

    def _project(self, request: BaseHTTPRequestHandler, name: str) -> None:
        files = [path for path in sorted(self.folder.iterdir()) if _project_of(path.name) == name]
        if not files:
            request.send_error(404)
            return
        rows = [{"filename": path.name, "url": f"/files/{path.name}", **self.state(path)} for path in files]
        if self.as_json:
            document = {"meta": {"api-version": "1.1"}, "name": name, "files": rows, "versions": []}
            send(request, json.dumps(document).encode(), "application/vnd.pypi.simple.v1+json")
        else:
            text = f"<!DOCTYPE html><html><head>{self.head}</head><body>{''.join(map(_link, rows))}</body></html>"
            send(request, text.encode(), "text/html")


def _link(row: Row) -> str:
    stated = [f"{name}={value}" for name, value in row.get("hashes", {}).items()]
    fragment = f"#{stated[0]}" if stated else ""
    yanked = row.get("yanked")
    mark = f' data-yanked="{html.escape(str(yanked))}"' if yanked else ""
    return f'<a href="{html.escape(row["url"])}{fragment}"{mark}>{html.escape(row["filename"])}</a>\n'
