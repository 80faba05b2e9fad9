"""The protocol of registries, and what they and their users ask of whoever speaks it."""
