"""The number of each format that is written down, and the constants that images share."""

from __future__ import annotations

from onedigest.assembler import FORMAT as LAYERS
from onedigest.assembler import SPLICE, VENV

__all__ = [
    "ASSEMBLER",
    "BYTECODE",
    "CREATED",
    "DEFAULTS",
    "DRAFT",
    "ENVIRONMENT_VARIABLES",
    "LAYERS",
    "LOCK",
    "LOCK_FILE",
    "PATH",
    "RECORD_FILE",
    "RULES",
    "SPLICE",
    "VENV",
    "VENV_PROGRAMS",
]

LOCK = 2
"""The format of pylock.toml: of its table [tool.onedigest], and of how the rest is written."""

RULES = 1
"""The format of generated rules. It moves when a file is rendered otherwise from the same lock and plan."""

DRAFT = 4
"""Which draft of the layer format this is: it moves with bytes until the first release, and then stays.

A machine may have layers of an earlier draft in its cache, and they are not taken.
"""

BYTECODE = 1
"""The form of compiled files (docs/formats/bytecode.md)."""

DEFAULTS = 1
"""The defaults of the keys of `[tool.onedigest]`. It moves when a default does, since a spec states no defaults."""

ASSEMBLER = "sha256:8b597640f79c25a8869576a892d8134a645654dba8ad6399752f0ae8445e9263"
"""The newest frozen assembler, which new rules name; `make assembler` sets it."""

LOCK_FILE = "pylock.toml"
"""The name of a lock, in the folder of its image."""

RECORD_FILE = "image.toml"
"""The name of a record, beside the lock."""

CREATED = "1980-01-02T00:00:00Z"
"""The one instant of all files and documents of an image."""

VENV_PROGRAMS = f"/{VENV}/bin"
"""Where the programs of the virtual environment are."""

ENVIRONMENT_VARIABLES = ("VIRTUAL_ENV", "CONDA_PREFIX")
"""Variables of a base that name an environment of its own."""

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""The search path of an image whose base states none."""
