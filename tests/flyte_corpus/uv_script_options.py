# /// script
# requires-python = "==3.13"
# dependencies = ["flyte", "xgboost>=2"]
# ///
import flyte

env = flyte.TaskEnvironment(
    name="boosted",
    image=flyte.Image.from_uv_script(
        __file__,
        name="boosted",
        registry="ghcr.io/orchard",
        python_version=(3, 13),
        pre=True,
        index_url="https://wheels.example/simple",
        extra_index_urls=["https://more.example/simple", "https://yet.example/simple"],
        extra_args="--no-cache-dir",
        platform=("linux/amd64", "linux/arm64"),
        secret_mounts=flyte.Secret(key="wheel-token", as_env_var="WHEEL_TOKEN"),
    ).with_apt_packages("libgomp1"),
)


@env.task
def fit(rounds: int = 10) -> float:
    import xgboost

    return float(rounds)
