import flyte


def training_image() -> flyte.Image:
    """The image of all that is trained."""
    return (
        flyte.Image.from_debian_base(name="function-train", registry="ghcr.io/orchard")
        .with_apt_packages("git")
        .with_pip_packages("torch", "lightning")
    )


def serving_image():
    image = flyte.Image.from_debian_base(name="function-serve")
    image = image.with_pip_packages("fastapi")
    return image


train = flyte.TaskEnvironment(name="function_train", image=training_image())
serve = flyte.TaskEnvironment(name="function_serve", image=serving_image())


@train.task
def a() -> str:
    return "a"


@serve.task
def b() -> str:
    return "b"
