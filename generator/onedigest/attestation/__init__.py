"""Statements beside an image: a bill of materials, and how the image was made."""

SBOM_TYPE = "application/vnd.cyclonedx+json"
"""The media type of a bill of materials."""

STATEMENT_TYPE = "application/vnd.in-toto+json"
"""The media type of a statement, which provenance is."""

PREDICATE_TYPE = "https://slsa.dev/provenance/v1"
