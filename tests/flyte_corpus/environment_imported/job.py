import flyte

env = flyte.TaskEnvironment(
    "imported", image=flyte.Image.from_debian_base(name="imported").with_requirements("requirements.txt")
)
