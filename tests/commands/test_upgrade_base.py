"""What moves Debian's packages in a lock, and what does not, by archives on loopback."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import Project
from debian_archive import DebianArchives, make_signer, seeds, served, stanza
from index_server import IndexServer
from locking import Locking
from onedigest.definition.project import Project as Defaults
from onedigest.definition.script import parse
from onedigest.definition.spec import specify
from onedigest.errors import InputError
from onedigest.lock import text as lock_text
from onedigest.lock.staleness import refuse_other_answer
from wheel_builder import build_wheel

EARLY, LATE = "Sat, 11 Jan 2025 10:16:37 UTC", "Sun, 12 Jan 2025 10:16:37 UTC"


class Lab(Locking):
    """A project with `app.py`, an index that has `alpha`, and Debian's archives."""

    archives: DebianArchives

    def publish(self, main: str = "", security: str = "", date: str = EARLY) -> None:
        for suite, python in (("trixie", "3.13.5"), ("bookworm", "3.11.2")):
            self.archives.publish(suite, seeds(python) + main, Date=date, Suite=suite)
            self.archives.publish(f"{suite}-updates", Date=date)
            self.archives.publish(f"{suite}-security", security, Date=date)

    def script(self, *lines: str, python: str = ">=3.11", name: str = "app.py") -> None:
        self.project.script(
            name, f'requires-python = "{python}"', 'dependencies = ["alpha"]', "[tool.onedigest]", *lines
        )

    def base(self) -> dict[str, Any]:
        found: dict[str, Any] = tomllib.loads(self.read("lockfiles/app/pylock.toml"))["tool"]["onedigest"]["base"]
        return found

    def suites(self) -> list[str]:
        return [each["suite"] for each in self.base()["releases"]]

    def version(self, name: str) -> str:
        rows = (row for kind in ("", "essential-", "system-") for row in self.base().get(f"{kind}packages", ()))
        return next(str(row["version"]) for row in rows if row["name"] == name)


@pytest.fixture
def lab(
    project: Project,
    index: IndexServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Lab]:
    build_wheel(index.folder, "alpha", "1.0")
    with served(make_signer(), tmp_path, monkeypatch) as archives:
        project.environment["ONEDIGEST_DEBIAN_MIRROR"] = f"{archives.address}/debian"
        project.environment["XDG_CACHE_HOME"] = str(tmp_path / "cache")
        for name, value in project.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(project.root)
        found = Lab(project, index, capsys)
        found.archives = archives
        found.publish(stanza("git"))
        project.write("onedigest.toml", 'scripts = ["*.py"]\n')
        yield found


def test_nothing_moves_until_it_is_asked_for(lab: Lab) -> None:
    lab.script('system-packages = ["git"]')
    lab.ok("generate", "app.py")
    build_wheel(lab.index.folder, "alpha", "1.1")
    lab.publish(stanza("git"), stanza("git", "2"), LATE)
    assert lab.ok("generate", "app.py").err.startswith("app: unchanged, ")
    lab.script('system-packages = ["git", "tar"]')
    lab.ok("generate", "app.py")
    assert lab.version("git") == "1"
    assert lab.ok("generate", "app.py", "--upgrade-base").err == (
        # no mirror of this test has the files
        "warning: app.py:5: what scripts of its Debian packages leave undone is not known, since the packages cannot be"
        " reached\nhint: run `onedigest generate --strict` with a network\n"
        "app: locked, 1 package in 1 wheel on debian:trixie with Python 3.13.5\n  git 1 -> 2 (Debian security)\n"
    )
    assert lab.version("git") == "2"
    assert lab.ok("generate", "app.py", "--upgrade").err.endswith("\n  alpha 1.0 -> 1.1\n")


def test_one_debian_package_moves_by_its_name(lab: Lab) -> None:
    lab.script('system-packages = ["git"]')
    lab.ok("generate", "app.py")
    build_wheel(lab.index.folder, "alpha", "1.1")
    lab.publish(stanza("git"), stanza("git", "2") + stanza("libc6", "2.41-2"), LATE)
    assert lab.ok("generate", "app.py", "--upgrade-package", "libc6").err.endswith(
        "\n  libc6 2.41-1 -> 2.41-2 (Debian security)\n"
    )
    assert (lab.version("git"), lab.version("libc6")) == ("1", "2.41-2")


