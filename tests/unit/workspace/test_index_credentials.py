"""Variables for uv: what is shown to an index stands at the address that a user gave it, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from onedigest.net.index_credentials import IndexCredentials
from onedigest.net.indexes import PackageIndex
from onedigest.workspace.image_secrets import read_allowed
from onedigest.workspace.index_credentials import (
    Bound,
    named_indexes,
    unbound,
    uv_environment,
    uv_files,
)

REAL = "https://pypi.acme.example/simple"
PAIR = {"UV_INDEX_INTERNAL_USERNAME": "ci", "UV_INDEX_INTERNAL_PASSWORD": "p:w/d@"}


def lent(environment: dict[str, str], *asked: PackageIndex, bound: tuple[Bound, ...] = ()) -> dict[str, str]:
    return uv_environment(environment, named_indexes(environment, ()), asked, bound)


def test_nothing_is_changed_where_nothing_is_secret() -> None:
    environment = {
        "PATH": "/bin",
        "UV_DEFAULT_INDEX": REAL,
        "UV_INDEX": f"a={REAL}/a {REAL}/b",
        "UV_EXTRA_INDEX_URL": f"{REAL}/c",
        "UV_INDEX_STRATEGY": "first-index",
    }

    assert lent(environment, PackageIndex(name="other", url=REAL)) == environment


def test_variables_of_a_name_without_an_address_are_left_out() -> None:
    assert lent(PAIR, PackageIndex(name="internal", url=REAL)) == {}


@pytest.mark.parametrize("variable", ["UV_INDEX", "UV_DEFAULT_INDEX"])
def test_address_of_a_variable_holds_what_is_shown_to_it(variable: str) -> None:
    found = lent(
        {**PAIR, variable: f"internal={REAL}"}, PackageIndex(name="Internal", url="https://other.example/simple")
    )

    assert found == {variable: "internal=https://ci:p%3Aw%2Fd%40@pypi.acme.example/simple"}


def test_index_that_a_script_has_too_is_as_the_script_says() -> None:
    """Such as `explicit`: else every package would be looked for there first."""
    found = lent({**PAIR, "UV_INDEX": f"one={REAL}/1 internal={REAL}/"}, PackageIndex(name="internal", url=REAL))

    assert found == {**PAIR, "UV_INDEX": f"one={REAL}/1"}


@pytest.mark.parametrize(
    "url",
    [
        "http://pypi.acme.example/simple",
        "https://pypi.acme.example:8443/simple",
        "https://pypi.acme.example.attacker.example/simple",
        "https://pypi.acme.example@attacker.example/simple",
        "https://[/simple",
        "file:///simple",
    ],
)
def test_other_origins_are_shown_nothing(url: str) -> None:
    environment = {**PAIR, "UV_INDEX": f"internal={REAL}"}
    found = lent(environment, PackageIndex(name="internal", url=url))

    assert not found.keys() & PAIR.keys()
    (problem,) = unbound(
        environment, named_indexes(environment, ()), [(PackageIndex(name="internal", url=url), "job.py:4")]
    )
    assert "your own configuration has the index `internal` elsewhere" in problem.message


@pytest.mark.parametrize("url", ["https://pypi.acme.example:443/team/simple", "https://PYPI.acme.example./simple"])
def test_same_origin_is_shown_what_is_for_it(url: str) -> None:
    environment = {**PAIR, "UV_INDEX": f"internal={REAL}"}
    asked = PackageIndex(name="internal", url=url)

    assert lent(environment, asked).items() >= PAIR.items()
    assert list(unbound(environment, named_indexes(environment, ()), [(asked, "job.py:4")])) == []


def test_bound_credential_is_at_its_origin_alone() -> None:
    bound = (Bound(index="flyte-1", origin="https://pypi.acme.example:443", user="u", password="p"),)
    shown = {"UV_INDEX_FLYTE_1_USERNAME": "u", "UV_INDEX_FLYTE_1_PASSWORD": "p"}
    one, other = (
        PackageIndex(name="flyte-1", url=REAL),
        PackageIndex(name="FLYTE.1", url="https://other.example/simple"),
    )

    assert lent({}, one, bound=bound) == shown
    assert lent({}, one, other, bound=bound) == {}


def test_our_own_requests_show_what_uv_shows() -> None:
    environment = {
        **PAIR,
        "UV_INDEX": f"internal={REAL} https://me:s3cret@other.example:8443/simple",
        "UV_INDEX_LOST_PASSWORD": "x",
    }
    rows = IndexCredentials(lent(environment)).rows

    assert {(row.url, row.user, row.password) for row in rows} == {
        ("https://other.example:8443/simple", "me", "s3cret"),
        (REAL, "ci", "p:w/d@"),
    }


def test_configuration_is_that_of_the_user_and_the_machine(tmp_path: Path) -> None:
    project = tmp_path / "project"

    assert uv_files({}, Path("/home/me"), project) == (
        Path("/home/me/.config/uv/uv.toml"),
        Path("/etc/xdg/uv/uv.toml"),
        Path("/etc/uv/uv.toml"),
    )
    assert uv_files({"UV_CONFIG_FILE": str(tmp_path / "uv.toml")}, Path("/home/me"), project) == (tmp_path / "uv.toml",)
    assert uv_files({"UV_CONFIG_FILE": str(project / "ci" / "uv.toml")}, Path("/home/me"), project) == ()
    assert uv_files({"UV_NO_CONFIG": "1"}, Path("/home/me"), project) == ()


@pytest.mark.parametrize(
    "text",
    ["", "index = 1", "index = [1, {}, {name = 1}]", "extra-index-url = [1]", "a = ", "\udcff", "x = " + "[" * 5000],
)
def test_configuration_that_cannot_be_read_names_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / "uv.toml").write_bytes(text.encode(errors="surrogateescape"))

    assert named_indexes({}, (tmp_path / "uv.toml", tmp_path / "missing", tmp_path)) == ()


class TestAllowedSecrets:
    def test_with_a_host(self) -> None:
        allowed = read_allowed("TOKEN@Pypi.acme.example,  OTHER@b.example:8443")

        assert allowed.covers("TOKEN", "pypi.acme.example", 443, ())
        assert allowed.covers("OTHER", "b.example", 8443, ())
        assert not allowed.covers("OTHER", "b.example", 443, ())
        assert not allowed.covers("TOKEN", "b.example", 443, {"b.example"})
        assert not allowed.covers("token", "pypi.acme.example", 443, ())

    def test_without_a_host_are_for_hosts_that_the_user_names_elsewhere(self) -> None:
        allowed = read_allowed("TOKEN\n")

        assert allowed.covers("TOKEN", "pypi.acme.example", 443, {"pypi.acme.example"})
        assert allowed.covers("TOKEN", "127.0.0.1", 80, ())
        assert not allowed.covers("TOKEN", "pypi.acme.example", 443, ())
