"""What is said of settings that lead into an environment of the base instead of the image's own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from golden import expected_files
from onedigest.definition.healthcheck import Healthcheck
from onedigest.definition.spec import Spec
from onedigest.errors import Problem
from onedigest.lock import text
from onedigest.lock.base.image import ImageBase
from onedigest.missing.environments import foreign_environments

LOCK = text.loads(expected_files("image")["pylock.toml"], "pylock.toml")
SPEC = Spec(name="app", script="app.py", entrypoint=("/opt/venv/bin/python", "/app/app.py"), usual_entrypoint=True)


def said(spec: Spec = SPEC, *env: str, venv: str = "opt/venv") -> list[Problem]:
    assert isinstance(LOCK.base, ImageBase)
    images = tuple(replace(each, env=env) for each in LOCK.base.images)
    base = replace(LOCK.base, images=images, venv=venv)
    return foreign_environments(spec, base, LOCK.platforms, lambda key: f"app.py:{key}")


def test_home_of_another_python_is_told_once() -> None:
    assert said(SPEC, "PYTHONHOME=/opt/python") == [
        Problem(
            "the base sets PYTHONHOME to /opt/python, so Python does not find the image's packages",
            "app.py:base",
            'write `env = { PYTHONHOME = "" }` in [tool.onedigest]',
        )
    ]


@pytest.mark.parametrize(
    ("env", "foreign", "left"),
    [
        (("PYTHONPATH=/opt/venv/lib/python3.12/site-packages",), "/opt/venv/lib/python3.12/site-packages", ""),
        (("PYTHONPATH=/root:/usr/lib/python3/dist-packages/x:",), "/usr/lib/python3/dist-packages/x", "/root"),
        (("PYTHONPATH=/env/src:/environment", "VIRTUAL_ENV=/env/"), "/env/src", "/environment"),
        (("CONDA_PREFIX=/opt/conda", "PYTHONPATH=/opt/conda"), "/opt/conda", ""),
        (('PYTHONPATH=/a "b":/opt/venv/src',), "/opt/venv/src", '/a \\"b\\"'),
    ],
)
def test_packages_of_another_environment_are_told(env: tuple[str, ...], foreign: str, left: str) -> None:
    assert said(SPEC, *env, venv="opt/onedigest") == [
        Problem(
            f"the base sets PYTHONPATH to {foreign}, whose packages come before the image's own",
            "app.py:base",
            f'write `env = {{ PYTHONPATH = "{left}" }}` in [tool.onedigest]',
        )
    ]


@pytest.mark.parametrize(
    "env",
    [
        ("PYTHONPATH=/root:/opt/venvs", "VIRTUAL_ENV=/opt/venv"),  # as Flyte's builder has it
        ("PYTHONPATH=", "PYTHONHOME="),
        ("PYTHONPATH=/opt/spark/python:/opt/spark/python/lib/py4j.zip",),
        ("PYTHONPATH=/opt/venv-tools", "VIRTUAL_ENV=/opt/venv"),
        ("VIRTUAL_ENV=/opt/venv", "PATH=/opt/venv/bin"),
    ],
)
def test_settings_of_no_other_environment_are_not_told(env: tuple[str, ...]) -> None:
    assert said(SPEC, *env, venv="opt/onedigest") == []


def test_what_the_script_sets_itself_counts() -> None:
    spec = replace(SPEC, env=(("PYTHONHOME", ""), ("PYTHONPATH", "/app")))

    assert said(spec, "PYTHONHOME=/opt/venv", "PYTHONPATH=/opt/venv/lib/python3.12/site-packages") == []


def test_program_of_the_usual_place_is_told_where_the_base_has_it() -> None:
    check = Healthcheck(test=("CMD", "/opt/venv/bin/check", "x"))
    spec = replace(SPEC, entrypoint=("/opt/venv/bin/serve",), usual_entrypoint=False, healthcheck=check)

    assert said(spec) == []
    assert said(spec, venv="opt/onedigest") == [
        Problem(
            f"`/opt/venv/bin/{name}` of `{key}` is of the base's own environment, and the image's is /opt/onedigest",
            f"app.py:{key}",
            f"write `/opt/onedigest/bin/{name}`, unless the base's is meant",
        )
        for key, name in (("entrypoint", "serve"), ("healthcheck", "check"))
    ]


@pytest.mark.parametrize(
    "spec",
    [
        SPEC,
        replace(SPEC, usual_entrypoint=False, entrypoint=("python", "/opt/venv/bin/tool")),
        replace(SPEC, usual_entrypoint=False, entrypoint=("/opt/onedigest/bin/python",)),
        replace(SPEC, healthcheck=Healthcheck(test=("NONE",))),
    ],
)
def test_programs_that_are_not_of_the_base_are_not_told(spec: Spec) -> None:
    assert said(spec, venv="opt/onedigest") == []


def test_check_of_a_shell_is_read_to_its_first_word() -> None:
    spec = replace(SPEC, healthcheck=Healthcheck(test=("CMD-SHELL", "/opt/venv/bin/check --all || exit 1")))

    assert [each.hint for each in said(spec, venv="opt/onedigest")] == [
        "write `/opt/onedigest/bin/check`, unless the base's is meant"
    ]
