"""A script's [tool.uv] runs no code, reaches nothing in another way, and sends no secret away."""

from __future__ import annotations

import io
import os
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from index_server import IndexServer, send
from onedigest.errors import InputError, OnedigestError
from resolving import BACKEND, EVIL, Checkout
from wheel_builder import build_wheel

SECRET = "s3cret-of-the-index"


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


class Listener:
    """Notes every request that it gets, and has nothing."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                listener.seen.append(f"{self.path} {self.headers.get('authorization', '')}")
                self.send_response(404)
                self.send_header("content-length", "0")
                self.end_headers()

            do_HEAD = do_CONNECT = do_GET

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def stranger() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.server.shutdown()
    listener.server.server_close()


def refused(checkout: Checkout, *uv: str, dependencies: tuple[str, ...] = ("alpha",), own: dict[str, str] | None = None) -> str:  # fmt: skip
    with pytest.raises(OnedigestError) as caught:
        checkout.locate(*uv, dependencies=dependencies, own=own)
    return str(caught.value)


def write_sdist(checkout: Checkout) -> None:
    """Put an archive of source among the honest wheels, whose build leaves a file."""
    with tarfile.open(checkout.wheels / "evil-0.1.tar.gz", "w:gz") as archive:
        for name, text in (("pyproject.toml", EVIL), ("backend.py", BACKEND.format(ran=str(checkout.ran)))):
            member = tarfile.TarInfo(f"evil-0.1/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))


def test_workspace_of_a_script_reaches_no_uv(checkout: Checkout) -> None:
    evil = checkout.evil(checkout.folder / "evil")
    checkout.locate(*checkout.here(), f'workspace = {{ members = ["../../..{evil}", "{evil}"] }}')

    assert not checkout.ran.exists()


@pytest.mark.parametrize("line", ['resolutoin = "lowest"', "resolution = 3", "offline = 3"])
def test_key_that_uv_stumbles_over_does_not_let_it_build(line: str, checkout: Checkout) -> None:
    """Uv forgets all settings where it does not know one, among them that nothing is to be built."""
    write_sdist(checkout)
    own = {"UV_FIND_LINKS": str(checkout.wheels), "UV_OFFLINE": "1"}
    refused(checkout, line, dependencies=("evil",), own=own)

    assert not checkout.ran.exists()


def test_settings_in_a_file_of_the_user_do_not_let_uv_build(checkout: Checkout) -> None:
    write_sdist(checkout)
    settings = checkout.root / "own.toml"
    settings.write_text(f'no-index = true\nfind-links = ["{checkout.wheels}"]\n')
    refused(checkout, dependencies=("evil",), own={"UV_CONFIG_FILE": str(settings)})

    assert not checkout.ran.exists()


def test_unknown_key_does_not_make_uv_forget_the_others(checkout: Checkout) -> None:
    found = checkout.locate(*checkout.here(), 'resolutoin = "lowest"')

    assert list(found) == ["alpha-1.0-py3-none-any.whl"]


NEEDS = "another package needs `evil`, which comes from a source here, and nothing asks for it that counts"
GIT, ARCHIVE = (
    f'`evil` comes from {what}, which is not a wheel\nhint: write `build = ["evil"]` in [tool.onedigest]'
    for what in ("a git repository", "an archive of its source")
)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('sources = { evil = { path = "evil.whl" } }', NEEDS),
        ('sources = { evil = { path = "evil.whl", package = true } }', NEEDS),
        ('sources = { evil = [{ path = "evil", editable = true }] }', NEEDS),
        ('sources = { evil = { path = "evil.whl/../evil" } }', NEEDS),
        ("sources = { evil = { workspace = true } }",
         "`evil` comes from a workspace, and no pyproject.toml around it has [tool.uv.workspace]"),
        ('sources = { evil = { git = "file://CHECKOUT/evil" } }', GIT),
        ('sources = { evil = { url = "https://127.0.0.1:1/evil-0.1.tar.gz#/x.whl" } }', ARCHIVE),
        ('override-dependencies = ["evil @ file://CHECKOUT/evil"]', NEEDS),
        ('override-dependencies = ["evil @ file:CHECKOUT/evil.whl"]', NEEDS),
        ('override-dependencies = ["evil @ evil.whl"]', NEEDS),
        ('override-dependencies = ["evil @ git+file://CHECKOUT/evil"]', GIT),
        ('override-dependencies = ["evil @ ssh://127.0.0.1/evil.whl"]',
         "`evil` comes from an address that begins with ssh:"),
        ('override-dependencies = [{ package = { name = "alpha" }, dependencies = ["evil @ git+file://CHECKOUT/evil"] }]',
         GIT),
        ('constraint-dependencies = ["evil @ git+file://CHECKOUT/evil.whl"]', GIT),
        ('constraint-dependencies = ["evil @ file://127.0.0.1/evil.whl"]', "`evil` comes from another machine's file"),
        ('dependency-metadata = [{ name = "alpha", requires-dist = ["evil @ git+file://CHECKOUT/evil"] }]', GIT),
    ],
)  # fmt: skip
def test_nothing_is_built_by_uv(line: str, expected: str, checkout: Checkout) -> None:
    """Asking uv where wheels are builds nothing: neither uv does, nor what is asked before."""
    checkout.evil(checkout.folder / "evil")
    checkout.evil(checkout.folder / "evil.whl")
    said = refused(
        checkout, *checkout.here(), line.replace("CHECKOUT", str(checkout.folder)), dependencies=("alpha", "evil")
    )

    assert said.replace("\nhint: add `evil` to `dependencies`, so that it is built", "") == f"job.py: {expected}"
    assert not checkout.ran.exists()


def test_source_of_what_nobody_asks_for_is_nothing(checkout: Checkout) -> None:
    lines = ('sources.evil = { git = "file:///evil" }', "sources.worse = { workspace = true }")

    assert list(checkout.locate(*checkout.here(), *lines)) == ["alpha-1.0-py3-none-any.whl"]


def test_source_distribution_that_is_to_be_built_is_not_built_by_uv(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What uv is to choose from says itself what it needs, so uv looks into no archive."""
    write_sdist(checkout)
    spec = replace(checkout.spec(*checkout.here(), dependencies=("alpha", "evil")), build=("evil",))
    monkeypatch.setattr(checkout, "spec", lambda *_, **__: spec)
    found = checkout.locate()

    assert list(found) == ["alpha-1.0-py3-none-any.whl"]
    assert not checkout.ran.exists()


