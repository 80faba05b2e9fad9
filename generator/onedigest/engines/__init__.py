"""Knows the ways to build an image: one module each. Engines only schedule; the assembler makes the bytes."""
