"""The OCI image format on disk, without any knowledge of Python packages."""

LIBDEFLATE = "libdeflate-6-1MiB"
"""The encoding of layers that are not spliced: level 6, members of 1 MiB."""