def test_folder_named_like_a_wheel_is_no_wheel(checkout: Checkout) -> None:
    evil = checkout.evil(checkout.folder / "evil.whl")
    said = refused(checkout, *checkout.here(), dependencies=(f"evil @ file://{evil}",))

    assert said.startswith(f"job.py: {NEEDS}")
    assert not checkout.ran.exists()


def test_pipe_named_like_a_wheel_is_not_read(checkout: Checkout) -> None:
    os.mkfifo(checkout.folder / "evil-0.1-py3-none-any.whl")
    said = refused(checkout, 'sources = { evil = { path = "evil-0.1-py3-none-any.whl" } }', dependencies=("evil",))

    assert said == "job.py: `evil` comes from evil-0.1-py3-none-any.whl, which is no regular file"


def test_metadata_of_a_wheel_leads_to_no_git_repository(checkout: Checkout) -> None:
    wheel = build_wheel(checkout.folder, "beta", "1.0", requires=["evil @ git+https://127.0.0.1:1/evil"])
    said = refused(checkout, *checkout.here(), dependencies=(f"beta @ file://{wheel}",))

    assert "transport 'https' not allowed" in said


def test_cache_is_where_the_user_has_it(checkout: Checkout) -> None:
    victim = checkout.root / "victim"
    checkout.locate(*checkout.here(), f'cache-dir = "{victim}"')

    assert not victim.exists()
    assert (checkout.root / "cache" / "uv").is_dir()


@pytest.mark.parametrize("key", ["http-proxy", "https-proxy"])
def test_no_proxy_of_a_script_is_used(key: str, checkout: Checkout, stranger: Listener) -> None:
    scheme = key.partition("-")[0]
    own = {"UV_DEFAULT_INDEX": f"{scheme}://robot:{SECRET}@index.invalid/simple"}
    said = refused(checkout, f'{key} = "{stranger.address}"', own=own)

    assert stranger.seen == []
    assert said == (
        f"job.py: `{key}` in [tool.uv] cannot be followed: how an index is reached is not a script's to say\n"
        "hint: leave it out; where you need it, set it in a uv.toml of your own"
    )


def test_no_program_is_asked_for_passwords(checkout: Checkout, stranger: Listener) -> None:
    program = checkout.root / "bin" / "keyring"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho x > {checkout.ran}\n")
    program.chmod(0o755)
    address = stranger.address.replace("://", "://robot@")
    said = refused(
        checkout,
        'keyring-provider = "subprocess"',
        f'index = [{{ url = "{address}/simple", default = true }}]',
        own={"PATH": f"{program.parent}:{os.environ['PATH']}"},
    )

    assert not checkout.ran.exists()
    assert said.startswith("job.py: `keyring-provider` in [tool.uv] cannot be followed: ")


def test_no_host_goes_unchecked_because_of_a_script(checkout: Checkout) -> None:
    said = refused(checkout, *checkout.here(), 'allow-insecure-host = ["index.invalid"]')

    assert said.startswith("job.py: `allow-insecure-host` in [tool.uv] cannot be followed: ")


WHERE_ADDRESSES_ARE = {
    "requirement": ((), ("beta @ ADDRESS",)),
    "override": (('override-dependencies = ["alpha @ ADDRESS"]',), ("alpha",)),
    "constraint": (('constraint-dependencies = ["alpha @ ADDRESS"]',), ("alpha",)),
    "metadata": (
        ('dependency-metadata = [{ name = "alpha", version = "1.0", requires-dist = ["beta @ ADDRESS"] }]',),
        ("alpha @ file://WHEELS/alpha-1.0-py3-none-any.whl",),
    ),
    "source": (('sources = { alpha = { url = "ADDRESS" } }',), ("alpha",)),
}


