from shared.constants import *
from shared.images import IMAGE

__all__ = ["IMAGE", "REGISTRY"]
