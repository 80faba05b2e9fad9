"""What uv can lock with, a build can fetch with: however an index is given its user and password."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import subprocess
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from locking import Locking
from onedigest.net import keyring
from onedigest.uv_program import find_uv
from private_index import PrivateIndexes
from wheel_builder import build_wheel

pytest_plugins = ("built_app",)

USER, PASSWORD = "ci-bot", "Zq/Secret@One"
IN_ADDRESS = "ci-bot:Zq%2FSecret%40One"
ACCOUNT = f"{USER}:{PASSWORD}"


@pytest.fixture
def indexes() -> Iterator[PrivateIndexes]:
    served = PrivateIndexes()
    yield served
    served.close()


@pytest.fixture
def private(locking: Locking, indexes: PrivateIndexes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Locking:
    """A project without any index, and a home that has nothing."""
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "NETRC", "UV_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CONFIG_DIRS", "UV_CREDENTIALS_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache" / "new-uv"))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    shutil.rmtree(locking.root / "lockfiles")
    return locking


def ask(locking: Locking, uv: str, dependencies: str = '["alpha"]') -> None:
    """Let the script have lines of [tool.uv]."""
    lines = "".join(f"# {line}\n" for line in ("[tool.uv]", *uv.splitlines())) if uv else ""
    locking.edit("app.py", "# [tool.onedigest]", f"{lines}# [tool.onedigest]")
    locking.edit("app.py", '["alpha"]', dependencies)


def build_from_nothing(locking: Locking, indexes: PrivateIndexes, tmp_path: Path) -> None:
    """Lock, and build with neither wheels nor uv's cache."""
    locking.ok("generate", "app.py")
    for path in (*(tmp_path / "cache").glob("new-uv"), *(tmp_path / "cache" / "onedigest").glob("sha256")):
        shutil.rmtree(path)
    shutil.rmtree(locking.root / "lockfiles" / ".inputs", ignore_errors=True)
    indexes.seen.clear()
    locking.ok("fetch", "app")


