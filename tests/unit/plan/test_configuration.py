"""Values of variables are filled in from what the base sets, and from the image's own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from full_case import SPEC
from onedigest.definition.spec import Spec
from onedigest.errors import InputError
from onedigest.lock.base.account import Account
from onedigest.lock.base.image import ImageBase, PinnedImage
from onedigest.plan.configuration import image_variables, unset_variables
from unit.plan.test_base_folders import with_image

BASE_ENV = ("PATH=/usr/local/cuda/bin:/usr/bin", "LANG=C.UTF-8", "EMPTY=")


def base(*env: str) -> ImageBase:
    made = with_image(has_workdir=True, account=Account(home="/home/me", has_home=True)).base
    assert isinstance(made, ImageBase)
    return replace(made, images=tuple(replace(each, env=env) for each in made.images))


def image(made: ImageBase) -> PinnedImage:
    return made.images[0]


def asking(**env: str) -> Spec:
    return replace(SPEC, env=tuple(sorted(env.items())), expand_env=tuple(sorted(env)))


def found(spec: Spec, *env: str) -> dict[str, str]:
    made = base(*env)
    return image_variables(spec, made, image(made).platform)


def test_what_was_on_path_is_the_bases_behind_that_of_the_images_packages() -> None:
    spec = asking(PATH="/x:$PATH", HERE="${VIRTUAL_ENV}/share", MINE="$HOME/x", L="${LANG:-C}", E="${EMPTY:-none}")

    assert found(spec, *BASE_ENV) == {
        "E": "none",
        "EMPTY": "",
        "HERE": "/opt/venv/share",
        "HOME": "/home/me",
        "L": "C.UTF-8",
        "LANG": "C.UTF-8",
        "MINE": "/home/me/x",
        "PATH": "/x:/opt/venv/bin:/usr/local/cuda/bin:/usr/bin",
        "PYTHONUNBUFFERED": "1",
    }


def test_values_that_are_not_named_stay_as_they_are() -> None:
    spec = replace(asking(A="$LANG"), expand_env=())

    assert found(spec, *BASE_ENV)["A"] == "$LANG"


def test_what_nothing_sets_is_empty_and_told() -> None:
    spec, made = asking(A="/x:$LD_LIBRARY_PATH", B="${NONE:-$LANG}"), base(*BASE_ENV)

    assert image_variables(spec, made, image(made).platform)["A"] == "/x:"
    assert unset_variables(spec, made, image(made).platform) == [("A", "LD_LIBRARY_PATH")]


def test_a_value_that_needs_another_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        found(asking(A="${NONE:?set it}"), *BASE_ENV)
    assert str(caught.value).partition("\n")[0] == (
        f"{SPEC.script}: the value of the variable 'A' needs `NONE`, which has no value: set it"
    )
