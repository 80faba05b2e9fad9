"""A shop that answers HTTP."""