@pytest.mark.parametrize("layout", ["artifactory", "azure", "devpi"])
def test_files_are_shown_what_their_index_is(
    layout: str, private: Locking, indexes: PrivateIndexes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = indexes.add(layout, "team", tmp_path / "wheels", ACCOUNT)
    monkeypatch.setenv("UV_DEFAULT_INDEX", url.replace("//", f"//{IN_ADDRESS}@"))
    build_from_nothing(private, indexes, tmp_path)

    assert indexes.shown() == {ACCOUNT}
    assert indexes.shown_at(indexes.places[0].files + "alpha") == {ACCOUNT}


def give_by_address(home: Path, url: str, patch: pytest.MonkeyPatch) -> str:
    patch.setenv("UV_INDEX", url.replace("//", f"//{IN_ADDRESS}@"))
    return ""


def give_by_name(home: Path, url: str, patch: pytest.MonkeyPatch) -> str:
    patch.setenv("UV_INDEX", f"My.Corp-index={url}")
    patch.setenv("UV_INDEX_MY_CORP_INDEX_USERNAME", USER)
    patch.setenv("UV_INDEX_MY_CORP_INDEX_PASSWORD", PASSWORD)
    return f'index = [{{ name = "My.Corp-index", url = "{url}", explicit = true }}]\nsources = {{ alpha = {{ index = "My.Corp-index" }} }}'


def give_by_name_of_default(home: Path, url: str, patch: pytest.MonkeyPatch) -> str:
    patch.setenv("UV_DEFAULT_INDEX", f"corp={url}")
    patch.setenv("UV_INDEX_CORP_USERNAME", USER)
    patch.setenv("UV_INDEX_CORP_PASSWORD", PASSWORD)
    return ""


def give_by_credentials_folder(home: Path, url: str, patch: pytest.MonkeyPatch) -> str:
    """For a host as a whole, where a variable says that logins are kept."""
    patch.setenv("UV_CREDENTIALS_DIR", str(home / "logins"))
    (home / "logins").mkdir()
    (home / "logins" / "credentials.toml").write_text(
        f'[[credential]]\nservice = "http://{url.split("/")[2]}/"\nusername = "{USER}"\nscheme = "basic"\n'
        f'password = "{PASSWORD}"\n'
    )
    patch.setenv("UV_DEFAULT_INDEX", url)
    return ""


def give_by_settings(home: Path, url: str, patch: pytest.MonkeyPatch) -> str:
    write_settings(home, f'[[index]]\nurl = "{url.replace("//", f"//{IN_ADDRESS}@")}"\ndefault = true\n')
    return ""


def give_by_old_settings(home: Path, url: str, patch: pytest.MonkeyPatch) -> str:
    write_settings(home, f'index-url = "{url.replace("//", f"//{IN_ADDRESS}@")}"\n')
    return ""


def give_by_named_file(home: Path, url: str, patch: pytest.MonkeyPatch) -> str:
    write_settings(home, 'index-url = "http://127.0.0.1:9/wrong"\n')
    (home / "ci.toml").write_text(f'[[index]]\nname = "corp"\nurl = "{url}"\ndefault = true\n')
    patch.setenv("UV_CONFIG_FILE", str(home / "ci.toml"))
    patch.setenv("UV_INDEX_CORP_USERNAME", USER)
    patch.setenv("UV_INDEX_CORP_PASSWORD", PASSWORD)
    return ""


def give_by_machine(home: Path, url: str, patch: pytest.MonkeyPatch) -> str:
    write_settings(home, f'[[index]]\nname = "corp"\nurl = "{url}"\ndefault = true\n', "xdg_config_dirs")
    patch.setenv("UV_INDEX_CORP_USERNAME", USER)
    patch.setenv("UV_INDEX_CORP_PASSWORD", PASSWORD)
    return ""


def give_by_script(home: Path, url: str, patch: pytest.MonkeyPatch) -> str:
    return f'index = [{{ url = "{url.replace("//", f"//{IN_ADDRESS}@")}", default = true }}]'


def give_by_old_script(home: Path, url: str, patch: pytest.MonkeyPatch) -> str:
    """Beside a file of the user's, for which uv by itself would forget what the script says."""
    (home / "ci.toml").write_text("offline = false\n")
    patch.setenv("UV_CONFIG_FILE", str(home / "ci.toml"))
    return f'extra-index-url = ["{url.replace("//", f"//{IN_ADDRESS}@")}"]'


def give_by_netrc(home: Path, url: str, patch: pytest.MonkeyPatch) -> str:
    (home / ".netrc").touch(mode=0o600)
    (home / ".netrc").write_text(f"machine 127.0.0.1 login {USER} password {PASSWORD}\n")
    return f'index = [{{ url = "{url}", default = true }}]'


def give_by_login(home: Path, url: str, patch: pytest.MonkeyPatch) -> str:
    command = [find_uv(), "auth", "login", "--username", USER, "--password", PASSWORD, url]
    subprocess.run(command, check=True, capture_output=True)
    return f'index = [{{ url = "{url}", default = true }}]'


def give_by_system(home: Path, url: str, patch: pytest.MonkeyPatch) -> str:
    """There is no store of a system here: a program stands in for uv, and answers as it does."""
    program = write_program(home, "uv", f"""[ "$*" = "auth token --username {USER} {url}" ] && echo '{PASSWORD}'""")
    patch.setattr("onedigest.net.keyring.find_uv", lambda: str(program))
    patch.setenv("UV_PREVIEW_FEATURES", "native-auth")
    return f'index = [{{ url = "{url.replace("//", f"//{USER}@")}", default = true }}]'


def give_by_keyring(home: Path, url: str, patch: pytest.MonkeyPatch) -> str:
    write_program(home, "keyring", f"""[ "$*" = "get {url} {USER}" ] && echo '{PASSWORD}'""")
    patch.setenv("PATH", f"{home / 'bin'}:{os.environ['PATH']}")
    patch.setenv("UV_KEYRING_PROVIDER", "subprocess")
    patch.setenv("UV_DEFAULT_INDEX", url.replace("//", f"//{USER}@"))
    return ""


def give_by_keyring_of_settings(home: Path, url: str, patch: pytest.MonkeyPatch) -> str:
    """By host, with a user that a variable names."""
    host = url.split("/")[2]
    write_program(home, "keyring", f"""[ "$*" = "get {host} {USER}" ] && echo '{PASSWORD}'""")
    patch.setenv("PATH", f"{home / 'bin'}:{os.environ['PATH']}")
    write_settings(home, f'keyring-provider = "subprocess"\n[[index]]\nname = "corp"\nurl = "{url}"\ndefault = true\n')
    patch.setenv("UV_INDEX_CORP_USERNAME", USER)
    return ""


def give_by_keyring_with_a_user(home: Path, url: str, patch: pytest.MonkeyPatch) -> str:
    write_program(home, "keyring", f"""[ "$*" = "get {url} --mode creds" ] && printf '%s\\n' '{USER}' '{PASSWORD}'""")
    patch.setenv("PATH", f"{home / 'bin'}:{os.environ['PATH']}")
    write_settings(
        home, f'keyring-provider = "subprocess"\n[[index]]\nurl = "{url}"\ndefault = true\nauthenticate = "always"\n'
    )
    return ""


def give_by_requirement(home: Path, url: str, patch: pytest.MonkeyPatch) -> str:
    place = url.replace("//", f"//{IN_ADDRESS}@").removesuffix("/simple")
    (wheel,) = (home / "wheels").glob("alpha-*.whl")
    return f'sources = {{ alpha = {{ url = "{place}/packages/some/1.0/{wheel.name}" }} }}'


WAYS = [value for name, value in list(globals().items()) if name.startswith("give_")]


@pytest.mark.parametrize("give", WAYS, ids=lambda way: way.__name__.removeprefix("give_by_"))
def test_credentials_of_a_lock_are_those_of_a_build(
    give: Callable[[Path, str, pytest.MonkeyPatch], str],
    private: Locking,
    indexes: PrivateIndexes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ask(private, give(tmp_path, indexes.add("nexus", "team", tmp_path / "wheels", ACCOUNT), monkeypatch))
    build_from_nothing(private, indexes, tmp_path)

    assert indexes.shown() == {ACCOUNT}
    assert indexes.shown_at(indexes.places[0].files + "alpha") == {ACCOUNT}


class TestTwoIndexesOfOneHost:
    @pytest.fixture
    def two(self, private: Locking, indexes: PrivateIndexes, tmp_path: Path) -> tuple[str, str]:
        """Indexes with a package each, and a token of its own."""
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
        build_wheel(tmp_path / "two", "beta", "1.0")
        for wheel in (tmp_path / "wheels").glob("alpha-1.0-*.whl"):
            shutil.copy(wheel, tmp_path / "one")
        one = indexes.add("gitlab", "7", tmp_path / "one", "tok:TokenOne")
        two = indexes.add("gitlab", "77", tmp_path / "two", "tok:TokenTwo")
        rows = f'{{ name = "one", url = "{one}", explicit = true }}, {{ name = "two", url = "{two}", explicit = true }}'
        ask(
            private,
            f'index = [{rows}]\nsources = {{ alpha = {{ index = "one" }}, beta = {{ index = "two" }} }}',
            '["alpha", "beta"]',
        )
        return one, two

    @pytest.mark.parametrize("way", ["variables", "store", "netrc and variable"])
    def test_each_is_shown_its_own(
        self,
        way: str,
        two: tuple[str, str],
        private: Locking,
        indexes: PrivateIndexes,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        if way == "variables":
            monkeypatch.setenv("UV_INDEX", f"one={two[0]} two={two[1]}")
            for name, token in (("ONE", "TokenOne"), ("TWO", "TokenTwo")):
                monkeypatch.setenv(f"UV_INDEX_{name}_USERNAME", "tok")
                monkeypatch.setenv(f"UV_INDEX_{name}_PASSWORD", token)
        elif way == "store":
            for url, token in zip(two, ("TokenOne", "TokenTwo"), strict=True):
                command = [find_uv(), "auth", "login", "--username", "tok", "--password", token, url]
                subprocess.run(command, check=True, capture_output=True)
        else:
            (tmp_path / ".netrc").touch(mode=0o600)
            (tmp_path / ".netrc").write_text("machine 127.0.0.1 login tok password TokenOne\n")
            write_settings(
                tmp_path, f'[[index]]\nname = "x"\nurl = "{two[1].replace("//", "//tok:TokenTwo@")}"\nexplicit = true\n'
            )
        build_from_nothing(private, indexes, tmp_path)

        assert indexes.shown_at("/projects/7/") == {"tok:TokenOne"}
        assert indexes.shown_at("/projects/77/") == {"tok:TokenTwo"}


class TestRefused:
    def test_index_that_wants_a_password_is_named_with_what_to_set(
        self, private: Locking, indexes: PrivateIndexes, tmp_path: Path
    ) -> None:
        url = indexes.add("nexus", "team", tmp_path / "wheels", ACCOUNT)
        ask(private, f'index = [{{ name = "My.Corp", url = "{url}", default = true }}]')
        said = private.run("generate", "app.py")

        assert said.code == 1
        assert said.err.endswith(
            f"error: app.py: the index `My.Corp` ({url}) wants a user and a password: it answered 401\n"
            f'hint: set UV_INDEX_MY_CORP_USERNAME and UV_INDEX_MY_CORP_PASSWORD, with UV_INDEX="My.Corp={url}" or an'
            " [[index]] of your uv.toml; or use a netrc, or `uv auth login`\n"
        )

    def test_index_that_refuses_a_password_is_named(
        self, private: Locking, indexes: PrivateIndexes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        url = indexes.add("nexus", "team", tmp_path / "wheels", ACCOUNT)
        monkeypatch.setenv("UV_DEFAULT_INDEX", url.replace("//", "//ci-bot:ZqWrong@"))
        said = private.run("generate", "app.py", "-v")

        assert f"the index {url} refuses the user and password that are set for it: it answered 401\n" in said.err
        assert "ZqWrong" not in said.err + said.out

    def test_settings_that_uv_refuses_are_those_of_the_user(self, private: Locking, tmp_path: Path) -> None:
        write_settings(tmp_path, '[[index]]\nurl = "http://u:ZqSecret@127.0.0.1:9/simple"\nexplicit = true\n')
        said = private.run("generate", "app.py").err

        assert f"failed to parse: {tmp_path}/xdg_config_home/uv/uv.toml\n" in said
        assert "An index with `explicit = true` requires a `name`: http://127.0.0.1:9/simple\n" in said
        assert "ZqSecret" not in said

    @pytest.mark.parametrize(
        ("kind", "expected"),
        [
            ("always", " wants a user and a password\nhint: set UV_INDEX_CORP_USERNAME and "),
            (
                "never",
                " wants a user and a password: it answered 401\n"
                'hint: take `authenticate = "never"` from what your uv.toml says of it\n',
            ),
        ],
    )
    def test_index_that_is_asked_in_another_way_is_named(
        self, kind: str, expected: str, private: Locking, indexes: PrivateIndexes, tmp_path: Path
    ) -> None:
        url = indexes.add("nexus", "team", tmp_path / "wheels", ACCOUNT)
        rows = f'[[index]]\nname = "corp"\nurl = "{url}"\ndefault = true\nauthenticate = "{kind}"\n'
        write_settings(tmp_path, rows)

        assert f"the index `corp` ({url}){expected}" in private.run("generate", "app.py").err
        assert indexes.shown() == set()

    def test_token_without_a_password_is_a_user(
        self, private: Locking, indexes: PrivateIndexes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        token = "ZqTokenZqTokenZqToken"
        url = indexes.add("artifactory", "team", tmp_path / "wheels", f"{token}:")
        monkeypatch.setenv("UV_DEFAULT_INDEX", url.replace("//", f"//{token}@"))
        build_from_nothing(private, indexes, tmp_path)
        indexes.places[0].account = "another"
        private.edit("app.py", '"alpha"', '"alpha", "beta"')
        said = private.run("generate", "app.py", "-v")

        assert f"the index {url} refuses the user and password that are set for it: it answered 401\n" in said.err
        assert token not in said.err + said.out

    def test_file_that_is_refused_later_is_of_an_index_with_a_name(
        self, private: Locking, indexes: PrivateIndexes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        url = indexes.add("azure", "team", tmp_path / "wheels", ACCOUNT)
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"corp={url}")
        monkeypatch.setenv("UV_INDEX_CORP_USERNAME", USER)
        monkeypatch.setenv("UV_INDEX_CORP_PASSWORD", PASSWORD)
        private.ok("generate", "app.py")
        for path in (*(tmp_path / "cache" / "onedigest").glob("sha256"), private.root / "lockfiles" / ".inputs"):
            shutil.rmtree(path, ignore_errors=True)
        indexes.places[0].is_gone = True
        said = private.run("fetch", "app")

        assert said.code == 4
        assert f": the index `corp` ({url.rstrip('/')}" in said.err
        assert (
            "refuses the user and password that are set for it: it answered 401\nhint: set UV_INDEX_CORP_" in said.err
        )
        assert PASSWORD not in said.err


class TestKeyring:
    @pytest.fixture
    def url(self, private: Locking, indexes: PrivateIndexes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
        """The address of the only index; a user is in its variable."""
        url = indexes.add("nexus", "team", tmp_path / "wheels", ACCOUNT)
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
        monkeypatch.setenv("UV_KEYRING_PROVIDER", "subprocess")
        monkeypatch.setenv("UV_DEFAULT_INDEX", url.replace("//", f"//{USER}@"))
        return url

    def test_has_no_terminal_and_no_input(self, url: str, private: Locking, tmp_path: Path) -> None:
        program = """if (: </dev/tty) 2>/dev/null; then echo terminal >>LOG; fi; read line && echo input >>LOG; echo asked >>LOG
            echo "Password of ZqSecretKeyring:" >&2; exit 1"""
        write_program(tmp_path, "keyring", program.replace("LOG", str(tmp_path / "log")))
        said = private.run("generate", "app.py")

        assert (tmp_path / "log").read_text() == "asked\nasked\n"
        assert (
            f"the index {url} refuses the user and password that are set for it: it answered 401; `keyring` gave no"
            " password for it, and has no terminal to ask you on\n"
        ) in said.err
        assert "ZqSecret" not in said.err

    @pytest.mark.parametrize("more", ["wait", "exec 1>&-; wait", "while :; do echo yes; done"])
    def test_that_never_ends_is_stopped_with_all_that_it_started(
        self, more: str, url: str, private: Locking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(keyring, "LONGEST_ANSWER", 0.3)
        write_program(tmp_path, "keyring", f"sleep 1000 & echo $! > {tmp_path / 'child'}; {more}")
        said = private.run("generate", "app.py")

        assert said.code == 4
        assert said.err.endswith(
            f"error: `keyring` gave no answer for {url} within 0.3 seconds, so it was stopped\n"
            f"hint: it has no terminal to ask you on; run `keyring get {url} {USER}`, and unlock what it asks for\n"
        )
        with pytest.raises(ProcessLookupError):
            for _ in range(100):
                os.kill(int((tmp_path / "child").read_text()), 0)
                time.sleep(0.02)

    @pytest.mark.parametrize("user", ["--keyring-path=evil", "-b", "a%0Ab"])
    def test_gets_no_option_of_a_script(
        self, user: str, url: str, private: Locking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_program(tmp_path, "keyring", f"touch {tmp_path / 'asked'}")
        monkeypatch.delenv("UV_DEFAULT_INDEX")
        ask(private, f'index = [{{ url = "{url.replace("//", f"//{user}@")}", default = true }}]')

        assert "; `keyring` is not asked, for the address or its user would be read as an option\n" in (
            private.run("generate", "app.py").err
        )
        assert not (tmp_path / "asked").exists()

    def test_that_is_not_there_is_said(self, url: str, private: Locking, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "/none")

        assert "it answered 401; there is no program `keyring`\n" in private.run("generate", "app.py").err

    def test_is_not_asked_by_a_build_that_has_all(
        self, private: Locking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_program(tmp_path, "keyring", f"touch {tmp_path / 'asked'}")
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
        monkeypatch.setenv("UV_KEYRING_PROVIDER", "subprocess")
        monkeypatch.setenv("UV_DEFAULT_INDEX", private.index.address)
        private.ok("build", "app.py")
        monkeypatch.setenv("UV_DEFAULT_INDEX", private.index.address.replace("//", f"//{USER}@"))
        private.ok("build", "--locked", "app")
        private.run("generate", "app.py", "--upgrade", "--offline")

        assert not (tmp_path / "asked").exists()


@pytest.mark.parametrize(("way", "layout"), [("variable", "azure"), ("settings", "gitlab"), ("netrc", "nexus")])
def test_wheels_of_a_project_are_shown_what_their_index_is(
    way: str,
    layout: str,
    private: Locking,
    host: str,
    indexes: PrivateIndexes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They are fetched from where the project's own lock says, which uv wrote."""
    url = indexes.add(layout, "7", tmp_path / "wheels", ACCOUNT)
    (private.root / "app.py").unlink()
    private.project.write("main.py", "print('here')\n")
    private.project.write("onedigest.toml", f'base = "{host}/tiny:3"\n')
    private.project.write(
        "pyproject.toml",
        '[project]\nname = "job"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["alpha"]\n'
        f'[tool.uv]\npackage = false\nindex = [{{ name = "corp", url = "{url}", default = true }}]\n'
        '[tool.onedigest]\nentrypoint = ["python", "main.py"]\nfiles = ["main.py"]\n',
    )
    if way == "netrc":
        give_by_netrc(tmp_path, url, monkeypatch)
    else:
        monkeypatch.setenv("UV_INDEX_CORP_USERNAME", USER)
        monkeypatch.setenv("UV_INDEX_CORP_PASSWORD", PASSWORD)
    if way == "variable":
        monkeypatch.setenv("UV_INDEX", f"corp={url}")
    elif way == "settings":
        write_settings(tmp_path, f'[[index]]\nname = "corp"\nurl = "{url}"\nexplicit = true\n')
    subprocess.run([find_uv(), "lock"], check=True, capture_output=True, cwd=private.root)
    shutil.rmtree(tmp_path / "cache" / "onedigest")
    indexes.seen.clear()
    private.ok("build", ".")

    assert indexes.shown_at(indexes.places[0].files + "alpha") == {ACCOUNT}


def test_secret_is_nowhere(
    private: Locking, indexes: PrivateIndexes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In no file, no message, no argument and no variable of uv, whether it is taken or refused."""
    seen: list[str] = []
    start = subprocess.Popen.__init__

    def noted(self: subprocess.Popen[bytes], words: list[str], *rest: object, **named: Any) -> None:
        variables = {} if Path(words[0]).name == "keyring" else named.get("env") or {}
        files = [path for path in (tmp_path / "cache").rglob("*") if not path.is_symlink()]
        seen.extend([f"{words} {variables}", *(path.read_text(errors="replace") for path in files if path.is_file())])
        start(self, words, *rest, **named)  # type: ignore[call-overload]  # of any kind

    url = indexes.add("nexus", "team", tmp_path / "wheels", ACCOUNT)
    host = url.partition("//")[2].partition("/")[0]
    give_by_login(tmp_path, url, monkeypatch)
    write_program(tmp_path, "keyring", "echo ZqSecretKeyring")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("UV_KEYRING_PROVIDER", "subprocess")
    monkeypatch.setenv("UV_INDEX", f"http://u:ZqSecretVariable@{host}/variable http://key@{host}/keyring")
    monkeypatch.setenv("UV_INDEX_NAMED_PASSWORD", "ZqSecretNamed")
    monkeypatch.setenv("HTTPS_PROXY", "http://u:ZqSecretProxy@127.0.0.1:9")
    write_settings(
        tmp_path,
        f'https-proxy = "http://u:ZqSecretProxy@127.0.0.1:9"\nextra-index-url = ["http://u:ZqSecretOld@{host}/old"]\n'
        f'[[index]]\nname = "named"\nurl = "http://{host}/named"\n',
    )
    write_settings(tmp_path, f'[[index]]\nurl = "http://u:ZqSecretMachine@{host}/machine"\n', "xdg_config_dirs")
    ask(private, f'index = [{{ url = "{url}", default = true }}, {{ url = "http://u:ZqSecretScript@{host}/script" }}]')
    monkeypatch.setattr(subprocess.Popen, "__init__", noted)
    said = [private.ok("generate", "app.py", "-v"), private.ok("build", "app", "-v", "--json")]
    shown = {each.partition(":")[2] for each in indexes.shown()}
    indexes.places[0].account = "another"
    private.edit("app.py", '"alpha"', '"alpha", "beta"')
    said += [private.run("generate", "app.py", "-v"), private.run("build", "app", "-v", "--json")]
    texts = [*seen, *(each.out + each.err for each in said), *contents(tmp_path / "cache"), *contents(private.root)]
    found = {match[0] for text in texts for match in re.finditer(r"ZqSecret\w+|Zq.?.?.?Secret.?.?.?One", text)}

    assert {each.code for each in said[2:]} == {1}
    assert shown == {
        *(f"ZqSecret{word}" for word in ("Variable", "Keyring", "Named", "Old", "Machine", "Script")),
        PASSWORD,
    }
    assert found == {"ZqSecretScript", "ZqSecretProxy"}
    assert [text for text in texts if "ZqSecretScript" in text and "# /// script" not in text] == []
    assert {text.partition("ZqSecretProxy")[0][-25:] for text in texts if "ZqSecretProxy" in text} == {
        "'https_proxy': 'http://u:"
    }


def contents(folder: Path) -> list[str]:
    """Return the texts of all files below a folder, compressed ones inflated."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            with suppress(OSError, EOFError, zlib.error):
                data += gzip.decompress(data) if data[:2] == b"\x1f\x8b" else b""
            found.append(data.decode(errors="replace"))
    return found


def test_killed_command_leaves_no_secret(
    private: Locking, indexes: PrivateIndexes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left in the scratch folder is what uv had when it was started, for it ends with its parent or soon."""
    texts: list[str] = []

    def killed(words: list[str], **named: Any) -> None:
        """Look at what is there as a killed process leaves it: its open files are gone."""
        settings = [os.pread(number, 1 << 20, 0) for number in named["pass_fds"]]
        assert any(IN_ADDRESS.encode() in each for each in settings)
        assert not any(os.fstat(number).st_nlink for number in named["pass_fds"])
        texts.extend(contents(tmp_path / "cache"))
        texts.extend(map(str, words))
        links = [path for path in (tmp_path / "cache").rglob("uv.toml") if path.is_symlink()]
        assert {str(path.readlink()) for path in links} == {f"/dev/fd/{number}" for number in named["pass_fds"]}
        raise KeyboardInterrupt

    url = indexes.add("nexus", "team", tmp_path / "wheels", ACCOUNT)
    monkeypatch.setenv("UV_DEFAULT_INDEX", url.replace("//", f"//{IN_ADDRESS}@"))
    monkeypatch.setattr(subprocess, "run", killed)
    assert private.run("generate", "app.py").err == "\ninterrupted\n"
    assert texts
    assert [text for text in texts if "Secret" in text] == []


@pytest.mark.parametrize("place", ["xdg_config_home", "xdg_config_dirs", "UV_CONFIG_FILE"])
def test_two_machines_make_one_lock(
    place: str, locking: Locking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the user's own settings none chooses a version."""
    for version in ("0.5", "1.1", "2.0b1"):
        build_wheel(tmp_path / "wheels", "alpha", version)
    build_wheel(tmp_path / "other", "alpha", "3.0")
    locking.ok("generate", "app.py", "--upgrade")
    first = locking.read("lockfiles/app/pylock.toml")
    shutil.rmtree(locking.root / "lockfiles")
    text = (
        'resolution = "lowest"\nprerelease = "allow"\nexclude-newer = "2020-01-01"\nno-binary = true\nno-sources = true\n'
        'index-strategy = "unsafe-best-match"\nfork-strategy = "fewest"\nrequired-version = ">99"\n'
        'constraint-dependencies = ["alpha<1"]\noverride-dependencies = ["alpha<1"]\nenvironments = ["os_name == \'nt\'"]\n'
        '[exclude-newer-package]\nalpha = "2020-01-01"\n[sources]\nalpha = { path = "/none" }\n[pip]\nno-index = true\n'
    )
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache" / "new-uv"))
    for name in ("XDG_CONFIG_HOME", "XDG_CONFIG_DIRS"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    if place == "UV_CONFIG_FILE":
        (tmp_path / "ci.toml").write_text(text)
        monkeypatch.setenv(place, str(tmp_path / "ci.toml"))
    else:
        write_settings(tmp_path, text, place)
    for name, value in {
        "RESOLUTION": "lowest",
        "PRERELEASE": "allow",
        "EXCLUDE_NEWER": "2020-01-01",
        "NO_BINARY": "1",
        "INDEX_STRATEGY": "unsafe-best-match",
        "FORK_STRATEGY": "fewest",
        "CONSTRAINT": "/none",
        "OVERRIDE": "/none",
        "NO_SOURCES": "1",
        "PYTHON": "3.99",
        "REQUIRED_VERSION": ">99",
    }.items():
        monkeypatch.setenv(f"UV_{name}", value)
    locking.ok("generate", "app.py")

    assert 'version = "1.1"' in first
    assert locking.read("lockfiles/app/pylock.toml") == first


def write_settings(home: Path, text: str, folder: str = "xdg_config_home") -> None:
    """Write settings of uv, of a user or of the machine."""
    path = home / folder / "uv" / "uv.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def write_program(home: Path, name: str, text: str) -> Path:
    """Write a program of the shell, which is before all others once its folder is."""
    path = home / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path
