import flyte

PACKAGES = ["pandas==2.2.3", "pyarrow>=17", "scikit-learn"]

env = flyte.TaskEnvironment(
    name="spread",
    image=flyte.Image.from_debian_base(name="spread", registry="ghcr.io/orchard").with_pip_packages(*PACKAGES),
)


@env.task
def t() -> int:
    return len(PACKAGES)
