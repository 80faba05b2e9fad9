import flyte

IMAGES = {
    "cpu": flyte.Image.from_debian_base(name="dict-cpu").with_pip_packages("numpy"),
    "gpu": flyte.Image.from_debian_base(name="dict-gpu").with_pip_packages("torch"),
}

cpu = flyte.TaskEnvironment(name="dict_cpu", image=IMAGES["cpu"])
gpu = flyte.TaskEnvironment(name="dict_gpu", image=IMAGES["gpu"], resources=flyte.Resources(gpu=1))


@cpu.task
def a() -> str:
    return "a"


@gpu.task
def b() -> str:
    return "b"
