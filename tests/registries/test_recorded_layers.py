"""`build --locked --push` on a machine that has nothing but the checkout: what the repository has is not made again."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from base_images import put_image, python_image
from conftest import Project, machine_environment
from fault_proxy import Fault, faults
from index_server import IndexServer
from onedigest.digest import of_bytes
from registry_server import serve_registry
from wheel_builder import build_wheel

pytestmark = pytest.mark.network

RECORD = "lockfiles/app/image.toml"
BLOCK = ('requires-python = ">=3.11"', 'dependencies = ["alpha", "beta"]', "[tool.onedigest]", "rules = []")
OWN = ["account of user 65532:65532", "app.py", "folder /app", "working directory /app"]
"""The layers that need no download: they are always made."""


@dataclass
class Pushed:
    """A registry with the image of a project, which is in the repository `app`."""

    host: str
    root: Path
    address: str
    """Of the index that has its wheels."""


@pytest.fixture(scope="module")
def pushed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pushed]:
    folder = tmp_path_factory.mktemp("pushed")
    (folder / "wheels").mkdir()
    build_wheel(folder / "wheels", "alpha", "1.0", files={"alpha.py": b"x = 1\n" * (200 << 10)})
    build_wheel(folder / "wheels", "beta", "1.0", files={"beta.py": b"y = 1\n"})
    index = IndexServer(folder / "wheels")
    with serve_registry(folder / "registry") as served:
        put_image(served.host, "tiny", "3", python_image())
        project = Project(folder / "project", machine(folder, index.address))
        project.write("onedigest.toml", "bytecode = false\n")
        project.script("app.py", *BLOCK, f'base = "{served.host}/tiny:3"', code="print('honest')\n")
        project.ok("build", "--push", "--repository", f"{served.host}/app", "app.py")
        shutil.rmtree(project.root / "lockfiles" / ".inputs")
        yield Pushed(served.host, project.root, index.address)
    index.close()


@pytest.fixture
def fresh(pushed: Pushed, tmp_path: Path) -> Project:
    """A machine with an empty store, whose index has nothing."""
    shutil.copytree(pushed.root, tmp_path / "project")
    return Project(tmp_path / "project", machine(tmp_path, f"{pushed.address}/none"))


def machine(folder: Path, address: str) -> dict[str, str]:
    variables = {"UV_DEFAULT_INDEX": address, "UV_CACHE_DIR": str(folder / "uv")}
    return machine_environment(folder, folder / "cache") | variables


def hiding(*parts: str) -> Fault:
    return lambda seen: "404" if seen.method == "HEAD" and any(part in seen.path for part in parts) else ""


def push(project: Project, repository: str, *options: str) -> tuple[int, str, dict[str, object]]:
    """Push as recorded; return the exit code, what was said, and the result."""
    done = project.run("build", "--json", "--locked", "--push", "--repository", repository, *options, "app.py")
    images = json.loads(done.out).get("images")
    return done.code, done.err, images[0] if images else {}


def digest_in(project: Project, holds: str) -> str:
    match = re.search(rf'holds = "{re.escape(holds)}", size = \d+, digest = "(sha256:\w+)"', project.read(RECORD))
    assert match
    return match[1]


def test_image_with_the_tag_of_its_plan_is_there_by_one_request(pushed: Pushed, fresh: Project) -> None:
    with faults(pushed.host) as proxy:
        code, _, image = push(fresh, f"{proxy.host}/app")
        asked = [f"{seen.method} {seen.path.rpartition('/')[0]}" for seen in proxy.seen]

    assert (code, image["made"], asked) == (0, [], ["HEAD /v2/app/manifests"])


def test_layers_that_the_repository_has_are_not_made(pushed: Pushed, fresh: Project) -> None:
    layers = set(re.findall(r' digest = "(sha256:\w+)"', fresh.read(RECORD)))
    with faults(pushed.host, hiding("/manifests/")) as proxy:
        code, said, image = push(fresh, f"{proxy.host}/app", "--tag", "again")
        asked = [seen.path.rpartition("/")[2] for seen in proxy.seen if "/v2/app/blobs/sha256:" in seen.path]

    assert (code, image["made"]) == (0, OWN), said
    assert str(image["digest"]) in fresh.read(RECORD)
    assert image["pushed"]["blobs"] == {"present": len(layers) + 2, "mounted": 0, "uploaded": 0, "bytes": 0}  # type: ignore[index]
    assert len(asked) == len(set(asked)) == len(layers) + 2, "each layer and each configuration is asked for once"
    assert not [*fresh.root.parent.rglob("*.whl")]


def test_layer_that_it_lacks_is_made_and_sent(pushed: Pushed, fresh: Project) -> None:
    fresh.environment["UV_DEFAULT_INDEX"] = pushed.address
    with faults(pushed.host, hiding("/manifests/", digest_in(fresh, "alpha 1.0"))) as proxy:
        code, said, image = push(fresh, f"{proxy.host}/app")

    assert (code, image["made"]) == (0, sorted(["alpha 1.0", *OWN])), said
    assert image["pushed"]["blobs"]["uploaded"] == 1  # type: ignore[index]
    assert [path.name for path in fresh.root.rglob("*.whl")] == ["alpha-1.0-py3-none-any.whl"]


def test_layer_of_the_store_is_proven_and_not_asked_for(pushed: Pushed, fresh: Project) -> None:
    fresh.environment["UV_DEFAULT_INDEX"] = pushed.address
    fresh.ok("build", "--locked", "app.py")
    layer = digest_in(fresh, "alpha 1.0")
    path = fresh.root.parent / "cache/onedigest/sha256" / layer[7:9] / layer[7:]
    stamp, data = path.stat().st_mtime_ns, bytearray(path.read_bytes())
    data[-1] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    os.utime(path, ns=(stamp, stamp))
    with faults(pushed.host, hiding("/manifests/")) as proxy:
        code, said, image = push(fresh, f"{proxy.host}/app")

    assert (code, image["made"]) == (0, []), said
    assert f"had another content under {layer}, which was removed" in said


@pytest.mark.parametrize("options", [("--attest",), ("--output", "x.tar")])
def test_what_proves_or_needs_the_bytes_makes_all(options: tuple[str, ...], pushed: Pushed, fresh: Project) -> None:
    code, said, _ = push(fresh, f"{pushed.host}/app", *options)

    assert (code, "alpha was not found" in said) == (1, True), said


def test_other_repository_has_no_say(pushed: Pushed, fresh: Project) -> None:
    code, said, _ = push(fresh, f"{pushed.host}/other")

    assert (code, "alpha was not found" in said) == (1, True), said


def test_application_of_an_earlier_push_is_not_taken(pushed: Pushed, fresh: Project, tmp_path: Path) -> None:
    """It is in the repository, under the digest that a forged record states, whose other digests fit."""
    record, script = fresh.read(RECORD), fresh.read("app.py")
    fresh.environment["UV_DEFAULT_INDEX"] = pushed.address
    fresh.write("app.py", script.replace("honest", "earlier"))
    fresh.ok("build", "--push", "--repository", f"{pushed.host}/app", "app.py")
    plans = [re.findall(r'(?m)^plan = "(sha256:\w+)"$', text)[0] for text in (fresh.read(RECORD), record)]
    fresh.write(RECORD, fresh.read(RECORD).replace(*plans))
    fresh.write("app.py", script)
    fresh.environment |= machine(tmp_path / "other", f"{pushed.address}/none")
    with faults(pushed.host, hiding("/manifests/")) as proxy:
        code, said, _ = push(fresh, f"{proxy.host}/app")

        assert (code, proxy.requests("PUT"), proxy.requests("POST")) == (3, 0, 0)
    assert "linux/amd64 app.py" in said
    assert "alpha" not in said


def test_record_of_another_plan_has_no_say(pushed: Pushed, fresh: Project) -> None:
    fresh.write(RECORD, re.sub(r'(?m)^plan = "sha256:\w+"$', f'plan = "{of_bytes(b"x")}"', fresh.read(RECORD)))
    with faults(pushed.host, hiding("/manifests/")) as proxy:
        code, said, _ = push(fresh, f"{proxy.host}/app")

    assert (code, "alpha was not found" in said) == (1, True), said
