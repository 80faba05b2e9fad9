import flyte

BASE = {"A": "1", "B": "2"}
MORE = BASE | {"B": "3"}

env = flyte.TaskEnvironment(
    name="variables_merged", image=flyte.Image.from_debian_base(name="variables-merged").with_env_vars(MORE)
)


@env.task
def a() -> str:
    return "a"
