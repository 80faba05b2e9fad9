"""Java's keystore holds the certificates of the bundle, under the names that Debian gives them."""

from __future__ import annotations

import base64
import hashlib

import pytest

from onedigest.assembler.configuration.certificates import BUNDLE, JAVA_KEYSTORE, keystore, make_certificates
from onedigest.assembler.configuration.file_list import Listed
from onedigest.assembler.configuration.system import System
from onedigest.assembler.deb import Package
from onedigest.assembler.entry import Entry, file_entry
from onedigest.assembler.refusal import Refused

# what keytool of OpenJDK 17 lists, for the bytes `abc` in place of a certificate
EXPECTED = (
    b"\xfe\xed\xfe\xed\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00\x02\x00\x08debian:a"
    b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x05X.509\x00\x00\x00\x03abc"
)


def pem(content: bytes) -> bytes:
    """Return the text of a certificate."""
    return b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(content) + b"-----END CERTIFICATE-----\n"


def made(files: dict[str, bytes], *packages: str) -> dict[str, bytes]:
    """Return the files that are made of some, by path."""
    entries = tuple(file_entry(path, text, executable=False, origin="x") for path, text in files.items())
    system = System(
        {each.path: each for each in entries}, tuple(Package(name, b"", b"", {}, entries) for name in packages)
    )
    return {each.path: bytes(each.content) for each in make_certificates(system) if each.kind == "file"}  # type: ignore[arg-type]  # at hand


def test_a_keystore_has_the_form_that_java_reads() -> None:
    written = keystore({"debian:a": b"abc"})

    assert written[:-20] == EXPECTED
    assert written[-20:] == hashlib.sha1(b"\0c\0h\0a\0n\0g\0e\0i\0t" + b"Mighty Aphrodite" + EXPECTED).digest()


def test_java_gets_the_certificates_of_the_bundle() -> None:
    files = {
        "usr/share/ca-certificates/mozilla/B_Root.crt": pem(b"second"),
        "usr/share/ca-certificates/mozilla/A (Gold), Root.crt": pem(b"first"),
    }
    found = made(files, "ca-certificates", "ca-certificates-java")

    assert found[BUNDLE] == pem(b"first") + pem(b"second")
    assert found[JAVA_KEYSTORE] == keystore({"debian:a_=gold=__root.pem": b"first", "debian:b_root.pem": b"second"})


def test_java_above_an_image_gets_the_certificates_of_the_image() -> None:
    text = pem(b"below")
    below = Entry("usr/share/ca-certificates/a.crt", "file", 0o644, len(text), Listed(None, text))
    java = Package("ca-certificates-java", b"", b"", {}, ())
    found = {each.path: each.content for each in make_certificates(System({below.path: below}, (java,)))}

    assert found == {JAVA_KEYSTORE: keystore({"debian:a.pem": b"below"})}, "the bundle of the image stays"


def test_nothing_is_made_for_java_without_its_package() -> None:
    assert set(made({"usr/share/ca-certificates/a.crt": pem(b"a")}, "ca-certificates")) == {BUNDLE}


def test_nothing_is_made_without_authorities() -> None:
    assert made({"usr/share/doc/a.crt": b""}, "ca-certificates-java") == {}


def test_a_certificate_that_is_none_is_refused() -> None:
    text = b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"

    with pytest.raises(Refused, match=r"^/usr/share/ca-certificates/a.crt is no certificate"):
        made({"usr/share/ca-certificates/a.crt": text}, "ca-certificates-java")
