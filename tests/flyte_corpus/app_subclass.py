import dataclasses

import flyte
from flyte.app import AppEnvironment


@dataclasses.dataclass(kw_only=True)
class DashboardEnvironment(AppEnvironment):
    title: str = "Dashboard"

    def __post_init__(self):
        self.args = ["python", "-m", "http.server"]
        super().__post_init__()


env = DashboardEnvironment(
    name="dashboard", title="Sales", image=flyte.Image.from_debian_base(name="dashboard").with_pip_packages("dash")
)
