import flyte

COMMON = {"LOG_LEVEL": "INFO", "PYTHONUNBUFFERED": "1"}
CUDA = "/usr/local/cuda-12.9"

env = flyte.TaskEnvironment(
    name="variables_values",
    image=flyte.Image.from_debian_base(name="variables")
    .with_env_vars({**COMMON, "CUDA_HOME": CUDA})
    .with_env_vars({"PATH": f"{CUDA}/bin:$PATH", "GREETING": 'say "hello"', "COUNT": "3"})
    .with_env_vars(dict(WORKERS="4", MODE="fast"))
    .with_workdir("/srv/app"),
    env_vars={"NOT_OF_THE_IMAGE": "1"},
)


@env.task
def a() -> str:
    return "a"
