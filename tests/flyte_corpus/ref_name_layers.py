import flyte

image = (
    flyte.Image.from_ref_name("team-base")
    .clone(name="on-team-base", registry="ghcr.io/orchard", extendable=True)
    .with_pip_packages("attrs")
)
env = flyte.TaskEnvironment(name="on_team_base", image=image)


@env.task
def a() -> str:
    return "a"
