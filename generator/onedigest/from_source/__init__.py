"""The making of a wheel from a source: a local project, a commit of git, or an archive."""
