import flyte

env = flyte.TaskEnvironment(name="flyte_left_out", image=flyte.Image.from_debian_base(install_flyte=False))


@env.task
def a() -> str:
    return "a"
