import flyte

env = flyte.TaskEnvironment(
    name="bundle_all",
    image=flyte.Image.from_debian_base(name="bundle-all")
    .with_pip_packages("attrs")
    .with_code_bundle(copy_style="all", dst="/root/code"),
)


@env.task
def t() -> str:
    return "x"


if __name__ == "__main__":
    flyte.init_from_config()
    flyte.with_runcontext(copy_style="none", version="v1").run(t)
