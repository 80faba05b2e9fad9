"""What is shown where: by the longest path, then by the index that lists a file, then by host, and never elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from listener import Listener, listening, respond
from onedigest.errors import InputError, NetworkError
from onedigest.net.connection import Connection
from onedigest.net.download import Client
from onedigest.net.index_credentials import IndexCredential, IndexCredentials
from onedigest.net.indexes import PackageIndex, addresses_with_user, stem_of, without_users
from onedigest.net.uv_settings import read_settings, settings_text
from onedigest.tools.uv_environment import uv_input

HOST = "https://pypi.acme.example"
LAYOUTS = [
    ("/artifactory/api/pypi/NAME/simple", "/artifactory/api/pypi/NAME/packages/ab/cd/x.whl"),
    ("/artifactory/api/pypi/NAME/simple/", "/artifactory/api/pypi/NAME/packages/ab/cd/x.whl"),
    ("/api/v4/projects/NAME/packages/pypi/simple", "/api/v4/projects/NAME/packages/pypi/files/ab/x.whl"),
    ("/pypi/NAME/simple/", "/pypi/NAME/simple/some/1.0/x.whl"),
    ("/project/NAME/simple/", "/project/NAME/some/x.whl"),
    ("/repository/NAME/simple", "/repository/NAME/packages/some/1.0/x.whl"),
    ("/root/NAME/+simple/", "/root/NAME/+f/ab/cd/x.whl"),
    ("/NAME", "/NAME/files/x.whl"),
]


def shown(*rows: tuple[str, str]) -> IndexCredentials:
    return IndexCredentials(
        stated=[IndexCredential(url=f"{HOST}{path}", user="u", password=word) for path, word in rows]
    )


def password(found: IndexCredential | None) -> str:
    return found.password if found else ""


@pytest.mark.parametrize(("pages", "file"), LAYOUTS)
def test_files_beside_the_pages_of_an_index_are_shown_its_own_at_once(pages: str, file: str) -> None:
    known = shown((pages.replace("NAME", "team"), "one"), (pages.replace("NAME", "te"), "two"))

    assert password(known.at(HOST + file.replace("NAME", "team"))) == "one"
    assert password(known.at(HOST + file.replace("NAME", "te"))) == "two"
    assert password(known.at(HOST + file.replace("NAME", "other"))) == ""


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"{HOST}/a/simple/x/", "a"),
        (f"{HOST}/a/b/simple/x/", "b"),
        (f"{HOST}/a/bc/simple/x/", "a"),
        (f"{HOST}:443/a//b/x", "b"),
        ("https://PYPI.acme.example./a/x", "a"),
        (f"{HOST}/ab/x", ""),
        (f"{HOST}/A/x", ""),
        (f"{HOST}:8443/a/x", ""),
        ("http://pypi.acme.example/a/x", ""),
        ("https://pypi.acme.example.attacker.example/a/x", ""),
        ("https://pypi.acme.example@attacker.example/a/x", ""),
        ("https://[/a/x", ""),
        ("", ""),
    ],
)
def test_longest_path_counts(url: str, expected: str) -> None:
    assert password(shown(("/a/simple", "a"), ("/a/b/simple", "b")).at(url)) == expected


@pytest.mark.parametrize("step", ["..", "%2e%2e", "%2E.", "..%2f..", "..;x", "..%5C..", "a/../.."])
def test_path_that_leads_out_of_an_index_again_is_not_below_it(step: str) -> None:
    """A server may decode it and follow it, to what is another's."""
    known = shown(("/team/simple", "one"), ("/other/simple", "two"))

    assert known.at(f"{HOST}/team/{step}/evil/x.whl") is None
    assert password(known.at(f"{HOST}/team/{step}/other/x.whl")) == "two"
    assert password(known.at(f"{HOST}/team/./a%2Fb/../x.whl")) == "one"


