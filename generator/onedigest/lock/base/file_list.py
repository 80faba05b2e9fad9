"""The pin of the list of a base's files, which the layers of Debian packages above depend on."""

from __future__ import annotations

from dataclasses import dataclass

from onedigest import untrusted
from onedigest.digest import Digest, hex_of
from onedigest.lock.table import Table
from onedigest.lock.toml import inline_table, string


@dataclass(frozen=True, kw_only=True, slots=True)
class FileList:
    """A list of files, which is made from the layers of an image; `size` is in bytes."""

    digest: Digest
    size: int

    @property
    def name(self) -> str:
        """The name that it has among the inputs."""
        return f"files-{hex_of(self.digest)[:12]}.json"


def file_list_text(files: FileList) -> str:
    """Return what a lock says of a list."""
    return inline_table({"size": str(files.size), "sha256": string(hex_of(files.digest))})


def read_file_list(table: Table) -> FileList:
    """Read what a lock says of a list. Raises `Wrong`."""
    found = FileList(digest=table.take("sha256", untrusted.sha256), size=table.take("size", untrusted.size))
    table.refuse_rest()
    return found
