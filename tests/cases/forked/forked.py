# /// script
# requires-python = ">=3.11"
# dependencies = ["split"]
#
# [tool.onedigest]
# base = "debian:bookworm"
# include-script = false
# max-layers = 8
# ///
print("forked")
