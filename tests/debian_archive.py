"""Serves Debian's two archives on loopback: suites that are signed by a key of ours, with packages that are built here."""

from __future__ import annotations

import lzma
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, cast

import pysequoia
import pytest

from deb_builder import archive as tar
from deb_builder import entry
from index_server import send
from onedigest.debian import signature
from onedigest.debian.archive import Archive
from onedigest.debian.mirror import Mirrors, archive_of
from onedigest.digest import hex_of, of_bytes
from onedigest.net.connection import Connection
from onedigest.net.download import Client
from onedigest.sources import Sources
from onedigest.store import Store

DATE = "Sat, 11 Jul 2026 10:16:37 UTC"
NOW = datetime(2026, 7, 12, tzinfo=UTC)
Members = Sequence[tuple[tarfile.TarInfo, bytes]]
SUITES = ("trixie", "trixie-updates", "trixie-security")


@dataclass(frozen=True)
class Signer:
    """A key of our own, and what checks it."""

    signer: Any
    keys: bytes
    certifier: Any = None

    def sign(self, text: str) -> bytes:
        return bytes(pysequoia.sign(self.signer, text.encode(), mode=pysequoia.SignatureMode.CLEAR))

    def expiring(self, at: datetime) -> bytes:
        """Return the certificate as it is when it is to expire."""
        return str(pysequoia.Cert.from_bytes(self.keys).set_expiration(at, self.certifier)).encode()


def make_signer() -> Signer:
    secret = pysequoia.Tsk.generate("Archive <archive@example.org>")
    return Signer(secret.signer(), str(secret.extract_certificate()).encode(), secret.certifier())


@dataclass
class DebianArchives:
    """Both archives below one address, each in its own folder; `files` are by path, `asked` are the paths of requests."""

    signer: Signer
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    address: str = ""

    @property
    def mirrors(self) -> Mirrors:
        return Mirrors(debian=(f"{self.address}/debian",), security=(f"{self.address}/debian-security",))

    def publish(self, suite: str, packages: str | Mapping[str, str] = "", **more: str) -> None:
        """Publish a suite with its packages, the same for each architecture or by its name."""
        texts = dict.fromkeys(("amd64", "arm64"), packages) if isinstance(packages, str) else packages
        folder, rows = f"/{archive_of(suite)}/dists/{suite}", []
        for architecture, text in texts.items():
            packed = lzma.compress(text.encode(), preset=0)
            path = f"main/binary-{architecture}/Packages"
            for name, data in ((f"{path}.xz", packed), (path, text.encode())):
                rows.append(f" {hex_of(of_bytes(data))} {len(data)} {name}")
            by_hash = f"{folder}/main/binary-{architecture}/by-hash/SHA256/{hex_of(of_bytes(packed))}"
            self.files[by_hash] = packed
        fields = {"Suite": f"stable{suite.removeprefix('trixie')}", "Codename": suite, "Date": DATE, **more}
        text = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in fields.items())
        self.files[f"{folder}/InRelease"] = self.signer.sign(f"{text}SHA256:\n" + "\n".join(rows) + "\n")

    def keep(self, suite: str, name: str, version: str = "1", members: Members = (), **more: str) -> str:
        """Have a package that is built here; return what the index of its suite says of it."""
        fields = {"Package": name, "Version": version, "Architecture": "all", **more}
        data = build_deb("".join(f"{key.replace('_', '-')}: {value}\n" for key, value in fields.items()), members)
        path = f"pool/{suite}/{name}_{version}.deb"
        self.files[f"/{archive_of(suite)}/{path}"] = data
        digest = hex_of(of_bytes(data))
        return stanza(name, version, Filename=path, SHA256=digest, Size=str(len(data)), **more)

    def publish_all(self, **packages: str) -> None:
        """Publish the three suites, by their last words: `trixie`, `updates`, `security`."""
        for suite in SUITES:
            self.publish(suite, packages.get(suite.rpartition("-")[2], ""))

    def sources(self, folder: Path) -> Sources:
        """Return where inputs come from: these archives alone."""
        archive = self.archive(folder)
        client, store = Client(Connection()), Store(folder / "store")
        return Sources(
            store=store, client=client, access=cast(Any, None), archive=archive, offline=False, environment={}
        )

    def archive(self, folder: Path, mirrors: Mirrors | None = None, now: datetime = NOW) -> Archive:
        return Archive(Client(Connection()), Store(folder / "store"), mirrors or self.mirrors, lambda: now)


@contextmanager
def served(signer: Signer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DebianArchives]:
    """Serve archives in which our key is Debian's, and the snapshot service is a folder that is empty."""
    found = DebianArchives(signer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None: ...

        def do_GET(self) -> None:
            found.asked.append(self.path)
            data = found.files.get(self.path)
            send(self, data) if data is not None else self.send_error(404)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.address = f"http://127.0.0.1:{server.server_address[1]}"
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    (folder / "keys.asc").write_bytes(signer.keys)
    monkeypatch.setattr(signature, "_KEYS", folder / "keys.asc")
    monkeypatch.setattr("onedigest.debian.mirror.SNAPSHOT", f"{found.address}/snapshot")
    yield found
    server.shutdown()
    server.server_close()


def stanza(name: str, version: str = "1", **more: str) -> str:
    """Return what an index says of a package; names of fields have `_` for `-`."""
    fields = {
        "Package": name,
        "Version": version,
        "Architecture": "all",
        "Filename": f"pool/{name}/{name}_{version}.deb",
        "SHA256": hex_of(of_bytes(f"{name} {version}".encode())),
        "Size": "1",
        **more,
    }
    return "".join(f"{key.replace('_', '-')}: {value}\n" for key, value in fields.items()) + "\n"


def build_deb(control: str, members: Members = ()) -> bytes:
    """Return a package with a control file and members of its own."""
    found = b"!<arch>\n"
    data = [entry("./", None, kind=tarfile.DIRTYPE, mode=0o755), *members]
    for name, content in (
        ("debian-binary", b"2.0\n"),
        ("control.tar.xz", lzma.compress(tar([entry("./control", control.encode())]), preset=0)),
        ("data.tar.xz", lzma.compress(tar(data), preset=0)),
    ):
        head = f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode()
        found += head + content + b"\n" * (len(content) % 2)
    return found


def seeds(python: str = "3.13.5") -> str:
    """Return what a base is made of, and a small Essential set."""
    minimal = f"libpython{python.rpartition('.')[0]}-minimal"
    return "".join(
        [
            *map(stanza, ("base-passwd", "ca-certificates", "libstdc++6", "ncurses-base", "netbase", "tzdata")),
            stanza("base-files", Pre_Depends="awk", Essential="yes"),
            stanza("libc-bin", Depends="libc6", Essential="yes"),
            stanza("libc6", "2.41-1"),
            stanza("mawk", "1.3", Provides="awk"),
            stanza("dash", Essential="yes", Depends="debconf, dpkg"),
            stanza("dpkg", Essential="yes", Pre_Depends="tar", Depends="usrmerge | usr-is-merged"),
            stanza("usrmerge", Depends="perl"),
            stanza("tar"),
            stanza("debconf"),
            stanza("python3", Depends=minimal),
            stanza(minimal, f"{python}-2"),
        ]
    )
