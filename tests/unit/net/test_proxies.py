"""Proxies are read as curl, requests and uv read them; where these differ, each row says so."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import requests
from uv import find_uv_bin

from listener import listening, respond
from onedigest.errors import NetworkError
from onedigest.net.connection import Connection
from onedigest.net.download import Client
from onedigest.net.proxies import Proxy, for_programs, parse_proxy, passes_by, proxy_of, read_proxies

# host and port of an address, NO_PROXY, and whether it is passed by: for us; for Python, requests and uv where
# they differ from that. uv decides, but for what it reads as nothing at all: ports, blanks, brackets, `*.` and `*`
# before an address; and for a host of this machine, which has a proxy for nobody here.
ROWS = [
    ("a.corp", "a.corp", True, {}),
    ("a.corp", "corp", True, {}),
    ("a.corp", ".corp", True, {}),
    ("a.corp", ".a.corp", True, {}),
    ("a.corp", "CORP", True, {}),
    ("A.corp", "a.Corp", True, {}),
    ("acorp", "corp", False, {}),
    ("a.corp", "*.corp", True, {"python": False, "requests": False, "uv": False}),
    ("a.corp", "x, a.corp", True, {}),
    ("a.corp", "x a.corp", True, {"python": False, "requests": False, "uv": False}),
    ("a.corp", " a.corp ", True, {}),
    ("a.corp", "*", True, {}),
    ("a.corp", "x,*", True, {"python": False, "requests": False}),
    ("10.1.2.3", "*", True, {"uv": False}),
    ("a.corp", "a.corp.", True, {"python": False, "requests": False, "uv": False}),
    ("a.corp.", "a.corp", True, {"python": False, "requests": False, "uv": False}),
    ("a.corp:81", "a.corp", True, {}),
    ("a.corp:81", "a.corp:81", True, {"uv": False}),
    ("a.corp:81", "a.corp:80", False, {}),
    ("a.corp", "a.corp:80", True, {"python": False, "requests": False, "uv": False}),
    ("a.corp:81", "corp:81", True, {"uv": False}),
    ("10.1.2.3", "10.1.2.3", True, {}),
    ("10.1.2.3:81", "10.1.2.3:81", True, {"requests": False, "uv": False}),
    ("10.1.2.3", "10.0.0.0/8", True, {"python": False}),
    ("10.1.2.3", "10.9.9.9/8", True, {"python": False}),
    ("11.1.2.3", "10.0.0.0/8", False, {}),
    ("10.1.2.3", "2.3", False, {"python": True, "requests": True}),
    ("10.1.2.3", "10.", False, {}),
    ("a.corp", "10.0.0.0/8", False, {}),
    ("[fd00::1]", "fd00::1", True, {"python": False}),
    ("[fd00::1]", "fd00:0::1", True, {"python": False, "requests": False}),
    ("[fd00::1]", "[fd00::1]", True, {"requests": False, "uv": False}),
    ("[fd00::1]:81", "[fd00::1]:81", True, {"uv": False, "requests": False}),
    ("[fd00::1]", "fd00::/8", True, {"python": False, "requests": False}),
    ("[fe00::1]", "fd00::/8", False, {}),
    ("a.corp", "", False, {}),
    ("a.corp", ".", False, {}),
    ("a.corp", ",,", False, {}),
]


def ours(host: str, patterns: str) -> bool:
    settings = dict(read_proxies({"http_proxy": "http://proxy.example", "no_proxy": patterns}, {}))
    return proxy_of(f"http://{host}/x", settings) is None


class TestNoProxy:
    @pytest.mark.parametrize(("host", "patterns", "passed_by", "differing"), ROWS)
    def test_passes_hosts_by(
        self, host: str, patterns: str, passed_by: bool, differing: dict[str, bool], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("no_proxy", patterns)
        others = {
            "python": bool(urllib.request.proxy_bypass(host)),
            "requests": requests.utils.should_bypass_proxies(f"http://{host}/x", None),
        }

        assert ours(host, patterns) is passed_by
        assert others == {name: differing.get(name, passed_by) for name in others}

    @pytest.mark.slow
    def test_is_as_uv_has_it(self, tmp_path: Path) -> None:
        """The real uv asks an index on each host of the table."""
        with listening(_nothing) as proxy, ThreadPoolExecutor(8) as threads:
            for number, (host, patterns, *_) in enumerate(ROWS):
                variables = {"http_proxy": proxy.address, "no_proxy": patterns}
                threads.submit(_ask_uv, f"http://{host}/{number}/simple", tmp_path, **variables)
        asked = {int(path.split("/")[3]) for path in proxy.paths()}

        expected = [differing.get("uv", passed_by) for *_, passed_by, differing in ROWS]
        assert [number not in asked for number in range(len(ROWS))] == expected

    def test_of_nobody_has_this_machine_behind_a_proxy(self) -> None:
        settings = {"http": "http://proxy.example", "https": "http://proxy.example"}
        for host in ("localhost", "127.0.0.1", "127.8.8.8", "[::1]"):
            assert proxy_of(f"http://{host}:81/x", settings) is None
            assert proxy_of(f"https://{host}/x", settings) is None
        assert proxy_of("http://localhost.example/x", settings) is not None

    @pytest.mark.slow
    def test_that_uv_is_lent_leads_it_as_us(self, tmp_path: Path) -> None:
        """Blanks, `*.` and `*` before addresses mean nothing to uv, so it gets what they stand for."""
        rows = [
            ("a.corp", "x *.corp"),
            ("a.corp", "a.corp."),
            ("[fd00::1]", "[fd00::1]"),
            ("10.1.2.3", "*"),
            ("127.0.0.1:9", "x"),
        ]
        with listening(_nothing) as proxy:
            for host, patterns in rows:
                settings = dict(read_proxies({"HTTP_PROXY": f" {proxy.address} ", "NO_PROXY": patterns}, {}))
                _ask_uv(f"http://{host}/simple", tmp_path, **for_programs(settings))
            assert proxy.seen == []
            lent = for_programs({"http": f" {proxy.address}", "no": "a.corp"})
            _ask_uv("http://b.corp/simple", tmp_path, **lent)
            assert proxy.paths() == ["http://b.corp/simple/alpha/"]


def _nothing(request: BaseHTTPRequestHandler) -> None:
    respond(request, 404)


def _ask_uv(index: str, home: Path, **variables: str) -> str:
    """Have the real uv look for a package; return what it says."""
    done = subprocess.run(
        [find_uv_bin(), "pip", "compile", "-", "--python", sys.executable, "--index-url", index, "--color", "never"],
        input="alpha\n",
        env={"HOME": str(home), "UV_HTTP_RETRIES": "0", "UV_NO_CONFIG": "1"}
        | {"UV_HTTP_TIMEOUT": "1", "UV_HTTP_CONNECT_TIMEOUT": "1"}
        | variables,
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr


class TestVariables:
    @pytest.mark.parametrize(
        ("variables", "proxy"),
        [
            ({}, ""),
            ({"http_proxy": "http://a"}, "http://a:80"),
            ({"HTTP_PROXY": "http://a"}, "http://a:80"),
            ({"http_proxy": "http://a", "HTTP_PROXY": "http://b"}, "http://a:80"),
            ({"http_proxy": "", "HTTP_PROXY": "http://b"}, ""),
            ({"http_proxy": " "}, ""),
            ({"http_proxy": "", "ALL_PROXY": "http://b"}, "http://b:80"),
            ({"all_proxy": "socks5h://a"}, "socks5h://a:1080"),
            ({"ALL_PROXY": "http://a", "http_proxy": "http://b"}, "http://b:80"),
            ({"https_proxy": "http://a"}, ""),
            ({"HTTP_PROXY": "http://a", "REQUEST_METHOD": "GET"}, ""),
            ({"http_proxy": "http://a", "REQUEST_METHOD": "GET"}, "http://a:80"),
            ({"HTTP_PROXY": "http://a", "NO_PROXY": "index.example"}, ""),
            ({"HTTP_PROXY": "http://a", "NO_PROXY": "index.example", "no_proxy": ""}, "http://a:80"),
        ],
    )
    def test_small_names_count_before_capital_ones(self, variables: dict[str, str], proxy: str) -> None:
        found = proxy_of("http://index.example/x", dict(read_proxies(variables, {})))

        assert (found.address if found else "") == proxy

    @pytest.mark.parametrize(
        ("settings", "http", "https"),
        [
            ({"http-proxy": "http://a"}, "http://a:80", ""),
            ({"https-proxy": "a:3128"}, "", "http://a:3128"),
            ({"https-proxy": "a:3128", "no-proxy": ["index.example"]}, "", ""),
            ({"no-proxy": ["index.example"]}, "http://v:80", "http://w:80"),
            ({"http-proxy": 3, "no-proxy": "x"}, "http://v:80", "http://w:80"),
        ],
    )
    def test_a_proxy_of_uv_toml_takes_their_place(self, settings: dict[str, object], http: str, https: str) -> None:
        variables = {"http_proxy": "http://v", "https_proxy": "http://w", "no_proxy": "other.example"}
        found = dict(read_proxies(variables, settings))
        addresses = [proxy_of(f"{scheme}://index.example/x", found) for scheme in ("http", "https")]

        assert [each.address if each else "" for each in addresses] == [http, https]

    def test_that_programs_are_lent_hold_the_whole_of_it(self) -> None:
        settings = {"http": "u:p@a", "all": " socks5h://b ", "no": "*.corp x [fd00::1] x:81"}

        assert for_programs(settings) == {
            "http_proxy": "http://u:p@a:80",
            "https_proxy": "socks5h://b:1080",
            "no_proxy": "corp,x,fd00::1,x:81,localhost,127.0.0.0/8,::1",
        }
        assert for_programs({"http": "a", "no": "x,*"}) == {"no_proxy": "x,*,localhost,127.0.0.0/8,::1"}
        assert for_programs({"no": "x"}) == {"no_proxy": "x,localhost,127.0.0.0/8,::1"}
        assert for_programs({}) == {}


class TestAddress:
    @pytest.mark.parametrize(
        ("text", "address", "user", "password"),
        [
            ("http://proxy", "http://proxy:80", "", ""),
            ("proxy:3128", "http://proxy:3128", "", ""),
            ("HTTPS://Proxy", "https://proxy:443", "", ""),
            ("http://u:p@proxy:1/", "http://proxy:1", "u", "p"),
            ("u:p@proxy", "http://proxy:80", "u", "p"),
            ("http://u@proxy", "http://proxy:80", "u", ""),
            ("http://us%40er:p%3A%2F%40ss@proxy", "http://proxy:80", "us@er", "p:/@ss"),
            ("http://u:p@ss@proxy", "http://proxy:80", "u", "p@ss"),
            ("http://u:p#s/s?@proxy:81/path?x=1", "http://proxy:81", "u", "p#s/s?"),
            ("http://u:100%@proxy", "http://proxy:80", "u", "100%"),
            ("http://ä:ö@proxy", "http://proxy:80", "ä", "ö"),
            ("http://[fd00::1]:3128", "http://[fd00::1]:3128", "", ""),
            ("socks5://proxy", "socks5://proxy:1080", "", ""),
            ("socks4a://u@proxy:9050", "socks4a://proxy:9050", "u", ""),
        ],
    )
    def test_is_read_as_people_write_it(self, text: str, address: str, user: str, password: str) -> None:
        found = parse_proxy(text, "HTTP_PROXY")

        assert (found.address, found.user, found.password) == (address, user, password)
        assert parse_proxy(found.url, "HTTP_PROXY") == found

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("http://", "HTTPS_PROXY has no address of a proxy"),
            ("http://[", "HTTPS_PROXY has no address of a proxy"),
            ("http://u:SECRET@", "HTTPS_PROXY has no address of a proxy"),
            ("http://u:SECRET@proxy:99999", "HTTPS_PROXY has no address of a proxy"),
            ("http://u:SECRET@proxy:0", "HTTPS_PROXY has no address of a proxy"),
            ("http://u:SECRET", "HTTPS_PROXY has no address of a proxy"),
            ("http://SECRET word@ proxy", "HTTPS_PROXY has no address of a proxy"),
            ("socks://u:SECRET@proxy:1080/", "HTTPS_PROXY names a proxy of an unknown kind, `socks`"),
            ("ftp://u:SECRET@proxy", "HTTPS_PROXY names a proxy of an unknown kind, `ftp`"),
        ],
    )
    def test_that_is_none_is_told_without_its_password(self, text: str, said: str) -> None:
        with pytest.raises(NetworkError) as caught:
            Client(Connection(proxies=(("https", text),))).get("https://index.example/x")

        hint = "write it as http://HOST:PORT, or with https, socks5h, socks5, socks4a or socks4"
        assert str(caught.value) == f"{said}\nhint: {hint}"

    def test_with_a_password_too_long_for_socks_is_told(self) -> None:
        with pytest.raises(NetworkError) as caught:
            parse_proxy(f"socks5h://u:{'SECRET' * 50}@proxy", "ALL_PROXY")

        assert (
            str(caught.value)
            == "ALL_PROXY has a user or a password that is too long for SOCKS\nhint: 255 bytes are most"
        )

    def test_hides_what_it_holds(self) -> None:
        found = parse_proxy("http://SECRETuser:SECRET@proxy", "HTTP_PROXY")

        assert "SECRET" not in repr(found) + found.address
        assert isinstance(found, Proxy)


def test_a_network_is_no_name_and_a_name_no_network() -> None:
    assert passes_by("10.1.2.3", 80, "10.1.2.3/32")
    assert not passes_by("10.1.2.3.example", 80, "10.1.2.3/8")
    assert passes_by("a.10", 80, "10")


class TestPassword:
    """What stands before other hosts, as other programs read the same variables."""

    @pytest.mark.parametrize(
        ("written", "secret"),
        [("http://{}", ""), ("{}", ""), ("http://us%40er:pä:ss@{}/", "us@er:pä:ss"), ("u:p@{}", "u:p")],
    )
    def test_is_shown_to_the_proxy_and_nobody_else(self, written: str, secret: str) -> None:
        shown_to: list[str | None] = []

        def answer(request: BaseHTTPRequestHandler) -> None:
            shown_to.append(request.headers.get("proxy-authorization"))
            respond(request, 200, b"file")

        with listening(answer) as proxy:
            client = Client(Connection(proxies=(("http", written.format(proxy.host)),)))
            assert client.get("http://index.example/x") == b"file"
            assert client.get(f"{proxy.address}/near") == b"file"

        expected = parse_proxy(f"http://{secret}@x" if secret else "x", "").headers.get("proxy-authorization")
        assert shown_to == [expected, None]
