"""Knows projects that uv manages: what pyproject.toml asks for, and what uv.lock pins. Nothing is resolved or built."""
