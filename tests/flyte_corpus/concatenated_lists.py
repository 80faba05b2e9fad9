import flyte

COMMON = ["pydantic>=2", "httpx"]
TRAIN = COMMON + ["lightning"]
SERVE = [*COMMON, "fastapi", "uvicorn"]

train = flyte.TaskEnvironment(
    name="train_lists", image=flyte.Image.from_debian_base(name="lists-train").with_pip_packages(*TRAIN)
)
serve = flyte.TaskEnvironment(
    name="serve_lists", image=flyte.Image.from_debian_base(name="lists-serve").with_pip_packages(*SERVE, *["orjson"])
)


@train.task
def a() -> str:
    return "a"


@serve.task
def b() -> str:
    return "b"
