import flyte

pinned = flyte.TaskEnvironment(
    name="flyte_pinned",
    image=flyte.Image.from_debian_base(flyte_version="2.8.1", name="flyte-pinned").with_pip_packages("attrs"),
)
lettered = flyte.TaskEnvironment(
    name="flyte_lettered", image=flyte.Image.from_debian_base(flyte_version="v2.9.0", name="flyte-lettered")
)
without = flyte.TaskEnvironment(
    name="flyte_without",
    image=flyte.Image.from_debian_base(install_flyte=False, python_version=(3, 13)).with_pip_packages(
        "flyte>=2.8", "unionai-reuse"
    ),
)
listed = flyte.TaskEnvironment(
    name="flyte_listed", image=flyte.Image.from_debian_base(name="flyte-listed").with_pip_packages("flyte[tui]>=2.8")
)
default = flyte.TaskEnvironment(
    name="flyte_default_image",
    image=flyte.Image.from_base("ghcr.io/flyteorg/flyte:py3.12-v2.8.0")
    .clone(name="flyte-default-image", extendable=True)
    .with_pip_packages("attrs"),
)


@pinned.task
def a() -> str:
    return "a"
