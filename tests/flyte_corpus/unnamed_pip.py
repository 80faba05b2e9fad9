import flyte

env = flyte.TaskEnvironment(
    name="census_rows",
    resources=flyte.Resources(cpu=2, memory="4Gi"),
    image=flyte.Image.from_debian_base().with_pip_packages(
        "requests",
        "beautifulsoup4>=4.12",
    ),
    secrets=[flyte.Secret(key="census-key", as_env_var="CENSUS_KEY")],
    reusable=flyte.ReusePolicy(replicas=(1, 2), idle_ttl=120),
)


@env.task
async def rows() -> int:
    return 3
