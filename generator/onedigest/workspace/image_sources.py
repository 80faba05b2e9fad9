"""The way in which commands reach indexes, mirrors and registries: the user's settings, and secrets of images."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from onedigest.net.indexes import PackageIndex, addresses_with_user, indexes_in, listed_in
from onedigest.workspace.context import Context
from onedigest.workspace.index_credentials import Bound, unbound, uv_environment
from onedigest.workspace.netrc_file import without_default
from onedigest.workspace.network import variables_for_programs
from onedigest.workspace.script_image import ScriptImage

if TYPE_CHECKING:
    from onedigest.sources import Sources


def sources(context: Context, image: ScriptImage | None = None, report: Callable[[int], None] | None = None) -> Sources:
    """Return where inputs come from, by the user's own settings; those of an image with its credentials."""
    from onedigest.debian.archive import Archive
    from onedigest.debian.mirror import MAIN_VARIABLE, SECURITY_VARIABLE, find_mirrors
    from onedigest.net.download import Client
    from onedigest.sources import Sources, silent

    client = Client(context.connection)
    main, security = (context.variables.get(each, "") for each in (MAIN_VARIABLE, SECURITY_VARIABLE))
    mirrors = find_mirrors(main, security, Path("/etc/apt"))
    found = Sources(
        store=context.store,
        client=client,
        access=context.access,
        archive=Archive(client, context.store, mirrors, partial(datetime.now, UTC)),
        offline=context.offline,
        environment=_environment(context, context.machine.indexes),
        report=report or silent,
    )
    return sources_for(found, context, image) if image else found


def _environment(
    context: Context,
    named: tuple[PackageIndex, ...],
    asked: tuple[PackageIndex, ...] = (),
    bound: tuple[Bound, ...] = (),
) -> dict[str, str]:
    """Return the variables that uv may get, with a netrc that names hosts alone."""
    path = context.connection.netrc
    found = uv_environment(variables_for_programs(context.variables, context.connection), named, asked, bound)
    return {**found, "NETRC": without_default(path.absolute())} if path and path.is_file() else found


def sources_for(source: Sources, context: Context, image: ScriptImage) -> Sources:
    """Return where the inputs of one image come from: with what its indexes are shown, each at its own address.

    Raises `InputError` for secrets that an image may not use, or that are not on this machine.
    """
    from onedigest.net.download import Client
    from onedigest.net.index_credentials import IndexCredentials

    named = context.machine.indexes
    bound = _bound(context, image, named)
    settings = json.loads(image.spec.uv)
    asked = tuple(indexes_in(settings))
    if not context.offline:
        where = image.script.where("tool.uv.index")
        context.warn(unbound(context.variables, named, ((index, where) for index in asked)))
    environment = _environment(context, named, asked, bound)
    direct = addresses_with_user([*image.spec.dependencies, image.spec.uv])
    credentials = IndexCredentials(environment, (*asked, *listed_in(settings), *direct))
    connection = replace(context.connection, credentials=credentials)
    return replace(source, environment=environment, client=Client(connection))


def _bound(context: Context, image: ScriptImage, named: tuple[PackageIndex, ...]) -> tuple[Bound, ...]:
    if not (image.recipe and image.recipe.credentials):
        return ()
    from onedigest.workspace.image_secrets import bound_credentials

    known = {urlsplit(index.origin).hostname or "" for index in named if index.origin}
    recipe = image.recipe
    return bound_credentials(recipe.credentials, recipe.secrets, context.variables, known, image.script.where(""))
