import flyte

env = flyte.TaskEnvironment(name="main_block")


@env.task
def a() -> str:
    return "a"


if __name__ == "__main__":
    image = flyte.Image.from_debian_base(name="main-block").with_pip_packages("attrs")
    flyte.init_from_config(image_builder="local")
    print(flyte.build(image))
