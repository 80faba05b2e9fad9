import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "src"))

from orchard.flow import driver, worker  # noqa: E402

ENVIRONMENTS = [driver, worker]
