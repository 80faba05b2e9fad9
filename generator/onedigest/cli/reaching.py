"""The way in which commands reach indexes, mirrors and registries: the user's settings, and secrets of images."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from onedigest.cli.image import Image
from onedigest.cli.index_credentials import Bound, unbound, uv_environment
from onedigest.cli.machine import named_indexes_here, variables_for_programs
from onedigest.cli.netrc_file import without_default
from onedigest.cli.session import Session
from onedigest.net.indexes import Index, addresses_with_user, indexes_in, listed_in

if TYPE_CHECKING:
    from onedigest.sources import Sources


def sources(session: Session, image: Image | None = None, report: Callable[[int], None] | None = None) -> Sources:
    """Return where inputs come from, by the user's own settings; those of an image with its credentials."""
    from onedigest.debian.archive import Archive
    from onedigest.debian.mirror import MAIN_VARIABLE, SECURITY_VARIABLE, find_mirrors
    from onedigest.net.download import Client
    from onedigest.sources import Sources, silent

    client = Client(session.connection)
    main, security = (os.environ.get(each, "") for each in (MAIN_VARIABLE, SECURITY_VARIABLE))
    mirrors = find_mirrors(main, security, Path("/etc/apt"))
    found = Sources(
        store=session.store,
        client=client,
        access=session.access,
        archive=Archive(client, session.store, mirrors, partial(datetime.now, UTC)),
        offline=session.offline,
        environment=_environment(session, named_indexes_here()),
        report=report or silent,
    )
    return sources_for(found, session, image) if image else found


def _environment(
    session: Session, named: tuple[Index, ...], asked: tuple[Index, ...] = (), bound: tuple[Bound, ...] = ()
) -> dict[str, str]:
    """Return the variables that uv may get, with a netrc that names hosts alone."""
    path = session.connection.netrc
    found = uv_environment(variables_for_programs(session.connection), named, asked, bound)
    return {**found, "NETRC": without_default(path.absolute())} if path and path.is_file() else found


def sources_for(source: Sources, session: Session, image: Image) -> Sources:
    """Return where the inputs of one image come from: with what its indexes are shown, each at its own address.

    Raises `InputError` for secrets that an image may not use, or that are not on this machine.
    """
    from onedigest.net.download import Client
    from onedigest.net.index_credentials import Credentials

    named = named_indexes_here()
    bound = _bound(image, named)
    settings = json.loads(image.spec.uv)
    asked = tuple(indexes_in(settings))
    if not session.offline:
        where = image.script.where("tool.uv.index")
        session.warn(unbound(os.environ, named, ((index, where) for index in asked)))
    environment = _environment(session, named, asked, bound)
    direct = addresses_with_user([*image.spec.dependencies, image.spec.uv])
    credentials = Credentials(environment, (*asked, *listed_in(settings), *direct))
    connection = replace(session.connection, credentials=credentials)
    return replace(source, environment=environment, client=Client(connection))


def _bound(image: Image, named: tuple[Index, ...]) -> tuple[Bound, ...]:
    if not (image.recipe and image.recipe.credentials):
        return ()
    from onedigest.cli.image_secrets import bound_credentials

    known = {urlsplit(index.origin).hostname or "" for index in named if index.origin}
    recipe = image.recipe
    return bound_credentials(recipe.credentials, recipe.secrets, os.environ, known, image.script.where(""))
