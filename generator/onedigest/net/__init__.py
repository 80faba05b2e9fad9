"""Knows where files come from and how they get here, verified. Never heard of a spec."""
