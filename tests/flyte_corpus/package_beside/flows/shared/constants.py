from typing import Final

PYTHON: Final = (3, 12)
REGISTRY: Final[str] = "ghcr.io/orchard"
NAMES = {"report": "package-report", "driver": "package-driver"}
