from pathlib import Path

import flyte

MOUNTED = flyte.Secret(key="wheels", mount=Path("/etc/flyte/secrets"))

env = flyte.TaskEnvironment(
    name="secrets_kinds",
    image=flyte.Image.from_debian_base(name="secrets-kinds", registry_secret=flyte.Secret(key="pull"))
    .with_pip_packages("a-wheel", index_url="https://packages.example/simple", secret_mounts=MOUNTED)
    .with_pip_packages("b-wheel", secret_mounts=(flyte.Secret("token", "group"), flyte.Secret(key="t", group="g-h")))
    .with_requirements("requirements.txt", secret_mounts=["one", flyte.Secret("two", as_env_var="SECOND")]),
    secrets=["task-secret", flyte.Secret(key="other-task-secret", as_env_var="OTHER")],
)


@env.task
def a() -> str:
    return "a"
