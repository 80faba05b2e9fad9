import flyte


class Report:
    """Has a method whose name an image has too."""

    def clone(self, name: str = "x") -> "Report":
        return self

    def with_commands(self, commands: list[str]) -> "Report":
        return self


report = Report().clone(name="y").with_commands(["z"])
image = report.clone()

env = flyte.TaskEnvironment(
    name="other_methods", image=flyte.Image.from_debian_base(name="other-methods").with_pip_packages("attrs")
)


@env.task
def a() -> str:
    return str(image)
