"""Knows what is said of an image beside it: a bill of materials, and how it was made."""

SBOM_TYPE = "application/vnd.cyclonedx+json"
"""The media type of a bill of materials."""

STATEMENT_TYPE = "application/vnd.in-toto+json"
"""The media type of a statement, which provenance is."""

PREDICATE_TYPE = "https://slsa.dev/provenance/v1"
