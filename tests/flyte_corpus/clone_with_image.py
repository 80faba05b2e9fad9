import flyte

base_env = flyte.TaskEnvironment(
    name="cloned_base",
    image=flyte.Image.from_debian_base(name="cloned-base").with_pip_packages("pandas"),
    resources=flyte.Resources(cpu=1),
)
big_env = base_env.clone_with("cloned_big", resources=flyte.Resources(cpu=8, memory="32Gi"))
gpu_env = base_env.clone_with(
    name="cloned_gpu",
    image=flyte.Image.from_debian_base(name="cloned-gpu").with_pip_packages("pandas", "torch"),
    depends_on=[big_env],
)


@base_env.task
def a() -> str:
    return "a"


@big_env.task
def b() -> str:
    return "b"


@gpu_env.task
def c() -> str:
    return "c"
