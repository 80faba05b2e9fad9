"""The TLS of a connection: whose certificates count, what is shown, and that nothing stays open.

The certificates of the machine count where a user names none: the keychain of macOS, else what OpenSSL is told, else
where other systems have them. uv has roots of its own, so a machine without any gets those of certifi.
"""

from __future__ import annotations

import os
import re
import ssl
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

from urllib3.util.ssl_ import create_urllib3_context

from onedigest.errors import NetworkError, Problem

_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Arch, Gentoo, NixOS
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # Alpine, the BSDs
)
"""Where systems have their certificates, which a Python that was made elsewhere does not know."""

_HASHED = re.compile(r"[0-9a-f]{8}\.[0-9]+")
"""What OpenSSL calls a certificate in a folder, by the hash of its subject (openssl-rehash)."""

_FLAGS = ssl.VERIFY_X509_PARTIAL_CHAIN
"""As uv has it: whatever is named is trusted, an intermediate authority too, and old authorities are not judged."""

OF_REGISTRY = "the certificates of the registry"
"""What is kept for one registry: in its hosts.toml, or in its folder of certificates."""
_MOST_FILES = 4096
_LARGEST = 16 << 20


_UNREADABLE = "the file of certificates cannot be read"


class UnfitSettings(NetworkError):
    """What is named as a certificate is none, so every try would fail."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trust:
    """Whose certificates count, by what a user names, else those of the machine; and what this machine shows.

    `named` is the variable that has the file, or that of the folders where there is none. `beside` says that those of
    the machine count too.
    """

    bundle: Path | None = None
    folders: tuple[Path, ...] = ()
    named: str = "SSL_CERT_FILE"
    beside: bool = False
    own: Path | None = None
    """A certificate with its key, as PEM, for servers that ask who it is."""
    key: Path | None = None
    """The key of that certificate, where it is another file."""
    own_named: str = "SSL_CLIENT_CERT"
    """What names the own certificate."""
    further: tuple[Path, ...] = ()
    """Files of authorities that count beside all others, for one host alone."""


def read_trust(environment: Mapping[str, str]) -> Trust:
    """Return whose certificates count by variables: those of OpenSSL and uv, which replace those of the machine.

    What requests and curl are told, and uv is not, counts beside them: it may be meant for one host of many.
    """
    own = environment.get("SSL_CLIENT_CERT", "")
    shown = Path(own).absolute() if own else None
    file, several = environment.get("SSL_CERT_FILE", ""), environment.get("SSL_CERT_DIR", "")
    folders = tuple(Path(each).absolute() for each in several.split(os.pathsep) if each)
    if file or folders:
        named = "SSL_CERT_FILE" if file else "SSL_CERT_DIR"
        return Trust(bundle=Path(file).absolute() if file else None, folders=folders, named=named, own=shown)
    for named in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        if value := environment.get(named):
            path = Path(value).absolute()
            if path.is_dir():
                return Trust(folders=(path,), named=named, beside=True, own=shown)
            return Trust(bundle=path, named=named, beside=True, own=shown)
    return Trust(own=shown)


def for_programs(trust: Trust) -> dict[str, str]:
    """Return the variables by which uv and git trust the same certificates, and show the same one."""
    found: dict[str, str] = {}
    folders = (*trust.folders, *([_folder_of_machine()] if trust.beside else []))
    if trust.bundle:
        found |= {"SSL_CERT_FILE": str(trust.bundle), "GIT_SSL_CAINFO": str(trust.bundle)}
    if folders:
        found |= {"SSL_CERT_DIR": os.pathsep.join(map(str, folders)), "GIT_SSL_CAPATH": str(folders[0])}
    if trust.own:
        found |= {"SSL_CLIENT_CERT": str(trust.own), "GIT_SSL_CERT": str(trust.own), "GIT_SSL_KEY": str(trust.own)}
    return found


def encrypting(trust: Trust, *, verified: bool = True) -> ssl.SSLContext:
    """Return what TLS begins with. Raises `NetworkError` for certificates that are none."""
    named = bool(trust.bundle or trust.folders)
    if verified and is_judged_by_system(trust):
        context = keychain()
    else:
        context = create_urllib3_context(
            cert_reqs=ssl.CERT_REQUIRED if verified else ssl.CERT_NONE, verify_flags=_FLAGS
        )
        context.sslsocket_class = _Socket
        if verified and (trust.beside or not named):
            _load_machines(context)
    if verified and named:
        _load_named(context, trust)
    if verified and trust.further:
        _load_further(context, trust.further)
    if trust.own:
        _show(context, trust.own, trust.key, trust.own_named)
    return context


def is_judged_by_system(trust: Trust) -> bool:
    """Tell whether the operating system judges certificates, one connection after the other where they share this."""
    own = trust.bundle or trust.folders or trust.further
    return sys.platform == "darwin" and (trust.beside or not own)


def keychain() -> ssl.SSLContext:
    """Return what TLS begins with where the operating system itself judges certificates."""
    import truststore

    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _load_named(context: ssl.SSLContext, trust: Trust) -> None:
    """Load what a user names; as for uv, one that is none does no harm beside one that is."""
    problems = [*_load_bundle(context, trust.bundle, trust.named)] if trust.bundle else []
    loaded = bool(trust.bundle) and not problems
    for folder in trust.folders:
        loaded = _load_folder(context, folder, trust.bundle) or loaded
    if not loaded:
        named = trust.named if not trust.bundle else "SSL_CERT_DIR"
        for folder in trust.folders:
            why = "the folder has no certificates" if folder.is_dir() else "there is no such folder of certificates"
            problems.append(Problem(why, str(folder), f"correct {named}"))
        raise NetworkError(problems)


def _load_further(context: ssl.SSLContext, paths: tuple[Path, ...]) -> None:
    """Load the authorities of one registry, each of which is one."""
    problems = [problem for path in paths for problem in _load_bundle(context, path, OF_REGISTRY)]
    if problems:
        kept = any(problem.message.startswith(_UNREADABLE) for problem in problems)  # for another user
        raise (NetworkError if kept else UnfitSettings)(problems)


def _load_bundle(context: ssl.SSLContext, path: Path, named: str) -> Iterator[Problem]:
    """Load a file of certificates; yield what is wrong with it."""
    hint = f"correct {named}"
    try:
        if not path.exists():
            yield Problem("there is no such file of certificates", str(path), hint)
        elif not path.is_file():
            yield Problem("this is no file of certificates", str(path), hint)
        else:
            context.load_verify_locations(cafile=str(path))
    except ssl.SSLError:
        yield Problem(_no_certificate(path), str(path), f"name a file of certificates in PEM with {named}")
    except OSError as error:
        yield Problem(f"{_UNREADABLE}: {error.strerror}", str(path), hint)


def _no_certificate(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(1 << 16)
    if not head.strip():
        return "the file of certificates is empty"
    if head.startswith(b"\x30\x82"):
        return "the file is a certificate in DER: `openssl x509 -inform DER -in IN -out OUT` writes it in PEM"
    if b"-----BEGIN CERTIFICATE-----" in head:
        return "the file of certificates has one that is broken"
    return "the file has no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----"


def _load_folder(context: ssl.SSLContext, folder: Path, before: Path | None) -> bool:
    """Load the certificates of a folder, whatever their files are called, but for the file that was loaded before.

    Return whether there are any.
    """
    try:
        files = sorted(path for path in islice(folder.iterdir(), _MOST_FILES) if path.is_file())
    except OSError:
        return False
    hashed = [path for path in files if _HASHED.fullmatch(path.name)]
    if hashed:
        context.load_verify_locations(capath=str(folder))  # which reads of them what a server needs
    known = {path.resolve() for path in (*hashed, *([before] if before else []))}
    loaded = bool(hashed)
    for path in files:
        if path.resolve() not in known and path.stat().st_size <= _LARGEST:
            loaded = not [*_load_bundle(context, path, "")] or loaded
    return loaded


def _load_machines(context: ssl.SSLContext) -> None:
    """Load the certificates of this machine; what OpenSSL is told is read without variables, which were read before."""
    paths = ssl.get_default_verify_paths()
    loaded = _has_hashed(Path(paths.openssl_capath))
    if loaded:
        context.load_verify_locations(capath=paths.openssl_capath)
    own = Path(paths.openssl_cafile)
    for path in (own, *(Path(each) for each in _BUNDLES)):
        if (path == own or not loaded) and path.is_file():
            loaded = not [*_load_bundle(context, path, "")] or loaded
    if not loaded:
        context.load_verify_locations(cafile=_certifi())


def _folder_of_machine() -> Path:
    """Return a folder of certificates for who takes no others beside what a user names."""
    folder = Path(ssl.get_default_verify_paths().openssl_capath)
    return folder if _has_hashed(folder) else Path(_certifi()).parent


def _certifi() -> str:
    import certifi

    return certifi.where()


def _has_hashed(folder: Path) -> bool:
    return folder.is_dir() and any(_HASHED.fullmatch(path.name) for path in folder.iterdir())


def _show(context: ssl.SSLContext, path: Path, key: Path | None, named: str) -> None:
    hint = f"correct {named}, a file with a certificate and its key, both in PEM"
    try:
        context.load_cert_chain(str(path), str(key) if key else None, password=_refuse_to_ask)
    except _EncryptedKey:
        why = "the key of the own certificate is encrypted, and nobody is there to be asked"
        raise UnfitSettings.of(why, where=str(path), hint=f"name one without a password with {named}") from None
    except FileNotFoundError:
        raise UnfitSettings.of("there is no such file of an own certificate", where=str(path), hint=hint) from None
    except ssl.SSLError:
        why = "the file has no certificate with the key that belongs to it"
        raise UnfitSettings.of(why, where=str(path), hint=hint) from None
    except OSError as error:
        why = f"the own certificate cannot be read: {error.strerror}"
        raise NetworkError.of(why, where=str(path), hint=hint) from None


class _EncryptedKey(Exception):
    """A key wants a password."""


def _refuse_to_ask() -> NoReturn:
    raise _EncryptedKey


class _Socket(ssl.SSLSocket):
    """A socket that is closed where it cannot be made.

    `ssl` looks once whether the other side went away before the handshake, and forgets the socket where it did so.
    """

    def recv(self, *arguments: Any) -> bytes:
        """Return the next bytes, as any socket does."""
        try:
            return super().recv(*arguments)
        except OSError:
            if self.version() is None:  # there was no handshake
                self.close()
            raise
