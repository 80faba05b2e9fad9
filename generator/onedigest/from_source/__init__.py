"""Knows how a wheel is made of a source: a local project, a commit of git, or an archive."""
