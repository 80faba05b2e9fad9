#!/usr/bin/env -S uv run --script
# /// script
# dependencies = ["flyte", "duckdb"]
# ///
from pathlib import Path

import flyte

THIS = Path(__file__).resolve()

env = flyte.TaskEnvironment(
    name="quacks",
    image=flyte.Image.from_uv_script(THIS, name="quacks").with_env_vars({"DUCKDB_HOME": "/tmp/duck"}),
)


@env.task
async def count() -> int:
    import duckdb

    return 1
