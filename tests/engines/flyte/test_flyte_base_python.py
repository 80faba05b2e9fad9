"""The Python of a base counts for an image of Flyte: another one that `clone` asks for is refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from base_images import put_image, python_image
from conftest import Project
from registry_server import Served, serve_registry

pytestmark = pytest.mark.network

SCRIPT = """\
import flyte

env = flyte.TaskEnvironment(
    "e",
    image=flyte.Image.from_base("BASE")
    .clone(name="cloned", registry="r.example/acme", python_version=(3, 12), extendable=True)
    .with_pip_packages("flyte"),
)
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve_registry(tmp_path_factory.mktemp("registry")) as registry:
        yield registry


def test_base_with_another_python_is_refused(served: Served, project: Project) -> None:
    put_image(served.host, "flyte/base", "other", python_image("3.13.1"))
    reference = f"{served.host}/flyte/base:other"
    project.write("job.py", SCRIPT.replace("BASE", reference))
    result = project.run("generate", "job.py")

    assert result.code == 1
    assert result.err == (
        f"error: job.py: the base {reference}, linux/amd64: its Python does not satisfy"
        " `requires-python = '==3.12.*'`: 3.13.1 (/usr/local/bin/python3.13)\n"
        "hint: use another base, or change `requires-python`\n"
    )
