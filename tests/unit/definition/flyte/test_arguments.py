"""Arguments of Flyte's methods: each of the kind that a parameter takes."""

from __future__ import annotations

from typing import Any

import pytest

from onedigest.definition.flyte.arguments import MOST, check_arguments


@pytest.mark.parametrize(
    ("method", "given", "message"),
    [
        ("from_base", {}, "`from_base` lacks `image_uri`"),
        ("with_env_vars", {"env_vars": {"A": None}}, "`env_vars` of `with_env_vars` is not a table of strings"),
        ("with_env_vars", {"env_vars": {"A": 1 << 64}}, "`env_vars` of `with_env_vars` is not a table of strings"),
        ("with_workdir", {"workdir": "a\0"}, "`workdir` of `with_workdir` holds a NUL character, or what is no character of Unicode"),
        ("with_commands", {"commands": ["\ud800"]}, "`commands` of `with_commands` holds a NUL character, or what is no character of Unicode"),
        ("x", {"pre": 1}, "`pre` of `x` is not True or False"),
        ("x", {"packages": ["a"] * (MOST + 1)}, "`packages` of `x` is not a string or several"),
    ],
)  # fmt: skip
def test_argument_of_another_kind_is_refused(method: str, given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        check_arguments(method, given)
    assert caught.value.args == (message,)


def test_frequent_mistakes_are_told_what_mends_them() -> None:
    with pytest.raises(ValueError) as caught:
        check_arguments("with_pip_packages", {"packages": [["six"]]})
    assert caught.value.args[1] == "write a star before the list, `*[…]`, or each of them alone"
    with pytest.raises(ValueError) as caught:
        check_arguments("from_debian_base", {"python_version": "3.13"})
    assert caught.value.args[1] == "write two numbers, such as `(3, 13)`"


def test_right_arguments_are_taken() -> None:
    check_arguments("with_env_vars", {"env_vars": {"A": "x", "B": 1, "C": 0.5}})
    check_arguments("from_debian_base", {"python_version": (3, 13), "install_flyte": False, "platform": None})
