"""Bytecode that is the same bytes everywhere: who compiles it, of which sources (docs/formats/bytecode.md)."""
