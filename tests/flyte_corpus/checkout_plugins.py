import flyte


def image(*extra_packages: str) -> flyte.Image:
    img = (
        flyte.Image.from_debian_base(python_version=(3, 12))
        .with_local_v2()
        .with_local_v2_plugins("flyteplugins-github")
    )
    if extra_packages:
        img = img.with_pip_packages(*extra_packages)
    return img


env = flyte.TaskEnvironment(
    name="checkout_plugins",
    image=flyte.Image.from_debian_base(name="checkout").with_local_v2().with_local_v2_plugins(["flyteplugins-hitl"]),
)
more = flyte.TaskEnvironment(name="checkout_function", image=image("attrs"))


@env.task
def a() -> str:
    return "a"
