import flyte

GITHUB = "https://$GITHUB_PAT@github.com/orchard/private.git@v1.2.0"

env = flyte.TaskEnvironment(
    name="private_packages",
    image=flyte.Image.from_debian_base(name="private-packages", registry="ghcr.io/orchard", registry_secret="pull-me")
    .with_pip_packages(
        f"private @ git+{GITHUB}",
        pre=True,
        extra_args="--no-deps",
        secret_mounts=[flyte.Secret(key="github-pat", as_env_var="GITHUB_PAT")],
    )
    .with_pip_packages(
        "internal", extra_index_urls="https://packages.example/simple", secret_mounts="index_password"
    ),
)


@env.task
def t() -> str:
    return "x"
