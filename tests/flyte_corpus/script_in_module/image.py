# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "flyte>=2.8",
#     "pygithub>=2.5",
# ]
# ///
#
# Kept apart from main.py, so that the image stays as it is.

import flyte

image = flyte.Image.from_uv_script(__file__, name="in-module", pre=True).with_apt_packages("git")
