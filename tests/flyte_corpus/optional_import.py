import flyte

try:
    import torch
except ImportError:
    torch = None

try:
    from flyte.app.extras import FastAPIAppEnvironment
except ImportError:
    FastAPIAppEnvironment = None

env = flyte.TaskEnvironment(
    name="optional_import", image=flyte.Image.from_debian_base(name="optional").with_pip_packages("torch")
)


@env.task
def a() -> bool:
    return torch is not None
