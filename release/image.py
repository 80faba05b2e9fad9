# The image of onedigest itself, made by onedigest. RELEASING.md says when it is locked and built.
#
# The lock pins the sha256 of the wheel in `release/build`: the image has what is published, or none is built.
# /// script
# requires-python = "==3.13.*"
# dependencies = ["onedigest"]
# [tool.uv.sources]
# onedigest = { path = "../dist/onedigest-0.1.0-py3-none-any.whl" }
# [tool.onedigest]
# name = "onedigest"
# include-script = false
# entrypoint = ["/opt/venv/bin/onedigest"]
# [tool.onedigest.labels]
# "org.opencontainers.image.title" = "onedigest"
# "org.opencontainers.image.description" = "One script, one lock, one digest"
# "org.opencontainers.image.licenses" = "Apache-2.0"
# ///
