import flyte

TOKEN = flyte.Secret(key="apt-token", group="infra", as_env_var="APT_TOKEN")

env = flyte.TaskEnvironment(
    name="apt_secrets",
    image=flyte.Image.from_debian_base(name="apt-secrets")
    .with_apt_packages("vim", "wget", secret_mounts=[TOKEN, "plain-key"])
    .with_commands(["true"], secret_mounts=[flyte.Secret("other")]),
)


@env.task
def t() -> str:
    return "x"
