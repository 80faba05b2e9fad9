from dataclasses import dataclass

import flyte


@dataclass
class Settings:
    registry: str = "ghcr.io/orchard"
    name: str = "settings-object"


settings = Settings()

env = flyte.TaskEnvironment(
    name="settings_registry",
    image=flyte.Image.from_debian_base(name="settings-registry", registry=settings.registry).with_pip_packages("attrs"),
)
other = flyte.TaskEnvironment(
    name="settings_name", image=flyte.Image.from_debian_base(name=settings.name).with_pip_packages("attrs")
)


@env.task
def a() -> str:
    return "a"
