"""The message about a base that has no image for a platform."""

from __future__ import annotations

from onedigest.definition.spec import Spec
from onedigest.errors import InputError
from onedigest.oci.read import ReadImage
from onedigest.platforms import BY_NAME


def refuse_missing_platforms(spec: Spec, text: str, image: ReadImage) -> None:
    """Raise `InputError` where the image `text` has not all platforms of a spec, with what it has."""
    there = {each.platform for each in image.platforms}
    if missing := [platform.oci for platform in spec.platforms if platform.oci not in there]:
        message = f"the base {text} has no image for {' and '.join(missing)}"
        raise InputError.of(message, where=spec.script, hint=_hint(image.offered))


def _hint(offered: tuple[str, ...]) -> str:
    if not offered:
        return "nothing in its index is an image that can be run: use another base"
    choose = "choose `platforms` among them, or another base" if set(offered) & set(BY_NAME) else "use another base"
    return f"it has {', '.join(offered)}; {choose}"
