REGISTRY = "ghcr.io/orchard"
