import asyncio
from datetime import timedelta

import flyte

env = flyte.TaskEnvironment(
    name="overrides",
    resources=flyte.Resources(cpu=1, memory="250Mi"),
    image=flyte.Image.from_debian_base().with_apt_packages("ca-certificates", "tzdata"),
    cache=flyte.Cache("auto", "1.0"),
    queue="slow",
)


@env.task(retries=3, timeout=timedelta(minutes=5), cache="auto")
async def square(i: int) -> int:
    i = i * i
    return i


@env.task
async def main(n: int = 10) -> list[int]:
    env = "shadowed"
    image = [square.override(resources=flyte.Resources(cpu=2))(i) for i in range(n)]
    return await asyncio.gather(*image) if env else []


if __name__ == "__main__":
    flyte.init_from_config()
    image = flyte.run(main, n=3)
    print(image.url)