@pytest.mark.parametrize("kind", WHERE_ADDRESSES_ARE)
def test_variable_is_not_filled_into_an_address(kind: str, checkout: Checkout, stranger: Listener) -> None:
    address = f"{stranger.address}/${{UV_INDEX_CORP_PASSWORD}}/beta-1.0-py3-none-any.whl"
    uv, dependencies = WHERE_ADDRESSES_ARE[kind]

    def filled(lines: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(line.replace("ADDRESS", address).replace("WHEELS", str(checkout.wheels)) for line in lines)

    said = refused(
        checkout,
        *checkout.here(),
        *filled(uv),
        dependencies=filled(dependencies),
        own={"UV_INDEX": f"corp={stranger.address}/corp", "UV_INDEX_CORP_PASSWORD": SECRET},
    )

    assert not [each for each in stranger.seen if SECRET in each.split()[0]]
    assert "has an address with the variable `${UV_INDEX_CORP_PASSWORD}`, and none is filled in" in said


@pytest.mark.parametrize(
    "own",
    [
        {"UV_INDEX": "corp=INDEX/corp", "UV_INDEX_CORP_USERNAME": "robot", "UV_INDEX_CORP_PASSWORD": SECRET},
        {"UV_DEFAULT_INDEX": f"http://robot:{SECRET}@index.invalid/simple"},
        {"HTTPS_PROXY": f"http://robot:{SECRET}@127.0.0.1:1"},
    ],
    ids=["password", "index", "proxy"],
)
def test_secret_is_not_filled_into_metadata_of_a_wheel(
    own: dict[str, str], checkout: Checkout, stranger: Listener
) -> None:
    variable = next(name for name, value in reversed(own.items()) if SECRET in value)
    address = f"{stranger.address}/x/beta-1.0-py3-none-any.whl?${{{variable}}}"
    wheel = build_wheel(checkout.folder, "gamma", "1.0", requires=[f"beta @ {address}"])
    said = refused(
        checkout,
        *checkout.here(),
        dependencies=(f"gamma @ file://{wheel}",),
        own={name: value.replace("INDEX/", f"{stranger.address}/") for name, value in own.items()},
    )

    assert not [each for each in stranger.seen if SECRET in each.split()[0]]
    assert SECRET not in said


def test_metadata_of_a_wheel_leads_to_no_file_of_this_machine(checkout: Checkout) -> None:
    private = build_wheel(checkout.root / "private", "beta", "1.0")
    wheel = build_wheel(checkout.folder, "gamma", "1.0", requires=[f"beta @ file://{private}"])
    dependency = f"gamma @ file://{wheel}"
    said = refused(checkout, *checkout.here(), dependencies=(dependency,))

    assert said == (
        "job.py: what the index says of `beta` cannot be used:"
        " another package names it as a file of this machine, which no script does"
    )
    assert len(checkout.locate(*checkout.here(), dependencies=(dependency, f"beta @ file://{private}"))) == 2


def test_settings_that_uv_cannot_read_are_told_without_passwords(checkout: Checkout) -> None:
    said = refused(checkout, f'index = [{{ url = "https://robot:{SECRET}@index.invalid/simple", explicit = true }}]')

    assert said.startswith("job.py: uv cannot read the settings in [tool.uv]:\n  TOML parse error at line ")
    assert "requires a `name`" in said
    assert SECRET not in said


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('sources = { alpha = { path = "LONG.whl" } }', "LONG.whl, which is not to be read"),
        ('override-dependencies = ["alpha @ http://[::1/x.whl"]', "an address that cannot be read"),
    ],
)
def test_odd_places_end_in_words(line: str, expected: str, checkout: Checkout) -> None:
    said = refused(checkout, line.replace("LONG", "x" * 5000))

    assert said == f"job.py: `alpha` comes from {expected.replace('LONG', 'x' * 5000)}"


def test_index_elsewhere_names_no_file_of_this_machine(checkout: Checkout) -> None:
    private = build_wheel(checkout.root / "private", "alpha", "1.0")

    def lie(request: BaseHTTPRequestHandler, _: bytes) -> bool:
        request.send_error(404)
        return True

    class Lying(IndexServer):
        def answer(self, request: BaseHTTPRequestHandler) -> None:
            send(request, f'<a href="file://{private}">{private.name}</a>'.encode(), "text/html")

    index = Lying(checkout.wheels, fault=lie)
    try:
        with pytest.raises(InputError) as caught:
            checkout.locate(f'index = [{{ url = "{index.address}", default = true }}]')
    finally:
        index.close()

    assert str(caught.value) == (
        "job.py: what the index says of `alpha` cannot be used: an index elsewhere names a file of this machine"
    )
