import flyte

cpu = flyte.TaskEnvironment("two_cpu", image=flyte.Image.from_debian_base().with_pip_packages("attrs"))
gpu = flyte.TaskEnvironment(
    "two_gpu", image=flyte.Image.from_debian_base().with_pip_packages("idna"), depends_on=[cpu]
)


@cpu.task
async def a() -> str:
    return "x"


@gpu.task
async def b() -> str:
    return await a()
