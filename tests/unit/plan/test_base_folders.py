"""The working directory above a base: a folder where there is none, and no other folder becomes another one."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from deb_builder import directory, entry, link, make_deb
from full_case import DATA, LOCK, SCRIPT
from full_case import SPEC as COMPILED
from onedigest.assembler.commands import LAYERS, Given
from onedigest.assembler.descriptor import Descriptor
from onedigest.assembler.entry import Entry
from onedigest.assembler.layer import folder_layer
from onedigest.assembler.layout import write_tree
from onedigest.assembler.refusal import Refused
from onedigest.definition.spec import Spec
from onedigest.digest import Digest
from onedigest.errors import InputError
from onedigest.lock.base.account import Account
from onedigest.lock.base.folders_above import list_folders, unfit_folders
from onedigest.lock.base.image import ImageBase, PinnedImage
from onedigest.lock.model import Lock
from onedigest.oci.rootfs import Rootfs
from onedigest.plan.arrange import arrange
from onedigest.plan.layers import Layer
from onedigest.platforms import AMD64, ARM64

SPEC = replace(COMPILED, bytecode=False)

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


PLACES = (
    "/a", "/root/a", "/root/in/a", "/etc/a", "/etc/deep/a", "/usr/bin/a", "/usr/local/x/a", "/var/lib/x/a", "/tmp/a",
    "/tmp/x/a", "/var/tmp/a", "/var/local/a", "/opt/a", "/opt/x/y/a", "/data/x/a", "/srv/x/a",
    "/home/nonroot/a", "/home/nonroot/x/a", "/home/flyte/a", "/w/a",
)  # fmt: skip


@pytest.mark.parametrize("user", ["65532:65532", "0:0", "1000:7"])
@pytest.mark.parametrize("own", [False, True], ids=["root's", "own"])
def test_files_elsewhere_leave_the_folders_of_a_debian_root_alone(own: bool, user: str, packages: list[Path]) -> None:
    spec = replace(SPEC, workdir="/w/deep", own_workdir=own, user=user, volumes=("/data",))
    root = {each.path: each for each in LAYERS["debian-root"].entries(Given({"user": user}, packages))}
    layers = arrange(spec, LOCK, [replace(DATA, target=each) for each in sorted(PLACES)]).platforms[0].layers
    for layer in layers:
        if layer.kind == "folder":
            root |= {each.path: each for each in entries(layer)}
    (application,) = [layer for layer in layers if layer.kind == "application"]
    found = {each.path: each for each in entries(application)}
    whose = tuple(map(int, user.split(":")))

    assert {f"/{each.path}" for each in found.values() if each.kind == "file"} == set(PLACES)
    for each in found.values():
        there = root.get(each.path)
        if each.path == "root":
            assert (each.mode, each.uid, each.gid) == (0o700, *whose)
        elif there:
            assert facts(each) == facts(there), each.path
        else:
            is_roots = not own or (each.kind == "dir" and re.fullmatch("(etc|usr|var)(/.*)?|opt|srv", each.path))
            assert (each.uid, each.gid) == ((0, 0) if is_roots else whose), each.path
            assert each.mode in (0o755, 0o644)


def test_a_layer_without_files_elsewhere_is_told_nothing_new() -> None:
    (application,) = [layer for layer in above(replace(SPEC, own_workdir=True)) if layer.kind == "application"]

    assert application.recipe
    assert dict(application.recipe.options) == {"owner": SPEC.user, "root": "/app"}
    assert application.holds == "full.py and further files in /app"


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        (["/app"], "/app is a folder of the image\nhint: name the file that it becomes there"),
        (["/data"], "/data is a folder of the image\nhint: name the file that it becomes there"),
        (["/home/nonroot"], "/home/nonroot is a folder of the image\nhint: name the file that it becomes there"),
        (["/var/backups"], "/var/backups is a folder of every system\nhint: name the file that it becomes there"),
        (["/usr/local/man/x"], "/usr/local/man/x is below a link\nhint: write /usr/local/share/man/x"),
        (["/var/spool/mail/x"], "/var/spool/mail/x is below a link\nhint: write /var/mail/x"),
        ([LOCK.base.interpreter], f"{LOCK.base.interpreter} is the Python of the image\nhint: choose another place"),
        (
            ["/opt/venv/x"],
            "/opt/venv/x is in the virtual environment, which is of packages alone\nhint: choose another place",
        ),
    ],
)
def test_places_of_others_are_refused(targets: list[str], expected: str) -> None:
    files = [replace(DATA, target=each, path="x.csv") for each in targets]
    with pytest.raises(InputError) as caught:
        arrange(replace(SPEC, volumes=("/data",)), LOCK, files)

    assert str(caught.value).startswith(f"full.py: `copy` brings x.csv to a wrong place: {expected}")


def test_a_file_where_another_one_has_its_folder_is_refused() -> None:
    files = [replace(DATA, target="/srv/x", path="a"), replace(DATA, target="/srv/x/y/z", path="b")]
    with pytest.raises(InputError) as caught:
        arrange(SPEC, LOCK, files)

    assert str(caught.value).splitlines()[0] == "full.py: `copy` brings a to /srv/x, which is the folder of b"


def test_history_names_the_places() -> None:
    def holds(*targets: str) -> str:
        layers = arrange(SPEC, LOCK, [replace(DATA, target=each) for each in targets]).platforms[0].layers
        return layers[-1].holds

    assert holds("/root/a.py") == "files in /root"
    assert holds("/etc/a", "/opt/x/b", "c") == "files in /app, /etc, /opt/x"
    assert holds("/a/a", "/b/a", "/c/a", "/d/a", "/e/a") == "files in /a, /b, /c and 2 more"


class TestAboveAnImage:
    def test_folders_that_it_has_stay(self) -> None:
        files = [replace(DATA, target=each) for each in ("/data/a", "/new/a", "/root/a", "/srv/x/a", "/tmp/a")]
        lock = with_image(has_workdir=False, has_folders=("/data", "/srv"))
        spec = replace(SPEC, own_workdir=True, user="5:6")
        (application,) = [
            layer for layer in arrange(spec, lock, files).platforms[0].layers if layer.kind == "application"
        ]

        assert {each.path: f"{each.mode:04o} {each.uid}:{each.gid}" for each in entries(application)} == {
            "data": "0755 0:0", "data/a": "0644 5:6", "new": "0755 5:6", "new/a": "0644 5:6", "root": "0700 5:6",
            "root/a": "0644 5:6", "srv": "0755 0:0", "srv/x": "0755 5:6", "srv/x/a": "0644 5:6", "tmp": "1777 0:0",
            "tmp/a": "0644 5:6",
        }  # fmt: skip
        assert folders(spec, "/data/a", "/new/a", "/root/a", "/srv/x", "/tmp/a") == (("/data", "/srv"), [])

    def test_its_own_folder_is_no_file(self) -> None:
        files = [replace(DATA, target="/data", path="a")]
        with pytest.raises(InputError, match="/data is a folder of the image"):
            arrange(SPEC, with_image(has_workdir=False, has_folders=("/data",)), files)

    def test_links_files_and_folders_of_others_are_refused_when_it_is_locked(self) -> None:
        assert folders(SPEC, "/link/a", "/file/a", "/owned/x/a", "/home/you/a", "/none/x") == (
            ("/home",),
            [
                "its /file, which `copy` brings files into, is a file\nhint: choose another place",
                "its /link, which `copy` names, is a link\nhint: write /data for it in `copy`",
                "its /owned, which `copy` brings files into, is not plainly root's\n"
                "hint: choose a place that the base has not, or below a folder of root with mode 0755",
            ],
        )


def folders(spec: Spec, *targets: str) -> tuple[tuple[str, ...], list[str]]:
    """Return what a lock says of the folders of an image, and what is wrong with them."""
    rows = [[name, "dir", mode, owner, "", None] for name, mode, owner in (
        ("data", 0o755, 0), ("srv", 0o755, 0), ("root", 0o755, 7), ("tmp", 0o1777, 0), ("owned", 0o755, 7),
        ("home", 0o755, 0), ("home/you", 0o700, 7),
    )]  # fmt: skip
    rows += [["link", "link", 0o777, 0, "/data", None], ["file", "file", 0o644, 0, "", None]]
    rootfs, asked = Rootfs([rows]), replace(spec, copies=tuple((target, "x") for target in sorted(targets)))
    return list_folders(asked, rootfs), [str(each) for each in unfit_folders(asked, rootfs)]


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


def with_image(
    *,
    has_workdir: bool,
    has_volumes: tuple[str, ...] = (),
    has_folders: tuple[str, ...] = (),
    account: Account | None = None,
) -> Lock:
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
            has_folders=has_folders,
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
