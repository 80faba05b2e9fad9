"""A project that uv manages: what pyproject.toml asks for and uv.lock pins, with nothing resolved or built."""
