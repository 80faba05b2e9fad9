import flyte

REGISTRY = "ghcr.io/orchard"


def torch_image(name: str, extra: tuple[str, ...] = ()) -> flyte.Image:
    return (
        flyte.Image.from_debian_base(name=name, registry=REGISTRY)
        .with_apt_packages("git")
        .with_pip_packages("torch", *extra)
    )


image = torch_image("argument-image", ("diffusers",))
env = flyte.TaskEnvironment(name="function_arguments", image=image)


@env.task
def a() -> str:
    return "a"
