"""What BuildKit says and exports: its log, its failures, its layers, and why commands differ."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from onedigest.engines import diagnosis
from onedigest.engines.buildkit_log import CleanLog, failure
from onedigest.errors import EngineError, InputError
from onedigest.oci.buildkit_export import difference, differing_paths, read_export, read_members

LOG = """#1 [internal] load build definition from Dockerfile
#1 DONE 0.0s
#5 [linux/amd64 layer-polars 1/1] RUN --network=none ["python3"]
#6 [linux/amd64 layer-big 1/1] RUN --network=none ["python3"]
#5 0.312 {"diff_id": "…"}
#5 DONE 0.4s
#6 CACHED
#7 [linux/arm64 layer-polars 1/1] RUN --network=none ["python3"]
#7 CACHED
ERROR: (*service).Write failed: rpc error: code = Unavailable desc = ref layer-sha256:… locked for 30ms: unavailable
"""


def test_log_has_one_line_for_each_step() -> None:
    said: list[str] = []
    running: list[list[str]] = []
    log = CleanLog(said.append, lambda steps: running.append(list(steps)))
    for line in LOG.splitlines():
        log.take(line)

    assert said == ["  layer-polars: 0.4 s", "  layer-big: cached"]
    assert running[1] == ["layer-big", "layer-polars"]
    assert running[-1] == []


@pytest.mark.parametrize(
    ("log", "kind", "message"),
    [
        ("#9 ERROR: write /x: no space left on device\nERROR: failed to solve: x", EngineError, "BuildKit has no space left on its disk"),
        ('ERROR: failed to build: failed to solve: x: "/locks/.inputs/a.whl": not found', InputError, "`locks/.inputs/a.whl` is missing"),
        ('ERROR: failed to solve: x: "/other/a": not found', EngineError, 'BuildKit failed: x: "/other/a": not found'),
        ("ERROR: OCI exporter is not supported for the docker driver.", EngineError, "this builder cannot export OCI: OCI exporter is not supported for the docker driver."),
        ("exec /bin/x: exec format error\nERROR: failed to solve: y", EngineError, "the builder cannot run commands of the other platform"),
        ("", EngineError, "BuildKit failed: it gave no reason"),
    ],
)  # fmt: skip
def test_failures_are_translated(log: str, kind: type[Exception], message: str) -> None:
    error = failure(log, ".inputs")

    assert type(error) is kind
    assert error.problems[0].message == message
    assert error.problems[0].hint


def test_output_of_a_command_that_failed_is_its_own() -> None:
    log = (
        "#7 [run-amd64 2/2] RUN sh\n#7 0.1 curl: not found\n#8 0.2 usage: another step\n"
        '#7 ERROR: process "/bin/sh -c curl" did not complete successfully: exit code: 127\n'
        "#9 0.3 and another\n------\n > [run-amd64 2/2] RUN sh:\n------\n"
        'ERROR: failed to build: failed to solve: process "/bin/sh -c curl" did not complete successfully: exit code: 127\n'
    )

    assert failure(log, ".inputs").problems[0].message == (
        "`run` failed on linux/amd64 with code 127: /bin/sh -c curl\n  curl: not found"
    )


def layer(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for member, content in members:
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def named(name: str, **values: object) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    for key, value in values.items():
        setattr(member, key, value)
    return member


def test_entries_that_differ_are_said_with_what_differs(tmp_path: Path) -> None:
    old = read_members(
        layer(
            tmp_path / "old",
            (named("mode", mode=0o644), b"x"),
            (named("time", mtime=1), b"x"),
            (named("owner"), b"x"),
            (named("content"), b"x"),
            (named("link", type=tarfile.SYMTYPE, linkname="a"), b""),
            (named("gone"), b""),
            (named("same"), b"x"),
        )
    )
    new = read_members(
        layer(
            tmp_path / "new",
            (named("mode", mode=0o755), b"x"),
            (named("time", mtime=2), b"x"),
            (named("owner", uid=5), b"x"),
            (named("content"), b"y"),
            (named("link", type=tarfile.SYMTYPE, linkname="b"), b""),
            (named("come", type=tarfile.DIRTYPE), b""),
            (named("same"), b"x"),
        )
    )
    paths = differing_paths(old, new)

    assert [difference(path, old.get(path), new.get(path), ("before", "now")) for path in paths] == [
        "/come: only now",
        "/content: other content",
        "/gone: only before",
        "/link: target a before, b now",
        "/mode: mode 0644 before, 0755 now",
        "/owner: owner 0:0 before, 5:0 now",
        "/time: time 1 before, 2 now",
    ]


@pytest.mark.parametrize("index", ['{"manifests": [{"digest": "../../etc/passwd"}]}', "{}", "no JSON", ""])
def test_broken_export_is_an_error(index: str, tmp_path: Path) -> None:
    (tmp_path / "index.json").write_text(index)

    with pytest.raises(EngineError, match="BuildKit exported no complete OCI layout"):
        read_export(tmp_path)


@pytest.mark.parametrize(
    ("path", "cause"),
    [
        ("opt/x/__pycache__/a.cpython-311.pyc", "bytecode depends on"),
        ("var/cache/ldconfig/aux-cache", "ldconfig notes inode numbers"),
        ("var/lib/apt/lists/x", "apt keeps its lists"),
        ("var/lib/dpkg/status-old", "dpkg notes what it did"),
        ("var/log/dpkg.log", "a log holds the time"),
        ("etc/shadow", "accounts are noted with the day"),
        ("opt/venv/lib/python3.11/site-packages/a-1.dist-info/direct_url.json", "an installer notes"),
        ("root/.cache/uv/x", "caches and temporary files"),
        ("srv/model.bin", "the content depends on the time"),
    ],
)
def test_causes_are_named_by_path(path: str, cause: str) -> None:
    (why, cure), *others = diagnosis.explain([path])

    assert why.startswith(cause)
    assert cure
    assert not others


def test_likeliest_cause_comes_first() -> None:
    assert [why.split()[0] for why, _ in diagnosis.explain(["srv/x", "var/log/y"])] == ["a", "the"]
