"""An authority of the tests' own, and what it signs: for servers on loopback, and for who asks them."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from registry_server import openssl

_EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True)
class Authority:
    """Certificates in a folder, each made when it is asked for. `given` signs them, with its key, if it is there."""

    folder: Path
    given: Path | None = None

    @cached_property
    def certificate(self) -> Path:
        """The certificate that signs all the others."""
        if self.given:
            return self.given
        path = self.folder / "authority.pem"
        own = ("-addext", "basicConstraints=critical,CA:TRUE", "-subj", "/CN=tests", "-days", "2")
        openssl("req", "-x509", *_EC, *own, "-keyout", str(self.folder / "authority.key"), "-out", str(path))
        return path

    def sign(self, name: str, *hosts: str, days: int = 2, signs: bool = False) -> Path:
        """Return a certificate with its key, of hosts such as `DNS:index.example`; below no days it has ended.

        One that `signs` is an authority itself.
        """
        path = self.folder / f"{name}.pem"
        request, key, more = (self.folder / f"{name}.{end}" for end in ("csr", "key", "more"))
        openssl("req", *_EC, "-subj", f"/CN={name}", "-keyout", str(key), "-out", str(request))
        more.write_text(
            f"basicConstraints=critical,CA:{'TRUE' if signs else 'FALSE'}\n"
            + (f"subjectAltName={','.join(hosts)}\n" if hosts else "")
        )
        signer = self.given or self.folder / "authority.key"
        authority = ("-CA", str(self.certificate), "-CAkey", str(signer), "-CAcreateserial")
        openssl(
            "x509",
            "-req",
            "-in",
            str(request),
            *authority,
            "-days",
            str(days),
            "-extfile",
            str(more),
            "-out",
            str(path),
        )
        path.write_bytes(path.read_bytes() + key.read_bytes())
        return path

    def serving(self, name: str, *hosts: str, asks: bool = False, days: int = 2) -> ssl.SSLContext:
        """Return what a server of these hosts has; one that `asks` wants to know who comes."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.sign(name, *hosts, days=days))
        if asks:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.certificate)
        return context
