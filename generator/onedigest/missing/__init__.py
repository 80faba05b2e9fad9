"""The parts that something in an image needs and the image lacks, found before anybody runs it."""

FORMAT = 1
"""Moves whenever something else would be found: what is found is cached in the store."""
