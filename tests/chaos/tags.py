"""Knows whether what a tag of a registry names is whole."""

from __future__ import annotations

import hashlib
import http.client
import json
from contextlib import closing
from typing import Any

from onedigest.assembler.image import INDEX_TYPE, MANIFEST_TYPE


def broken_tags(repository: str) -> list[str]:
    """Return the tags of a repository below which something is missing, or is not what it is called."""
    host, _, name = repository.partition("/")
    status, body = _get(host, f"/v2/{name}/tags/list")
    tags = json.loads(body).get("tags") or [] if status == 200 else []
    return [f"the tag {tag}: {fault}" for tag in sorted(tags) for fault in _faults(host, name, tag)]


def digest_of(repository: str, tag: str) -> str:
    """Return the digest of what a tag names, or nothing."""
    host, _, name = repository.partition("/")
    status, body = _get(host, f"/v2/{name}/manifests/{tag}")
    return f"sha256:{hashlib.sha256(body).hexdigest()}" if status == 200 else ""


def _faults(host: str, name: str, reference: str) -> list[str]:
    status, body = _get(host, f"/v2/{name}/manifests/{reference}")
    if status != 200:
        return [f"{reference} is answered with {status}"]
    if reference.startswith("sha256:") and reference != f"sha256:{hashlib.sha256(body).hexdigest()}":
        return [f"{reference} is another document"]
    document: dict[str, Any] = json.loads(body)
    found = []
    for each in document.get("manifests", []):
        found += _faults(host, name, each["digest"])
    for each in [document["config"], *document["layers"]] if "config" in document else []:
        status, length = _head(host, f"/v2/{name}/blobs/{each['digest']}")
        if (status, length) != (200, each["size"]):
            found.append(f"the blob {each['digest'][:19]} is answered with {status} and {length} bytes")
    return found


def _get(host: str, path: str) -> tuple[int, bytes]:
    with closing(http.client.HTTPConnection(host, timeout=30)) as connection:
        connection.request("GET", path, headers={"accept": f"{INDEX_TYPE}, {MANIFEST_TYPE}"})
        response = connection.getresponse()
        return response.status, response.read()


def _head(host: str, path: str) -> tuple[int, int]:
    with closing(http.client.HTTPConnection(host, timeout=30)) as connection:
        connection.request("HEAD", path)
        response = connection.getresponse()
        return response.status, int(response.headers.get("content-length", -1))
