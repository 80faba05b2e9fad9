"""Alternatives are what the real update-alternatives makes of the same calls on the same files."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from onedigest.assembler.configuration.alternatives import alternative_of, make_alternatives
from onedigest.assembler.configuration.system import System
from onedigest.assembler.deb import Package
from onedigest.assembler.entry import Entry, file_entry

ROOT = ("bin", "sbin", "lib")


def package(name: str, postinst: str, *paths: str) -> Package:
    """Return a package of empty files, and of links where a path says to what."""
    entries = []
    for path in paths:
        link, _, target = path.partition(" -> ")
        made = file_entry(link, b"", executable=True, origin=name)
        entries.append(Entry(link, "link", 0o777, target=target, origin=name) if target else made)
    control = f"Package: {name}\nArchitecture: amd64\n".encode()
    return Package(name, control, b"", {"postinst": f"#!/bin/sh\nset -e\n{postinst}".encode()}, tuple(entries))


def made(*packages: Package) -> dict[str, str]:
    """Return what is made of packages: the targets of links, and the texts of files."""
    files = {entry.path: entry for each in packages for entry in each.entries}
    found = make_alternatives(System(files, packages))
    return {each.path: each.target if each.kind == "link" else bytes(each.content).decode() for each in found}  # type: ignore[arg-type]  # at hand


def really_made(root: Path, *packages: Package) -> dict[str, str]:
    """Return the same of running the scripts with the real update-alternatives below a root."""
    for name in ROOT:
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    for name in ("dev", "etc/alternatives", "var/lib/dpkg/alternatives"):
        (root / name).mkdir(parents=True)
    for entry in (entry for each in packages for entry in each.entries):
        (root / entry.path).parent.mkdir(parents=True, exist_ok=True)
        if entry.kind == "link":
            (root / entry.path).symlink_to(entry.target)
        else:
            (root / entry.path).write_bytes(b"")
    before = contents(root)
    wrapper = root.with_name("commands") / "update-alternatives"
    wrapper.parent.mkdir()
    real = shutil.which("update-alternatives")
    wrapper.write_text(f'#!/bin/sh\nexec {real} --quiet --root {root} --log /dev/null "$@"\n', encoding="utf-8")
    wrapper.chmod(0o755)
    environment = {"PATH": f"{wrapper.parent}:{os.environ['PATH']}", "root": str(root)}
    for each in packages:
        script = each.scripts["postinst"].decode().replace("set -e\n", "")
        subprocess.run(["sh", "-c", script, "postinst", "configure", ""], env=environment, timeout=60, check=False)
    return {path: what for path, what in contents(root).items() if before.get(path) != what and path != "dev/null"}


def contents(root: Path) -> dict[str, str]:
    """Return the targets of the links, and the texts of the files, below a folder."""
    found = {}
    for folder, names, files in os.walk(root):
        for name in (*names, *files):
            path = Path(folder) / name
            if path.is_symlink() or path.is_file():
                found[str(path.relative_to(root))] = (
                    str(path.readlink()) if path.is_symlink() else path.read_text(encoding="utf-8")
                )
    return found


MAWK = package(
    "mawk",
    """
if [ "$1" = "configure" ] || [ "$1" = "abort-upgrade" ]; then
\tupdate-alternatives --quiet --install /usr/bin/awk awk /usr/bin/mawk 5 \\
\t\t--slave /usr/share/man/man1/awk.1.gz awk.1.gz /usr/share/man/man1/mawk.1.gz \\
\t\t--slave /usr/bin/nawk nawk /usr/bin/mawk
fi
""",
    "usr/bin/mawk",
    "usr/share/man/man1/mawk.1.gz",
)
GAWK = package(
    "gawk",
    """
case "$1" in
configure)
  update-alternatives --quiet --install /usr/bin/awk awk /usr/bin/gawk 10 --slave /usr/bin/nawk nawk /usr/bin/none
;; esac
""",
    "usr/bin/gawk",
)
TOOLS = package(
    "jre",
    """
