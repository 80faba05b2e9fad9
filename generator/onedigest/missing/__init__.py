"""Knows what an image lacks that something in it needs, before anybody runs it."""

FORMAT = 1
"""Moves whenever something else would be found: what is found is noted in the store."""
