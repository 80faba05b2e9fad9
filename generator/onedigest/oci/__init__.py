"""Knows the OCI image format on disk; never heard of Python packages."""
