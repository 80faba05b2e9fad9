import flyte

image_uri = "docker.io/library/python:3.12-slim"
registry = "europe-docker.example/team/images"
env_vars = {"UV_KEYRING_PROVIDER": "subprocess"}

image = flyte.Image.from_base(image_uri=image_uri).clone(registry=registry, name="reassigned", extendable=True)
image = image.with_env_vars(env_vars)
image = image.with_pip_packages("google-cloud-bigquery")

env = flyte.TaskEnvironment(name="reassigned", image=image)


@env.task
def t() -> str:
    return "x"