def test_package_that_no_lock_has_is_told_with_names_that_are_near(lab: Lab) -> None:
    lab.script('system-packages = ["git"]')
    lab.script(name="other.py")
    lab.ok("generate", "--all")
    hint = "hint: did you mean `git`?\n"

    alone = lab.run("generate", "--upgrade-package", "gitt", "app.py")
    assert (alone.code, alone.err) == (1, f"error: `--upgrade-package gitt`: the lock has no such package\n{hint}")
    several = lab.run("generate", "--upgrade-package", "gitt", "--upgrade-package", "git", "--all")
    assert several.code == 1
    assert several.err.endswith(f"error: `--upgrade-package gitt`: no lock has such a package\n{hint}")


def test_base_of_all_images_moves_at_once(lab: Lab) -> None:
    lab.script()
    lab.script(name="other.py")
    lab.ok("generate", "--all")
    lab.publish(security=stanza("libc6", "2.41-2"), date=LATE)

    moved = "\n  libc6 2.41-1 -> 2.41-2 (Debian security)\n"
    assert lab.ok("generate", "--all", "--upgrade-base").err.count(moved) == 2


def test_suite_of_a_lock_stays_while_its_python_fits(lab: Lab) -> None:
    lab.script(python="==3.11.*")
    lab.ok("generate", "app.py")
    assert lab.suites() == ["bookworm", "bookworm-security", "bookworm-updates"]
    lab.script(python=">=3.11")
    lab.ok("generate", "app.py")
    assert lab.suites()[0] == "bookworm"
    assert "\n  base debian:bookworm -> debian:trixie\n" in lab.ok("generate", "app.py", "--upgrade-base").err
    lab.script(python="==3.11.*")
    lab.ok("generate", "app.py")
    assert lab.suites()[0] == "bookworm"


def test_security_updates_can_be_switched_off_and_the_lock_says_so(lab: Lab) -> None:
    lab.publish(stanza("git"), stanza("git", "2"))
    lab.script('system-packages = ["git"]', "security = false")
    lab.ok("generate", "app.py")
    assert lab.suites() == ["trixie", "trixie-updates"]
    assert lab.version("git") == "1"
    assert "\nsecurity = false\n" in lab.read("lockfiles/app/pylock.toml")
    lab.script('system-packages = ["git"]')
    assert lab.ok("generate", "app.py").err.endswith("\n  git 1 -> 2 (Debian security)\n")
    assert lab.suites() == ["trixie", "trixie-security", "trixie-updates"]


def test_lock_that_states_other_archives_than_are_asked_for_is_no_answer(lab: Lab) -> None:
    for line, other, said in (
        ("", "security = false", "it states a release of trixie-security, and `security` is false"),
        ("security = false", "", "it states no release of trixie-security, and `security` is not false"),
    ):
        lab.script(line) if line else lab.script()
        lab.ok("generate", "app.py")
        lock = lock_text.loads(lab.read("lockfiles/app/pylock.toml"), "lock")
        text = lab.read("app.py").replace("# [tool.onedigest]\n", f"# [tool.onedigest]\n# {other}\n")
        text = text if other else text.replace("# security = false\n", "")
        wanted = specify(parse(text.encode(), "app.py"), Defaults(root=Path(), file="", table={}), "app.py")
        with pytest.raises(InputError, match=said):
            refuse_other_answer(wanted, lock, "lock")


def test_security_archive_that_is_gone_ends_the_work_without_a_lock(lab: Lab) -> None:
    lab.script()
    del lab.archives.files["/debian-security/dists/trixie-security/InRelease"]
    result = lab.run("generate", "app.py")

    assert result.code == 4
    assert (
        result.err.count("the server answered 404\nhint: set ONEDIGEST_DEBIAN_SECURITY_MIRROR to the address of a") == 2
    )
    assert "`security = false` in [tool.onedigest] goes without security updates\n" in result.err
    assert not (lab.root / "lockfiles" / "app").exists()


def test_package_cannot_be_removed_by_name(lab: Lab) -> None:
    lab.script('system-packages = ["bash-", "git"]')

    assert lab.run("generate", "app.py").err == (
        "error: app.py:5: `system-packages` has 'bash-', but nothing is removed: what other packages need is there, and"
        " so are Debian's essential packages; leave it out\n"
    )
