"""The bundle of certificate authorities, and the same ones in the form that Java reads."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import struct
from collections.abc import Iterable, Iterator, Mapping

from onedigest.assembler import deb
from onedigest.assembler.configuration.system import System
from onedigest.assembler.entry import Entry, file_entry
from onedigest.assembler.refusal import Refused

BUNDLE = "etc/ssl/certs/ca-certificates.crt"
JAVA_KEYSTORE = "etc/ssl/certs/java/cacerts"

_MADE = "certificates"
_AUTHORITY = re.compile(r"usr/share/ca-certificates/.+\.crt")
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)
_PASSWORD = "changeit"  # noqa: S105  Java's own for certificates that are public
_SALT = b"Mighty Aphrodite"
_MAGIC, _VERSION, _TRUSTED = 0xFEEDFEED, 2, 2


def make_certificates(system: System) -> Iterable[Entry]:
    """Make what update-ca-certificates and ca-certificates-java make of the authorities of a system.

    The bundle of an image below stays unless packages bring authorities.
    """
    authorities = [system.files[path] for path in sorted(system.files) if _AUTHORITY.fullmatch(path)]
    if sum(entry.size for entry in authorities) > deb.TEXT_BYTES:
        raise Refused("limit", f"{authorities[0].origin}: its CA certificates are too large")
    texts = {entry.path: deb.content_of(entry) for entry in authorities if entry.kind == "file"}
    if any(entry.path in texts for package in system.packages for entry in package.entries):
        bundle = b"".join(text.rstrip(b"\n") + b"\n" for text in texts.values())
        yield file_entry(BUNDLE, bundle, executable=False, origin=_MADE)
        # where OpenSSL looks, since there are no links by subject hash beside the bundle
        yield Entry("usr/lib/ssl/cert.pem", "link", 0o777, target=f"/{BUNDLE}", origin=_MADE)
    if texts and any(package.name == "ca-certificates-java" for package in system.packages):
        yield file_entry(JAVA_KEYSTORE, keystore(dict(_named(texts))), executable=False, origin=_MADE)


def _named(texts: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Yield each certificate under the alias that Debian gives it."""
    for path, text in texts.items():
        name = path.rpartition("/")[2].removesuffix(".crt").replace(" ", "_").replace(",", "_")
        for position, found in enumerate(_PEM.findall(text)):
            try:
                certificate = base64.b64decode(b"".join(found.split()), validate=True)
            except binascii.Error:
                raise Refused("deb", f"/{path} is no certificate") from None
            alias = f"debian:{re.sub('[()]', '=', name)}.pem".lower()
            yield f"{alias}-{position}" if position else alias, certificate


def keystore(certificates: Mapping[str, bytes]) -> bytes:
    """Return a Java keystore of trusted certificates by alias, all of the same day (JavaKeyStore.java of OpenJDK)."""
    data = bytearray(struct.pack(">III", _MAGIC, _VERSION, len(certificates)))
    for alias, certificate in sorted(certificates.items()):
        data += struct.pack(">I", _TRUSTED) + _text(alias) + struct.pack(">Q", 0) + _text("X.509")
        data += struct.pack(">I", len(certificate)) + certificate
    return bytes(data) + hashlib.sha1(_PASSWORD.encode("utf-16-be") + _SALT + data).digest()  # noqa: S324  the format's own


def _text(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack(">H", len(encoded)) + encoded
