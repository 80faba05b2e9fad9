"""The programs of this machine that are run."""
