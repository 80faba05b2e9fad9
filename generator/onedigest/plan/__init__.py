"""Knows what an image is made of: its layers, their order, its configuration, and the inputs by name."""
