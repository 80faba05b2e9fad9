import flyte

base_env = flyte.TaskEnvironment(
    name="env_image_base", image=flyte.Image.from_debian_base(name="env-image").with_pip_packages("attrs")
)
same = flyte.TaskEnvironment(name="env_image_same", image=base_env.image)
more = flyte.TaskEnvironment(
    name="env_image_more", image=base_env.image.clone(name="env-image-more").with_pip_packages("idna")
)


@base_env.task
def a() -> str:
    return "a"