def test_file_elsewhere_on_a_host_is_shown_what_its_index_is() -> None:
    known = shown(("/feed/one/simple", "one"), ("/feed/two/simple", "two"))
    file = f"{HOST}/download/x.whl"

    assert known.at(file) is None
    assert password(known.asked_at(file, f"{HOST}/feed/two/simple")) == "two"
    assert known.asked_at(file, "") is None
    assert known.asked_at(file, "https://other.example/feed/one/simple") is None
    assert known.asked_at("https://other.example/x.whl", f"{HOST}/feed/two/simple") is None
    assert password(shown(("/feed/one/simple", "one")).asked_at(file, "")) == "one"


@pytest.mark.parametrize(
    ("name", "stem"),
    [("internal", "INTERNAL"), ("My.Corp-index_2", "MY_CORP_INDEX_2"), ("a--b..c", "A__B__C"), ("9x", "9X")],
)
def test_name_is_spelt_as_uv_spells_it(name: str, stem: str) -> None:
    known = IndexCredentials({f"UV_INDEX_{stem}_PASSWORD": "word"}, [PackageIndex(name=name, url=f"{HOST}/simple")])

    assert stem_of(name) == stem
    assert [row.password for row in known.rows] == ["word"]


def test_index_that_is_never_to_be_shown_anything_is_not() -> None:
    never = PackageIndex(name="a", url=f"https://u:p@{HOST[8:]}/simple", authenticate="never")

    assert IndexCredentials({"UV_INDEX_A_PASSWORD": "word"}, [never]).rows == ()


@pytest.mark.parametrize(
    ("listed", "count"), [("", 0), ("nexus.example", 1), ("other nexus.example:8081", 1), ("nexus.example:80", 0)]
)
def test_nothing_travels_in_clear_text_unless_the_user_says_so(listed: str, count: int) -> None:
    known = IndexCredentials({"UV_INDEX": "http://u:p@nexus.example:8081/simple", "UV_INSECURE_HOST": listed})

    assert len(known.rows) == count
    problem = known.refusal(
        "http://nexus.example:8081/simple/x/", "", 401, known.at("http://nexus.example:8081/simple")
    )
    assert problem
    assert ("without TLS" in problem.message) == (count == 0)


@pytest.mark.parametrize(("token", "expected"), [("abc.d-e", "Bearer abc.d-e"), ("a\\nb", ""), ("ä", ""), ("", "")])
def test_token_of_a_login_is_a_bearer(token: str, expected: str, tmp_path: Path) -> None:
    row = f'[[credential]]\nservice = "{HOST}/a"\nscheme = "bearer"\ntoken = "{token}"\n'
    (tmp_path / "credentials.toml").write_text(row, encoding="utf-8")
    known = IndexCredentials({"UV_CREDENTIALS_DIR": str(tmp_path), "UV_INDEX": f"{HOST}/a/simple"})
    found = known.at(f"{HOST}/a/x.whl")

    assert (found.header["authorization"] if found else "") == expected
    assert "Bearer" not in uv_input({"UV_CREDENTIALS_DIR": str(tmp_path), "UV_INDEX": f"{HOST}/a/simple"}).settings


def test_addresses_in_texts_lose_their_users() -> None:
    text = 'a = "https://u:p%40@h.example/x" b = ["http://tok@h.example/y", "git+https://u:p@h.example/z", "u@h"]'

    assert [each.url for each in addresses_with_user([text])] == [
        "https://u:p%40@h.example/x",
        "http://tok@h.example/y",
    ]
    assert without_users(text) == (
        'a = "https://h.example/x" b = ["http://h.example/y", "git+https://u:p@h.example/z", "u@h"]'
    )


