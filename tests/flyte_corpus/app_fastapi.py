# /// script
# requires-python = ">=3.12"
# dependencies = ["flyte", "fastapi", "uvicorn"]
# ///
"""An app that answers, and a task beside it."""

import logging

from fastapi import FastAPI

import flyte
from flyte.app.extras import FastAPIAppEnvironment

logger = logging.getLogger(__name__)

image = flyte.Image.from_uv_script(__file__, name="answers")

app = FastAPI(title="Answers", version="1.0")

env = FastAPIAppEnvironment(
    name="answers",
    app=app,
    image=image,
    resources=flyte.Resources(cpu=1, memory="512Mi"),
    scaling=flyte.app.Scaling(replicas=(0, 2)),
)
task_env = flyte.TaskEnvironment(name="answers_task", image=image, depends_on=[env])


@app.get("/")
async def root() -> dict:
    return {"answer": 42}


@task_env.task
async def ask() -> int:
    return 42
