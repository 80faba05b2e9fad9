# /// script
# requires-python = "==3.12.*"
# dependencies = ["alpha", "native>=1"]
#
# [tool.onedigest]
# workdir = "/srv/work"
# env = { KIND = "ours" }
# labels = { "org.example.team" = "data" }
# repository = "ghcr.io/acme/image"
# bytecode = false
# ///
"""A script that no Debian suite has a Python for, so its base is an image."""

print("image")