class TestRequests:
    @pytest.fixture
    def server(self) -> Iterator[Listener]:
        """Wants a password that depends on the first part of a path, hides `hidden`, and leads from `led`."""

        def answer(request: BaseHTTPRequestHandler) -> None:
            part = request.path.split("/")[1]
            given = listener.seen[-1][1]
            if part == "led":
                respond(request, 302, location=request.path.replace("/led/", "/"))
            elif part != "open" and not given.endswith((":one", ":two")):
                respond(request, 404 if part == "hidden" else 401, b"not " + given.encode())
            else:
                respond(request, 200, given.encode())

        with listening(answer) as listener:
            yield listener

    @staticmethod
    def client(server: Listener, *rows: tuple[str, str], **more: Path) -> Client:
        several = [IndexCredential(url=f"{server.address}{path}", user="u", password=word) for path, word in rows]
        return Client(Connection(credentials=IndexCredentials(stated=several), pause=lambda _: None, **more))  # type: ignore[arg-type]

    def test_nothing_is_shown_where_nothing_is_asked_for(self, server: Listener) -> None:
        client = self.client(server, ("/feed/simple", "one"))
        client.get(f"{server.address}/open/x", index=f"{server.address}/feed/simple")

        assert server.seen == [("/open/x", "")]

    @pytest.mark.parametrize("part", ["files", "hidden"])
    def test_what_was_taken_is_shown_at_once_the_next_time(self, part: str, server: Listener) -> None:
        client, index = self.client(server, ("/feed/simple", "one"), ("/b", "two")), f"{server.address}/feed/simple"
        for name in ("x", "y"):
            assert client.get(f"{server.address}/{part}/{name}", index=index) == b"u:one"

        assert server.seen == [(f"/{part}/x", ""), (f"/{part}/x", "u:one"), (f"/{part}/y", "u:one")]

    def test_path_of_another_index_is_shown_its_own_when_a_server_leads_there(self, server: Listener) -> None:
        client = self.client(server, ("/led/a", "one"), ("/a", "two"))

        assert client.get(f"{server.address}/led/a/x") == b"u:two"
        assert server.seen == [("/led/a/x", "u:one"), ("/a/x", "u:two")]

    def test_netrc_gives_way_to_what_is_for_an_index(self, server: Listener, tmp_path: Path) -> None:
        (tmp_path / "netrc").write_text("machine 127.0.0.1 login n password wrong\n")
        client = self.client(server, ("/a", "one"), ("/b", "two"), netrc=tmp_path / "netrc")

        assert client.get(f"{server.address}/a/x") == b"u:one"
        assert client.get(f"{server.address}/c/x", index=f"{server.address}/b") == b"u:two"
        assert server.seen == [("/a/x", "u:one"), ("/c/x", "n:wrong"), ("/c/x", "u:two")]

    def test_refusal_names_the_index_and_what_to_set(self, server: Listener) -> None:
        own = {"UV_INDEX": f"My.Corp=http://u:wrong@{server.host}/feed/simple"}
        client = Client(Connection(credentials=IndexCredentials(own), pause=lambda _: None))
        with pytest.raises(NetworkError) as caught:
            client.get(f"{server.address}/files/x", index=f"{server.address}/feed/simple")

        assert str(caught.value) == (
            f"{server.address}/files/x: the index `My.Corp` ({server.address}/feed/simple) refuses the user and"
            " password that are set for it: it answered 401\nhint: set UV_INDEX_MY_CORP_USERNAME and"
            f' UV_INDEX_MY_CORP_PASSWORD, with UV_INDEX="My.Corp={server.address}/feed/simple" or an [[index]] of your'
            " uv.toml; or use a netrc, or `uv auth login`"
        )

    def test_host_that_is_no_index_is_said_as_before(self, server: Listener) -> None:
        with pytest.raises(NetworkError) as caught:
            self.client(server).get(f"{server.address}/files/x")

        assert str(caught.value) == f"{server.address}/files/x: the server answered 401"


