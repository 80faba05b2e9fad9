# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "alpha",
#     "native>=1",
# ]
#
# [tool.onedigest]
# base = "debian:bookworm"
# system-packages = ["libgomp1"]
# files = ["data/*.csv", "data/two.bin"]
# env = { GREETING = "hello \"world\"", PATH_EXTRA = "größe" }
# labels = { "org.example.team" = "data" }
# args = ["--fast"]
# user = "1000:1001"
# ///
"""Everything that a script may ask for."""

print("full")
