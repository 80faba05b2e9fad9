"""The check that wheels of a lock are fit for an image, and for each other, before any layer is made."""

FORMAT = 1
"""Moves whenever something else would be found: what is found is cached in the store."""
