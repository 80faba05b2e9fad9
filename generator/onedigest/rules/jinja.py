"""The templates, how they are found and rendered, and the one door to jinja2."""

from __future__ import annotations

from functools import cache

import jinja2

from onedigest.rules.quoting import FILTERS
from onedigest.shipped import shipped_folder


def render(folder: str, template: str, view: object) -> str:
    """Render a template, which sees nothing but its view."""
    return _jinja(folder).get_template(template).render(view=view)


@cache
def _jinja(folder: str) -> jinja2.Environment:
    jinja = jinja2.Environment(
        loader=jinja2.FileSystemLoader(shipped_folder(folder)),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701  no HTML: each template quotes for its own language
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        newline_sequence="\n",
    )
    jinja.filters.update(FILTERS)
    return jinja
