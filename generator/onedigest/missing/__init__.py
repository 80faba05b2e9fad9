"""Knows what an image lacks that something in it needs, before anybody runs it."""
