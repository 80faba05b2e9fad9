REGISTRY = "ghcr.io/orchard"
OWN_NAME = "beside-own"
COMMON = ["pydantic>=2", "rich"]
EXTRA = ("orjson",)
TORCH = "2.9.1"
