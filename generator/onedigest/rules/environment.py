"""Knows how templates are found and rendered: the one door to jinja2."""

from __future__ import annotations

from pathlib import Path

import jinja2

_PACKAGE = Path(__file__).resolve().parent.parent


def template_root(name: str) -> Path:
    """Return the folder of templates: inside the installed package, else at the top of the checkout."""
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent.parent / name


def render(folder: str, template: str, view: object) -> str:
    """Render a template, which sees nothing but its view."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template_root(folder)),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701  no HTML: each template quotes for its own language
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        newline_sequence="\n",
    )
    return environment.get_template(template).render(view=view)
