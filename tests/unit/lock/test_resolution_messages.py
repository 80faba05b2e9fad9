"""What helps where wheels are missing: the line to write for one platform, or for another Python."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from onedigest.errors import InputError
from onedigest.lock.asked_project import read_requested, read_surroundings
from onedigest.lock.older_versions import ResolvedRequest
from onedigest.lock.resolution_messages import explained
from onedigest.lock.targets import Target
from onedigest.lock.wheels import select
from onedigest.net.connection import Connection
from onedigest.net.download import Client
from onedigest.platforms import ALL
from onedigest.sources import Sources
from onedigest.store import Store
from resolving import Checkout
from wheel_builder import build_wheel

X86, ARM = "manylinux_2_17_x86_64", "manylinux_2_17_aarch64"


def hint(root: Path, tags: Sequence[str]) -> str:
    """Return what helps a script on Debian's newest Python that needs a package with wheels of some tags."""
    checkout = Checkout(root)
    for tag in tags:
        build_wheel(checkout.wheels, "old", "1.0", tag=tag)
    error = InputError.of("no solution found: no compatible wheels", where="job.py")
    return explained(error, asking(checkout, "old"), lambda _: "").problems[0].hint


def asking(checkout: Checkout, *dependencies: str) -> ResolvedRequest:
    """Return what a script asks of the wheels of a checkout alone."""
    root, spec = checkout.root, checkout.spec(*checkout.here(), dependencies=dependencies)
    sources = Sources(
        store=Store(root / "store"),
        client=Client(Connection(offline=True)),
        access=cast(Any, None),
        archive=cast(Any, None),
        offline=True,
        environment={
            "PATH": os.environ["PATH"],
            "HOME": str(checkout.home),
            "XDG_CACHE_HOME": str(root / "cache"),
        },
    )
    return ResolvedRequest(
        spec=spec,
        requested=read_requested(spec, read_surroundings(spec, checkout.folder)),
        minor="3.13",
        sources=sources,
    )


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (
            {"name": "flyte-1", "url": "https://index.example", "default": True},
            "`index_url` stands in the place of the usual index: write `extra_index_urls` to have both asked",
        ),
        (
            {"url": "https://index.example", "default": True},
            "this index stands in the place of the usual one: leave `default = true` out to have both asked",
        ),
        ({"url": "https://index.example"}, ""),
    ],
)
def test_index_that_stands_alone_and_lacks_a_package(index: dict[str, Any], expected: str, tmp_path: Path) -> None:
    asked = asking(Checkout(tmp_path), "old")
    asked = replace(asked, requested=replace(asked.requested, settings={"index": [index]}))
    error = InputError.of("no solution found: Because old was not found in the package registry", where="job.py")

    assert explained(error, asked, lambda _: "").problems[0].hint == expected


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ([f"cp313-cp313-{X86}"], 'write `platforms = ["linux/amd64"]` in [tool.onedigest]'),
        ([f"cp313-abi3-{ARM}"], 'write `platforms = ["linux/arm64"]` in [tool.onedigest]'),
        (
            [f"cp311-cp311-{X86}", f"cp311-cp311-{ARM}"],
            'write `base = "debian:bookworm"` in [tool.onedigest], whose Python 3.11 has wheels of all',
        ),
        (
            [f"cp312-cp312-{X86}", f"cp312-cp312-{ARM}"],
            'write `requires-python = "==3.12.*"`, for which there are wheels of all',
        ),
        (["cp313-cp313-win_amd64"], ""),
    ],
)
def test_line_that_helps(tags: Sequence[str], expected: str, tmp_path: Path) -> None:
    assert hint(tmp_path, tags) == expected


def refusal(*names: str) -> str:
    """Return why wheels of these names do not do for both platforms."""
    wheels = [{"url": f"https://files.invalid/{name}", "hash": f"sha256:{'a' * 64}", "size": 7} for name in names]
    index = {"registry": "https://index.invalid/simple"}
    root = {"name": "onedigest-script", "version": "0", "source": {"virtual": "."}, "dependencies": [{"name": "x"}]}
    found = {"package": [root, {"name": "x", "version": "1", "source": index, "wheels": wheels}]}
    with pytest.raises(InputError) as caught:
        select(found, [Target(platform, "3.13.5", "2.41") for platform in ALL], "debian:trixie")
    return str(caught.value)


def test_wheels_of_one_platform_alone() -> None:
    assert refusal(f"x-1-cp313-cp313-{X86}.whl") == (
        "`x 1` has no wheel for Python 3.13.5 on linux/arm64\n"
        'hint: write `platforms = ["linux/amd64"]` in [tool.onedigest],'
        " or choose a version that has wheels for all platforms"
    )


def test_wheels_of_other_pythons_alone() -> None:
    text = refusal(f"x-1-cp39-cp39-{X86}.whl", f"x-1-cp312-cp312-{X86}.whl", f"x-1-cp311-cp311-{ARM}.whl")

    assert text.splitlines() == [
        "`x 1` has no wheel for Python 3.13.5 on linux/amd64",
        'hint: it has wheels for Python 3.9 and 3.12: write `requires-python = "==3.12.*"`,'
        " or choose another version of the package",
        "`x 1` has no wheel for Python 3.13.5 on linux/arm64",
        'hint: it has wheels for Python 3.11: write `requires-python = "==3.11.*"`,'
        " or choose another version of the package",
    ]
