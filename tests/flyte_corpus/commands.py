import flyte

TOOL = "1.7.2"

env = flyte.TaskEnvironment(
    name="commands",
    image=flyte.Image.from_debian_base(name="commands", platform=("linux/amd64",))
    .with_apt_packages("xz-utils")
    .with_commands(
        [
            "mkdir -p /opt/tool && echo hello > /opt/tool/version",
            f"echo {TOOL} >> /opt/tool/version",
        ]
    )
    .with_commands(["chmod -R a+rX /opt/tool"]),
)


@env.task
def t() -> str:
    return TOOL