class TestSettings:
    def test_only_where_indexes_are_and_how_they_are_reached(self, tmp_path: Path) -> None:
        path = tmp_path / "uv.toml"
        path.write_text(
            """
            resolution = "lowest"
            prerelease = "allow"
            exclude-newer = "2020-01-01"
            exclude-newer-package = { alpha = "2020-01-01" }
            index-strategy = "unsafe-best-match"
            fork-strategy = "fewest"
            no-binary = true
            no-binary-package = ["alpha"]
            no-build = false
            no-sources = true
            required-version = ">99"
            environments = ["sys_platform == 'linux'"]
            constraint-dependencies = ["alpha<1"]
            override-dependencies = ["alpha<1"]
            exclude-dependencies = ["alpha"]
            dependency-metadata = [{ name = "alpha", version = "1" }]
            python-preference = "only-managed"
            find-links = ["wheels", "https://h.example/links"]
            allow-insecure-host = ["nexus.example"]
            concurrent-downloads = 2
            [pip]
            index-url = "https://h.example/pip"
            [sources]
            alpha = { path = "/x" }
            [[index]]
            name = "corp"
            url = "https://h.example/simple"
            explicit = true
            exclude-newer = "2020-01-01"
            publish-url = "https://h.example/upload"
            """
        )
        (user, machine) = read_settings({"UV_CONFIG_FILE": str(path)})

        assert settings_text(user.values) == (
            f'find-links = ["{tmp_path}/wheels", "https://h.example/links"]\n'
            'allow-insecure-host = ["nexus.example"]\n'
            "concurrent-downloads = 2\n"
            '[[index]]\nname = "corp"\nurl = "https://h.example/simple"\nexplicit = true\n'
        )
        assert (user.file, machine.file) == (str(path), "")

    def test_of_two_files_of_the_machine_the_first_counts(self, tmp_path: Path) -> None:
        for name in ("home", "a", "b"):
            (tmp_path / name / "uv").mkdir(parents=True)
        for name in ("a", "b"):
            (tmp_path / name / "uv" / "uv.toml").write_text(f'find-links = ["{name}"]\n')
        folders = ":".join(str(tmp_path / name) for name in ("none", "a", "b"))
        own = {"XDG_CONFIG_HOME": str(tmp_path / "home"), "XDG_CONFIG_DIRS": folders}
        user, machine = read_settings(own)

        assert (user.values, machine.file) == ({}, str(tmp_path / "a" / "uv" / "uv.toml"))
        assert machine.values == {"find-links": [f"{tmp_path}/a/uv/a"]}
        assert [each.values for each in read_settings({**own, "UV_NO_CONFIG": "1"})] == [{}, {}]

    def test_that_are_not_there_are_an_error_where_a_variable_names_them(self) -> None:
        with pytest.raises(InputError) as caught:
            read_settings({"UV_CONFIG_FILE": "/none/uv.toml"})

        assert str(caught.value) == ("/none/uv.toml: there is no such file of settings\nhint: correct UV_CONFIG_FILE")

    @pytest.mark.parametrize(
        "text", ["index = 1", "index = [1, {}, { name = 1 }]", 'index-url = ["x"]', "find-links = 1"]
    )
    def test_of_odd_shapes_are_for_uv_to_refuse(self, text: str, tmp_path: Path) -> None:
        (tmp_path / "uv.toml").write_text(
            f"{text}\nallow-insecure-host = 1\nkeyring-provider = []\npreview-features = 1\n"
        )
        own = {"UV_CONFIG_FILE": str(tmp_path / "uv.toml")}

        assert IndexCredentials(own, [PackageIndex(url="http://u:p@h.example/simple")]).rows == ()
        assert "keyring" not in uv_input(own).settings

    def test_that_are_no_toml_are_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "uv.toml").write_text('index-url = "https://u:SECRET@h.example\n')
        with pytest.raises(InputError) as caught:
            read_settings({"UV_CONFIG_FILE": str(tmp_path / "uv.toml")})

        assert str(caught.value).startswith(f"{tmp_path}/uv.toml: uv's settings are no TOML: ")
        assert "SECRET" not in str(caught.value)
