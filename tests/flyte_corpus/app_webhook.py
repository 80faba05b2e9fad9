import flyte
from flyte.app.extras import FlyteWebhookAppEnvironment

own = FlyteWebhookAppEnvironment(
    name="webhook-own",
    title="Own",
    image=flyte.Image.from_debian_base(name="webhook").with_pip_packages("fastapi", "uvicorn", "httpx"),
)
given = FlyteWebhookAppEnvironment(name="webhook-given", title="Given")
