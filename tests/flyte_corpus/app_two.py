import httpx
from fastapi import FastAPI

import flyte
import flyte.app.extras

image = flyte.Image.from_debian_base(name="two-apps").with_pip_packages("fastapi", "uvicorn", "httpx")

app1 = FastAPI(title="First")
app2 = FastAPI(title="Second")

env1 = flyte.app.extras.FastAPIAppEnvironment(name="first-app", app=app1, image=image, requires_auth=False)
env2 = flyte.app.extras.FastAPIAppEnvironment(
    name="second-app",
    app=app2,
    image=image.clone(name="second-app").with_env_vars({"LOG_LEVEL": "debug"}),
    depends_on=[env1],
)


@app1.get("/greeting/{name}")
async def greeting(name: str) -> str:
    return f"Hello, {name}!"


@app2.get("/proxy/{name}")
async def proxy(name: str) -> str:
    async with httpx.AsyncClient() as client:
        return (await client.get(f"{env1.endpoint}/greeting/{name}")).text


if __name__ == "__main__":
    flyte.init_from_config(root_dir=__file__)
    flyte.deploy(env2)
