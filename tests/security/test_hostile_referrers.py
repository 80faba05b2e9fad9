"""A registry says of an image that odd things refer to it: what is attached is listed beside them, and nothing breaks."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler

import pytest

from listener import listening, respond
from onedigest.assembler.image import INDEX_TYPE
from onedigest.net.connection import Connection, Pools
from onedigest.oci.reference import parse_reference
from onedigest.registry.credentials import RegistryCredentials
from onedigest.registry.referrers import Artifact, attach
from onedigest.registry.repository import Repository
from onedigest.registry.transport import Access

SUBJECT = {"mediaType": INDEX_TYPE, "digest": "sha256:" + "0" * 64, "size": 2}


@pytest.mark.parametrize("digest", [[], {}, None, 5, "../../x"])
def test_row_of_odd_form_stays_as_it_is(digest: object) -> None:
    put: dict[str, bytes] = {}
    listed = json.dumps({"mediaType": INDEX_TYPE, "manifests": [{"digest": digest}]}).encode()

    def answer(request: BaseHTTPRequestHandler) -> None:
        if request.command == "PUT":
            put[request.path] = request.rfile.read(int(request.headers["content-length"]))
            respond(request, 201)
        else:
            respond(request, 200, listed)

    with listening(answer) as server:
        access = Access(pools=Pools(Connection()), credentials=RegistryCredentials((), {}), pause=lambda _: None)
        repository = Repository(parse_reference(f"{server.host}/acme/app"), access, "pull,push")
        attach(repository, SUBJECT, [Artifact(media_type="text/plain", data=b"x", key="k", title="x")])

    rows = json.loads(put[f"/v2/acme/app/manifests/sha256-{'0' * 64}"])["manifests"]
    assert rows[0]["digest"] == digest
    assert len(rows) == 2
