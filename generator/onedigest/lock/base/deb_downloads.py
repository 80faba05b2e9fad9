"""The places that chosen Debian packages may be fetched from: the archive of their suite, and its mirrors."""

from __future__ import annotations

from onedigest.debian.mirror import Mirrors, addresses
from onedigest.lock.base.packages import DebianPackage
from onedigest.net.download import Download


def package_download(package: DebianPackage, published: tuple[str, str], mirrors: Mirrors) -> Download:
    """Return a package as it is asked for; `published` are a suite that has it, and the date of a release with it."""
    suite, date = published
    urls = addresses(mirrors, suite, [package.path], date)
    return Download(name=package.file_name, digest=package.digest, size=package.size, urls=urls)
