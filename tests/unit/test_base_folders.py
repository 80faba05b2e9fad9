"""The working directory above a base: a folder where there is none, and no other folder becomes another one."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from deb_builder import directory, entry, link, make_deb
from full_case import DATA, LOCK, SCRIPT, SPEC
from onedigest.assembler.commands import LAYERS, Given
from onedigest.assembler.descriptor import Descriptor
from onedigest.assembler.entry import Entry
from onedigest.assembler.layer import folder_layer
from onedigest.assembler.layout import write_tree
from onedigest.assembler.refusal import Refused
from onedigest.digest import Digest
from onedigest.lock.base.account import Account
from onedigest.lock.base.image import ImageBase, PinnedImage
from onedigest.lock.model import Lock
from onedigest.plan.arrange import arrange
from onedigest.plan.layers import Layer
from onedigest.platforms import AMD64, ARM64
from onedigest.spec import Spec

PASSWD = b"root:*:0:0:root:/root:/bin/bash\nnobody:*:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
WORKDIRS = (
    "/tmp", "/tmp/x", "/var/tmp/x", "/var/lock/x", "/var/local/x", "/root", "/root/x", "/home/nonroot",
    "/home/nonroot/x", "/home/x", "/usr/bin", "/bin", "/bin/x", "/lib/x", "/lib64/x", "/var/run/x", "/var", "/opt/venv",
    "/opt/x", "/app", "/app/x", "/srv/ö",
)  # fmt: skip
NONE = Digest("sha256:" + "0" * 64)


@pytest.fixture
def packages(tmp_path: Path) -> list[Path]:
    """What decides the folders of a Debian root."""
    odd = {"root": 0o700, "tmp": 0o1777, "var/tmp": 0o1777, "var/lock": 0o1777}
    plain = ("home", "usr/bin", "usr/lib", "usr/lib64", "usr/sbin", "var/run", "var/cache")
    folders = [directory(f"./{path}") for path in plain] + [directory(f"./{path}", mode=odd[path]) for path in odd]
    links = [link(f"./{name}", f"usr/{name}") for name in ("bin", "lib", "lib64", "sbin")]
    accounts = [entry("./usr/share/base-passwd/passwd.master", PASSWD)]
    accounts.append(entry("./usr/share/base-passwd/group.master", b"root:*:0:\n"))
    return [
        make_deb(
            tmp_path / "files.deb", "base-files", [*folders, directory("./var/local", mode=0o2775, gid=50), *links]
        ),
        make_deb(tmp_path / "passwd.deb", "base-passwd", accounts),
    ]


def above(spec: Spec, lock: Lock = LOCK) -> list[Layer]:
    """Return the layers of the first platform whose entries are known without wheels."""
    found = arrange(spec, lock, [DATA, SCRIPT]).platforms[0].layers
    return [layer for layer in found if layer.kind in ("folder", "application")]


def entries(layer: Layer) -> list[Entry]:
    assert layer.recipe
    files = [(file.target, b"", file.executable) for file in layer.recipe.files]
    return LAYERS[layer.recipe.command].entries(Given(dict(layer.recipe.options), files=files))


def facts(entry: Entry) -> tuple[object, ...]:
    return entry.kind, entry.mode, entry.uid, entry.gid, entry.target


@pytest.mark.parametrize("user", ["65532:65532", "0:0", "1000:7"])
@pytest.mark.parametrize("own", [False, True], ids=["root's", "own"])
@pytest.mark.parametrize("workdir", WORKDIRS)
def test_layers_above_a_debian_root_leave_its_folders_alone(
    workdir: str, own: bool, user: str, packages: list[Path]
) -> None:
    spec = replace(SPEC, workdir=workdir, own_workdir=own, user=user)
    root = {each.path: each for each in LAYERS["debian-root"].entries(Given({"user": user}, packages))}
    for layer in above(spec):
        for each in entries(layer):
            there = root.get(each.path)
            if own and f"/{each.path}/".startswith(f"{real(workdir)}/"):
                assert (each.uid, each.gid) == tuple(map(int, user.split(":")))
                assert there is None or (there.kind, there.mode) == (each.kind, each.mode)
            else:
                assert there is None or facts(there) == facts(each), each.path
            assert not any(each.path.startswith(f"{path}/") for path, one in root.items() if one.kind == "link")
            root[each.path] = each

    assert root[real(workdir)[1:]].kind == "dir" or workdir == "/opt/venv"


def real(path: str) -> str:
    top = path[1:].partition("/")[0]
    return f"/usr{path}" if top in ("bin", "lib", "lib64", "sbin") else path


def modes(spec: Spec, lock: Lock = LOCK) -> list[dict[str, str]]:
    """Return modes and owners of the folders of each layer above a base."""
    return [
        {each.path: f"{each.mode:04o} {each.uid}:{each.gid}" for each in entries(layer) if each.kind == "dir"}
        for layer in above(spec, lock)
    ]


def test_user_may_write_to_the_working_directory_and_not_to_folders_in_it() -> None:
    assert modes(SPEC) == [{"app": "1777 0:0"}, {"app": "1777 0:0", "app/data": "0755 0:0"}]
    assert modes(replace(SPEC, workdir="/app/data")) == [
        {"app": "0755 0:0", "app/data": "1777 0:0"},
        {"app": "0755 0:0", "app/data": "1777 0:0"},
    ]
    assert modes(replace(SPEC, workdir="/srv/x")) == [
        {"srv": "0755 0:0", "srv/x": "1777 0:0"},
        {"app": "0755 0:0", "app/data": "0755 0:0"},
    ]


@pytest.mark.parametrize("name", ["a,b", "a=b", "100%", "%2C", "ö x"])
def test_working_directory_with_any_name_is_known(name: str) -> None:
    spec = replace(SPEC, workdir=f"/app/{name}", volumes=(f"/app/{name}/v",), user="5:6")

    assert modes(spec)[:2] == [
        {"app": "0755 0:0", f"app/{name}": "0755 0:0", f"app/{name}/v": "0755 5:6"},
        {"app": "0755 0:0", f"app/{name}": "1777 0:0"},
    ]
    file = replace(DATA, target=f"{name}/v/x.txt")
    (application,) = [each for each in arrange(spec, LOCK, [file]).platforms[0].layers if each.kind == "application"]

    assert [(each.path, each.mode, each.uid) for each in entries(application)] == [
        ("app", 0o755, 0), (f"app/{name}", 0o1777, 0), (f"app/{name}/v", 0o755, 5), (f"app/{name}/v/x.txt", 0o644, 0),
    ]  # fmt: skip


def test_working_directory_of_ones_own_is_the_users_alone() -> None:
    own = replace(SPEC, own_workdir=True, user="5:6")

    assert modes(own) == [{"app": "0755 5:6"}, {"app": "0755 5:6", "app/data": "0755 5:6"}]


def test_volume_is_the_users_wherever_it_is() -> None:
    spec = replace(SPEC, user="5:6", volumes=("/app/data", "/data", "/tmp", "/tmp/x"), workdir="/data/work")

    assert modes(spec) == [
        {"app": "0755 0:0", "app/data": "0755 5:6"},
        {"data": "0755 5:6"},
        {"tmp": "1777 0:0", "tmp/x": "0755 5:6"},
        {"data": "0755 5:6", "data/work": "1777 0:0"},
        {"app": "0755 0:0", "app/data": "0755 5:6"},
    ]


def test_volume_that_is_the_working_directory_is_made_once() -> None:
    assert modes(replace(SPEC, volumes=("/app",), workdir="/app")) == modes(SPEC)


def test_volume_that_an_image_has_needs_no_layer() -> None:
    lock = with_image(has_workdir=False, has_volumes=("/data",))

    assert modes(replace(SPEC, volumes=("/data",)), lock) == modes(SPEC, lock)


def test_account_that_an_image_lacks_is_a_layer_below_the_working_directory() -> None:
    account = Account(home="/home/nonroot", has_home=False, passwd=("a:x:1:1:::",), group=("a:x:1:",))
    spec = replace(SPEC, workdir="/home/nonroot/work")
    found = arrange(spec, with_image(has_workdir=False, account=account), []).platforms[0]
    made = [layer for layer in found.layers if layer.kind in ("account", "folder")]

    assert [layer.kind for layer in made] == ["account", "folder"]
    assert made[0].recipe
    assert dict(made[0].recipe.options) == {
        "user": SPEC.user, "home": "/home/nonroot", "passwd": "a:x:1:1:::\n", "group": "a:x:1:\n",
    }  # fmt: skip
    assert [(each.path, each.mode, each.uid) for each in entries(made[1])] == [
        ("home", 0o755, 0), ("home/nonroot", 0o755, int(SPEC.user.split(":")[0])), ("home/nonroot/work", 0o1777, 0),
    ]  # fmt: skip


def test_account_that_an_image_has_is_no_layer() -> None:
    lock = with_image(has_workdir=False, account=Account(home="/home/me", has_home=True))
    found = arrange(SPEC, lock, []).platforms[0]

    assert "account" not in [layer.kind for layer in found.layers]
    assert "HOME=/home/me" in json.loads(found.config)["config"]["Env"]


def test_debian_root_does_not_depend_on_the_working_directory() -> None:
    plans = [arrange(replace(SPEC, workdir=each), LOCK, [SCRIPT]) for each in ("/", "/app", "/srv/other", "/tmp")]

    for number in range(2):
        assert len({plan.platforms[number].layers[0].key() for plan in plans}) == 1


@pytest.mark.parametrize("workdir", ["/tmp", "/root", "/usr/bin", "/bin", "/home/nonroot", "/var/lib"])
def test_folder_that_a_debian_root_has_needs_no_layer(workdir: str) -> None:
    kinds = [layer.kind for layer in arrange(replace(SPEC, workdir=workdir), LOCK, []).platforms[0].layers]

    assert kinds[:2] == ["debian-root", "working-directory"]


def test_every_user_but_the_superuser_has_a_home_in_a_debian_root() -> None:
    kinds = {
        user: [each.kind for each in above(replace(SPEC, workdir="/home/nonroot", user=user))]
        for user in ("65532:65532", "33:33", "0:0")
    }

    assert kinds == {"65532:65532": ["application"], "33:33": ["application"], "0:0": ["folder", "application"]}


def test_the_top_of_the_file_system_has_no_layer() -> None:
    assert [layer.kind for layer in arrange(replace(SPEC, workdir="/"), LOCK, []).platforms[0].layers][1] != "folder"


def test_link_of_one_architecture_is_a_link_there_alone() -> None:
    plan = arrange(replace(SPEC, workdir="/lib64/x"), LOCK, [])
    paths = [dict(each.layers[1].recipe.options)["path"] for each in plan.platforms if each.layers[1].recipe]

    assert [each.platform for each in plan.platforms] == [AMD64, ARM64]
    assert paths == ["/usr/lib64/x", "/lib64/x"]


@pytest.mark.parametrize(
    ("there", "own", "expected"),
    [
        (True, False, ["base-layer", "working-directory"]),
        (False, False, ["base-layer", "folder", "working-directory"]),
        (True, True, ["base-layer", "folder", "working-directory"]),
    ],
)
def test_image_has_a_folder_layer_where_its_lock_says_so(there: bool, own: bool, expected: list[str]) -> None:
    found = arrange(replace(SPEC, workdir="/bin/x", own_workdir=own), with_image(has_workdir=there), []).platforms[0]

    assert [layer.kind for layer in found.layers][: len(expected)] == expected
    for layer in found.layers:
        if layer.kind == "folder":
            assert layer.recipe
            assert dict(layer.recipe.options)["path"] == "/bin/x", "of an image no links are known"


def test_well_known_folders_of_an_image_stay_as_they_are() -> None:
    (folder,) = above(replace(SPEC, workdir="/tmp/x"), with_image(has_workdir=False))[:1]

    assert [(each.path, each.mode) for each in entries(folder)] == [("tmp", 0o1777), ("tmp/x", 0o1777)]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to others")
def test_tree_below_a_folder_that_hands_its_group_on_is_roots(tmp_path: Path) -> None:
    """As /var/local is in bookworm."""
    entries = folder_layer("/var/local/x", known="/var/local=2775:0:50")
    write_tree(entries, tmp_path / "tree")
    found = {each.path: (tmp_path / "tree" / each.path).stat() for each in entries}

    assert {path: (oct(status.st_mode & 0o7777), status.st_gid) for path, status in found.items()} == {
        "var": ("0o755", 0),
        "var/local": ("0o2775", 50),
        "var/local/x": ("0o755", 0),
    }


@pytest.mark.parametrize("known", ["x", "/x", "x=0755:0:0", "/x=755:0:0", "/x=0755:0", "/x=0755:0:99999999"])
def test_what_is_known_has_one_form(known: str) -> None:
    with pytest.raises(Refused):
        folder_layer("/x", known=known)


@pytest.mark.parametrize("mode", ["", "755", "01777", "0888", "rwxr"])
def test_mode_is_four_octal_digits(mode: str) -> None:
    with pytest.raises(Refused, match="is not four octal digits"):
        folder_layer("/x", mode=mode)


def with_image(*, has_workdir: bool, has_volumes: tuple[str, ...] = (), account: Account | None = None) -> Lock:
    layer = Descriptor(NONE, NONE, 1)
    images = tuple(
        PinnedImage(
            platform=platform,
            manifest=NONE,
            config=NONE,
            env=(),
            labels=(),
            has_workdir=has_workdir,
            has_volumes=has_volumes,
            account=account,
            layers=(layer,),
        )
        for platform in (AMD64, ARM64)
    )
    base = ImageBase(
        interpreter="/usr/bin/python3",
        python="3.11.2",
        libc_version="2.36",
        image="docker.io/library/x:1",
        index=NONE,
        system="debian 12",
        images=images,
    )
    return replace(LOCK, base=base)
