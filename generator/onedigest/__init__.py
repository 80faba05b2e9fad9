"""One script, one lock, one digest: byte-identical container images of Python scripts."""

__version__ = "0.1.0"
