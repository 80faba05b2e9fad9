"""Knows how a connection gets TLS, and that nothing stays open of one whose other side was gone before."""

from __future__ import annotations

import ssl
from typing import Any

from urllib3.util.ssl_ import create_urllib3_context


def encrypting(*, own_authorities: bool) -> ssl.SSLContext:
    """Return what TLS begins with; `own_authorities` leaves it to the caller to say whose certificates count."""
    context = create_urllib3_context()
    context.sslsocket_class = _Socket
    if not own_authorities:
        context.load_default_certs()
    return context


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