basedir=/usr/lib/jvm/java-21-openjdk-amd64
jre_tools='java keytool'
case "$1" in
configure)
    if [ -z "$2" ]; then
        update_alternatives=y
    fi
    if [ "$update_alternatives" = y ]; then
    for i in $jre_tools; do
        unset slave1 || true
        if [ -e $root$basedir/man/$i.1.gz ]; then
            slave1="--slave \\
                /usr/share/man/man1/$i.1.gz \\
                $i.1.gz \\
                $basedir/man/$i.1.gz"
        fi
        update-alternatives --install /usr/bin/$i $i $basedir/bin/$i 2111 $slave1
    done
    fi
    ;;
esac
""",
    "usr/lib/jvm/java-21-openjdk-amd64/bin/java",
    "usr/lib/jvm/java-21-openjdk-amd64/bin/keytool",
    "usr/lib/jvm/java-21-openjdk-amd64/man/java.1.gz",
    "usr/share/man/man1/other.1.gz",
)
LONG = package(
    "xz",
    """
slave () {
    dir=$1 filename=$2 target=$3
    echo "--slave $dir/$filename $filename $dir/$target"
}
update-alternatives --install /usr/bin/lzma lzma /usr/bin/xz 20 $(
    slave /usr/bin unlzma unxz
    for util in cat more
    do
        slave /usr/bin lz$util xz$util
    done
)
""",
    "usr/bin/xz",
    "usr/bin/unxz",
    "usr/bin/xzcat",
)


def several(*calls: str) -> str:
    """Return a script of some calls."""
    return "\n".join(f"update-alternatives --install {call}" for call in calls)


@pytest.mark.parametrize(
    "packages",
    [
        (MAWK,),
        (GAWK, MAWK),
        (TOOLS,),
        (LONG,),
        # equal priorities, in an order that is not that of the paths, and a third
        (
            package("a", several("/usr/bin/x x /usr/bin/z 5"), "usr/bin/z"),
            package("b", several("/usr/bin/x x /usr/bin/y 5"), "usr/bin/y"),
        ),
        (
            package("a", several("/usr/bin/x x /usr/bin/z 5", "/usr/bin/x x /usr/bin/y 5"), "usr/bin/z", "usr/bin/y"),
            package("c", several("/usr/bin/x x /usr/bin/w 1"), "usr/bin/w"),
        ),
        (
            package(
                "a",
                several(*(f"/usr/bin/x x /usr/bin/{each}" for each in ("v 5", "z 5", "y 5", "v 3"))),
                *(f"usr/bin/{each}" for each in "vyz"),
            ),
        ),
        # one that is installed twice, with another priority
        (
            package("a", several("/usr/bin/x x /usr/bin/z 5", "/usr/bin/x x /usr/bin/y 6"), "usr/bin/z", "usr/bin/y"),
            package("b", several("/usr/bin/x x /usr/bin/y -6")),
        ),
        # a file stands where a link would, and a link that is replaced
        (package("a", several("/usr/bin/x x /usr/bin/y 5"), "usr/bin/x", "usr/bin/y"),),
        (package("a", several("/usr/bin/x x /usr/bin/y 5"), "usr/bin/x -> other", "usr/bin/y"),),
        # a path through the links of a merged /usr
        (package("a", several("/bin/nc nc /bin/nc.openbsd 50"), "usr/bin/nc.openbsd"),),
        # a chosen one without the file that another brings for the same name
        (
            package(
                "a", several("/usr/bin/x x /usr/bin/y 5 --slave /usr/bin/o o /usr/bin/o1"), "usr/bin/y", "usr/bin/o1"
            ),
            package("b", several("/usr/bin/x x /usr/bin/z 9"), "usr/bin/z"),
        ),
    ],
    ids=lambda packages: "+".join(each.name for each in packages),
)
def test_links_are_those_of_update_alternatives(packages: tuple[Package, ...], tmp_path: Path) -> None:
    assert made(*packages) == really_made(tmp_path / "root", *packages)


@pytest.mark.parametrize(("first", "second"), [(MAWK, GAWK), (GAWK, MAWK)], ids=["better", "worse"])
def test_those_of_an_image_below_count(first: Package, second: Package) -> None:
    files = {entry.path: entry for each in (first, second) for entry in each.entries}
    below = {entry.path: entry for entry in make_alternatives(System(files, (first,)))}
    above = {entry.path: entry for entry in make_alternatives(System({**files, **below}, (second,)))}
    together = {entry.path: entry for entry in make_alternatives(System(files, (first, second)))}

    for path in ("etc/alternatives/awk", "var/lib/dpkg/alternatives/awk"):
        assert {**below, **above}[path] == together[path]


def test_a_choice_by_hand_in_an_image_below_stays() -> None:
    files = {entry.path: entry for each in (GAWK, MAWK) for entry in each.entries}
    noted = "var/lib/dpkg/alternatives/awk"
    chosen = file_entry(noted, b"manual\n/usr/bin/awk\n\n/usr/bin/mawk\n5\n\n", executable=False, origin="below")

    assert list(make_alternatives(System({**files, noted: chosen}, (GAWK,)))) == []


def test_the_highest_priority_wins() -> None:
    found = made(GAWK, MAWK)

    assert found["etc/alternatives/awk"] == "/usr/bin/gawk"
    assert found["usr/bin/awk"] == "/etc/alternatives/awk"
    assert "usr/bin/nawk" not in found


def test_a_file_that_is_not_there_is_no_alternative() -> None:
    assert made(package("a", several("/usr/bin/x x /usr/bin/y 5"))) == {}


@pytest.mark.parametrize(
    "words",
    [
        "--install /usr/bin/x x /usr/bin/y",
        "--install /usr/bin/x x /usr/bin/y five",
        "--install /usr/bin/x ../x /usr/bin/y 5",
        "--install /usr/bin/../x x /usr/bin/y 5",
        "--install usr/bin/x x /usr/bin/y 5",
        "--install /usr/bin/x x /usr/bin/y 5 --slave /usr/bin/o o",
        "--remove x /usr/bin/y",
        "--auto x",
    ],
)
def test_a_call_that_is_not_whole_is_not_taken(words: str) -> None:
    assert alternative_of(["update-alternatives", *words.split()]) is None


def test_a_call_with_an_unknown_word_is_not_taken() -> None:
    assert alternative_of(["update-alternatives", "--install", "/usr/bin/x", "x", None, "5"]) is None


@pytest.mark.parametrize(
    "postinst",
    [
        'db_get a/b\nif [ "$RET" = true ]; then\nupdate-alternatives --install /usr/bin/x x /usr/bin/y 5\nfi',
        "grep -q x /etc/x || exit 0\nupdate-alternatives --install /usr/bin/x x /usr/bin/y 5",
        "while read x; do update-alternatives --install /usr/bin/x x /usr/bin/y 5; done",
        'x=$(cat /etc/x)\nupdate-alternatives --install /usr/bin/x x "$x" 5',
        'if [ "$1" = remove ]; then update-alternatives --install /usr/bin/x x /usr/bin/y 5; fi',
        'if dpkg --compare-versions "$2" ge 1; then update-alternatives --install /usr/bin/x x /usr/bin/y 5; fi',
        "if true; then update-alternatives --install /usr/bin/x x /usr/bin/y 5",
    ],
)
def test_what_is_not_certain_is_not_made(postinst: str) -> None:
    assert made(package("a", postinst, "usr/bin/y")) == {}


def test_a_script_of_another_language_makes_nothing() -> None:
    scripts: Mapping[str, bytes] = {"postinst": b"#!/usr/bin/perl\nupdate-alternatives --install /usr/bin/x x /y 5\n"}
    other = Package("a", b"", b"", scripts, (file_entry("y", b"", executable=True, origin="a"),))

    assert made(other) == {}
