from pathlib import Path

import flyte

packages = [line for line in (Path(__file__).parent / "requirements.txt").read_text().splitlines() if line]

env = flyte.TaskEnvironment(
    name="packages_from_file", image=flyte.Image.from_debian_base(name="from-file").with_pip_packages(*packages)
)


@env.task
def a() -> str:
    return "a"
