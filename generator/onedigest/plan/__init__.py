"""The plan of an image: its layers, their order, its configuration, and the inputs by name."""
