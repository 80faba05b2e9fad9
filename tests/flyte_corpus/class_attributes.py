import flyte


class Images:
    """All images of this project."""

    base = flyte.Image.from_debian_base(name="class-base").with_pip_packages("attrs")
    more = base.clone(name="class-more").with_pip_packages("idna")


env = flyte.TaskEnvironment(name="class_base", image=Images.base)
more = flyte.TaskEnvironment(name="class_more", image=Images.more)


@env.task
def a() -> str:
    return "a"
