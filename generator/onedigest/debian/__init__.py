"""A Debian archive: its signed release, its index, its versions and dependencies, and its mirrors."""
