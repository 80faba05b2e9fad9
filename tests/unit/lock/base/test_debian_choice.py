"""Which Debian packages a base is made of, which stay from one lock to the next, and what is said of those that move."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deb_builder import entry
from debian_archive import DATE, DebianArchives, Signer, make_signer, seeds, served, stanza
from onedigest.debian.index import installed
from onedigest.definition.spec import Spec
from onedigest.errors import InputError, NetworkError
from onedigest.lock.base import Base
from onedigest.lock.base.advisories import find_fixed_advisories, fixed_advisories
from onedigest.lock.base.debian import DebianBase
from onedigest.lock.base.debian_choice import resolve_above, resolve_debian
from onedigest.lock.base.debian_pins import EarlierPackages
from onedigest.lock.base.version_changes import find_version_changes
from onedigest.lock.model import Lock
from onedigest.platforms import ALL, AMD64, ARM64
from onedigest.workspace.moved_pins import say_moves

LATER = "Sun, 12 Jul 2026 10:16:37 UTC"
SEEDS = seeds()


@pytest.fixture(scope="module")
def signer() -> Signer:
    return make_signer()


@pytest.fixture
def archives(signer: Signer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DebianArchives]:
    with served(signer, tmp_path, monkeypatch) as found:
        yield found


def spec(*packages: str, **more: object) -> Spec:
    found = Spec(name="app", script="app.py", entrypoint=("x",), system_packages=packages)
    return replace(found, **more)  # type: ignore[arg-type]  # fields of mixed types


class Lab:
    """Resolves against archives that are published anew each time."""

    def __init__(self, archives: DebianArchives, folder: Path) -> None:
        self.archives = archives
        self._folder = folder

    def publish(self, main: str = "", security: str = "", **more: str) -> None:
        self.archives.publish("trixie", SEEDS + main, **more)
        self.archives.publish("trixie-updates", **more)
        self.archives.publish("trixie-security", security, **more)

    def resolve(self, asked: Spec, previous: Base | None = None, *moving: str, everything: bool = False) -> DebianBase:
        kept = (
            EarlierPackages(base=previous, platforms=ALL, moving=frozenset(moving), everything=everything)
            if previous
            else None
        )
        return resolve_debian(asked, "trixie", self.archives.sources(self._folder), kept)

    def said(self, before: Base, after: Base) -> list[str]:
        moves = find_version_changes(before, after)
        found = find_fixed_advisories(moves, after, self.archives.sources(self._folder))
        return say_moves(lock_of(before), lock_of(after), {move: found.get(move, ()) for move in moves})


@pytest.fixture
def lab(archives: DebianArchives, tmp_path: Path) -> Lab:
    return Lab(archives, tmp_path)


def lock_of(base: Base) -> Lock:
    return Lock(
        spec=base.releases[0].digest,
        asked="{}",
        script="app.py",
        version="1",
        platforms=ALL,
        base=base,
        packages=(),
        roots=(),
    )


def versions(base: Base) -> dict[str, str]:
    return {each.name: each.version for each in base.debian_packages}


def refused(lab: Lab, asked: Spec) -> str:
    with pytest.raises(InputError) as caught:
        lab.resolve(asked)
    return str(caught.value)


class TestEssential:
    def test_nothing_is_above_a_base_without_system_packages(self, lab: Lab) -> None:
        lab.publish()
        base = lab.resolve(spec())

        assert (base.essential_packages, base.system_packages) == ((), ())
        assert "mawk" not in versions(base)

    def test_essential_set_and_what_the_base_does_without_come_with_system_packages(self, lab: Lab) -> None:
        lab.publish(stanza("git", Depends="dpkg, base-files"))
        base = lab.resolve(spec("git"))

        assert [each.name for each in base.essential_packages] == ["dash", "dpkg", "mawk", "tar"]
        assert [each.name for each in base.system_packages] == ["git"]
        assert base.packages == lab.resolve(spec()).packages

    def test_package_of_the_essential_set_may_be_named(self, lab: Lab) -> None:
        lab.publish()

        assert lab.resolve(spec("dash")).system_packages == ()
        assert [each.name for each in lab.resolve(spec("debconf")).system_packages] == ["debconf"]

    def test_image_gets_what_it_lacks_of_the_essential_set(self, lab: Lab, tmp_path: Path) -> None:
        lab.publish(stanza("git"))
        names = ("base-files", "dpkg", "mawk", "libc6", "libc-bin")
        there = installed("\n".join(f"Package: {name}\nVersion: 9\n" for name in names))
        sources = lab.archives.sources(tmp_path)
        above = resolve_above(spec("git"), "trixie", dict.fromkeys(ALL, there), sources, None)

        assert [each.name for each in above.essential_packages] == ["dash"]
        assert [each.name for each in above.system_packages] == ["git"]
        assert [each.suite for each in above.releases] == ["trixie", "trixie-updates", "trixie-security"]


class TestArchives:
    def test_package_knows_the_suite_that_has_it(self, lab: Lab) -> None:
        lab.publish(stanza("git"), stanza("git", "2") + stanza("only-there"))
        base = lab.resolve(spec("git", "only-there"))

        assert {each.name: each.suite for each in base.system_packages} == dict.fromkeys(
            ("git", "only-there"), "trixie-security"
        )
        assert base.published(base.system_packages[0]) == ("trixie-security", DATE)
        assert base.published(base.packages[0]) == ("trixie", DATE)

    def test_security_may_be_left_out(self, lab: Lab) -> None:
        lab.publish(stanza("git"), stanza("git", "2"))
        base = lab.resolve(spec("git", security=False))

        assert versions(base)["git"] == "1"
        assert [each.suite for each in base.releases] == ["trixie", "trixie-updates"]

    def test_older_release_than_the_lock_knows_is_refused(self, lab: Lab) -> None:
        lab.publish()
        base = lab.resolve(spec())
        newer = replace(base, releases=tuple(replace(each, date=LATER) for each in base.releases))
        for everything in (True, False):
            with pytest.raises(NetworkError) as caught:
                lab.resolve(spec("dash"), newer, everything=everything)
            assert [str(each).replace(lab.archives.address, "") for each in caught.value.problems] == [
                f"/{place}/dists/{suite}/InRelease: the release file is of {DATE}, and app.py is locked with that of"
                f" {LATER}\nhint: use a mirror that is up to date, or remove the lock to begin anew"
                for place, suite in (
                    ("debian", "trixie"),
                    ("debian", "trixie-updates"),
                    ("debian-security", "trixie-security"),
                )
            ]

    def test_release_of_another_suite_is_no_older_one(self, lab: Lab) -> None:
        lab.publish()
        base = lab.resolve(spec())
        other = replace(
            base, releases=tuple(replace(each, suite=f"zz{each.suite}", date=LATER) for each in base.releases)
        )

        assert lab.resolve(spec(), other).releases == base.releases


class TestMissing:
    def test_package_that_no_platform_has_is_told_with_names_that_are_near(self, lab: Lab) -> None:
        lab.publish(stanza("libssl3t64") + stanza("libgl1") + stanza("libgl1-mesa-dri"))

        assert refused(lab, spec("libgl1-mesa-glx", "libssl3", "zzz")) == (
            "app.py: there is no Debian package `libgl1-mesa-glx` in trixie (main)\n"
            "hint: correct the name; there is libgl1, libgl1-mesa-dri\n"
            "app.py: there is no Debian package `libssl3` in trixie (main)\n"
            "hint: correct the name; there is libssl3t64\n"
            "app.py: there is no Debian package `zzz` in trixie (main)\n"
            "hint: correct the name"
        )

    def test_package_that_one_platform_lacks_is_told_with_it(self, lab: Lab) -> None:
        lab.publish()
        texts = {"amd64": SEEDS + stanza("intel"), "arm64": SEEDS}
        lab.archives.publish("trixie", texts)

        assert refused(lab, spec("intel")) == (
            "app.py: there is no Debian package `intel` for linux/arm64 in trixie (main)\n"
            'hint: set `platforms = ["linux/amd64"]`, or leave it out of `system-packages`'
        )
        assert lab.resolve(spec("intel", platforms=(AMD64,))).system_packages

    def test_dependency_that_one_platform_lacks_is_told_with_it(self, lab: Lab) -> None:
        lab.publish()
        tool = stanza("tool", Depends="intel, gone")
        lab.archives.publish("trixie", {"amd64": SEEDS + tool + stanza("intel"), "arm64": SEEDS + tool})

        assert refused(lab, spec("tool")) == (
            "Debian package `tool` needs gone, which is not there\n"
            "on linux/arm64: Debian package `tool` needs intel, which is not there"
        )


class TestPins:
    def test_pins_stay_while_something_is_added(self, lab: Lab) -> None:
        lab.publish(stanza("git") + stanza("curl"))
        before = lab.resolve(spec("git"))
        lab.publish(stanza("git") + stanza("curl"), stanza("git", "2") + stanza("libc6", "2.41-2"), Date=LATER)
        after = lab.resolve(spec("git", "curl"), before)

        assert versions(after) == {**versions(before), "curl": "1"}
        assert [each.date for each in after.releases] == [LATER] * 3
        assert lab.said(before, after) == ["new from Debian: curl 1"]

    def test_pin_that_no_index_has_any_more_stays_by_its_file(self, lab: Lab) -> None:
        lab.publish(stanza("curl"), lab.archives.keep("trixie-security", "git", "2", Depends="curl"))
        before = lab.resolve(spec("git"))
        lab.publish(stanza("curl"), stanza("git", "3"), Date=LATER)
        after = lab.resolve(spec("git", "tar"), before)
        git = next(each for each in after.system_packages if each.name == "git")

        assert (git.version, git.suite, git.date) == ("2", "trixie-security", DATE)
        assert after.published(git) == ("trixie-security", DATE)
        assert "curl" in versions(after)
        again = lab.resolve(spec("git"), after)
        assert next(each for each in again.system_packages if each.name == "git") == git

    def test_pin_whose_file_nobody_has_is_chosen_anew(self, lab: Lab) -> None:
        lab.publish(security=stanza("git", "2"))
        before = lab.resolve(spec("git"))
        lab.publish(security=stanza("git", "3"), Date=LATER)
        after = lab.resolve(spec("git", "tar"), before)

        assert versions(after)["git"] == "3"
        assert lab.said(before, after) == ["git 2 -> 3 (Debian security)"]

    def test_pin_moves_where_a_new_package_needs_it(self, lab: Lab) -> None:
        lab.publish(stanza("lib") + stanza("git", Depends="lib") + stanza("other"))
        before = lab.resolve(spec("git", "other"))
        newer = stanza("lib", "2") + stanza("other", "2") + stanza("curl", Depends="lib (>= 2)")
        lab.publish(stanza("lib") + stanza("git", Depends="lib") + stanza("other"), newer, Date=LATER)
        after = lab.resolve(spec("curl", "git", "other"), before)

        assert lab.said(before, after) == ["lib 1 -> 2 (Debian security)", "new from Debian: curl 1"]

    def test_pin_of_the_base_moves_where_a_new_package_needs_it(self, lab: Lab) -> None:
        lab.publish()
        before = lab.resolve(spec())
        lab.publish(stanza("curl", Depends="libc6 (>= 2.41-2)"), stanza("libc6", "2.41-2"), Date=LATER)
        after = lab.resolve(spec("curl"), before)

        assert versions(after)["libc6"] == "2.41-2"

    def test_named_package_moves_with_what_it_needs_alone(self, lab: Lab) -> None:
        main = stanza("git", Depends="lib") + stanza("lib") + stanza("other")
        lab.publish(main)
        before = lab.resolve(spec("git", "other"))
        newer = stanza("git", "2", Depends="lib (= 2)") + stanza("lib", "2") + stanza("other", "2")
        lab.publish(main, newer + stanza("libc6", "2.41-9"), Date=LATER)

        assert lab.said(before, lab.resolve(spec("git", "other"), before, "git")) == [
            "git 1 -> 2 (Debian security)",
            "lib 1 -> 2 (Debian security)",
        ]
        assert versions(lab.resolve(spec("git", "other"), before, "libc6"))["libc6"] == "2.41-9"

    def test_pin_moves_with_a_package_that_it_needs_in_one_version(self, lab: Lab) -> None:
        lab.publish(stanza("perl", Depends="perl-base (= 1)") + stanza("perl-base"))
        before = lab.resolve(spec("perl"))
        newer = stanza("perl", "2", Depends="perl-base (= 2)") + stanza("perl-base", "2")
        lab.publish(security=newer, Date=LATER)
        after = lab.resolve(spec("perl"), before, "perl-base")

        assert (versions(after)["perl"], versions(after)["perl-base"]) == ("2", "2")

    @pytest.mark.parametrize("also", [(), ("qt",)])
    def test_pin_moves_where_its_newest_version_alone_provides_something(self, also: tuple[str, ...], lab: Lab) -> None:
        tool = stanza("tool", Depends="abi-2")
        lab.publish(stanza("qt", Provides="abi-1"))
        before = lab.resolve(spec("qt"))
        lab.publish(stanza("qt", Provides="abi-1") + tool, stanza("qt", "2", Provides="abi-2"), Date=LATER)

        assert versions(lab.resolve(spec("tool", *also), before))["qt"] == "2"

    def test_pin_that_a_new_package_breaks_moves(self, lab: Lab) -> None:
        lab.publish(stanza("lib"))
        before = lab.resolve(spec("lib"))
        lab.publish(stanza("lib", "2") + stanza("curl", Breaks="lib (<< 2)"), Date=LATER)

        assert versions(lab.resolve(spec("curl", "lib"), before))["lib"] == "2"

    def test_new_platform_takes_the_versions_of_the_other(self, lab: Lab, tmp_path: Path) -> None:
        lab.publish(stanza("git"))
        before = lab.resolve(spec("git", platforms=(ARM64,)))
        lab.publish(stanza("git"), stanza("git", "2"), Date=LATER)
        kept = EarlierPackages(base=before, platforms=(ARM64,))
        after = resolve_debian(spec("git"), "trixie", lab.archives.sources(tmp_path), kept)

        assert versions(after)["git"] == "1"
        assert [each.platforms for each in after.system_packages] == [ALL]

    def test_everything_moves_where_it_may(self, lab: Lab) -> None:
        lab.publish(stanza("git"))
        before = lab.resolve(spec("git"))
        lab.publish(stanza("git"), stanza("git", "2"), Date=LATER)

        assert versions(lab.resolve(spec("git"), before, everything=True))["git"] == "2"

    def test_pins_of_the_security_archive_do_not_stay_without_it(self, lab: Lab) -> None:
        lab.publish(stanza("git"), stanza("git", "2"))
        before = lab.resolve(spec("git"))

        assert versions(lab.resolve(spec("git", security=False), before))["git"] == "1"


class TestWords:
    def test_packages_of_one_source_are_one_line_for_all_platforms(self, lab: Lab) -> None:
        def source(version: str) -> str:
            names = ("libssl3t64", "openssl")
            return "".join(stanza(each, version, Filename=f"pool/o/openssl/{each}_{version}.deb") for each in names)

        lab.publish(source("1"))
        before = lab.resolve(spec("libssl3t64", "openssl"))
        lab.publish(source("2"), Date=LATER)
        after = lab.resolve(spec("libssl3t64", "openssl"), before, everything=True)

        assert lab.said(before, after) == ["libssl3t64, openssl 1 -> 2 (Debian)"]

    def test_platform_is_named_where_one_moves_alone(self, lab: Lab) -> None:
        lab.publish(stanza("git"))
        before = lab.resolve(spec("git"))
        lab.archives.publish("trixie", {"amd64": SEEDS + stanza("git"), "arm64": SEEDS + stanza("git", "1+b1")})

        assert lab.said(before, lab.resolve(spec("git"), before, everything=True)) == [
            "git 1 -> 1+b1 (Debian on linux/arm64)"
        ]

    def test_vulnerabilities_that_are_mended_are_named_by_the_changelog(self, lab: Lab) -> None:
        text = (
            "git (3) trixie-security; urgency=medium\n\n  * CVE-2026-12345 and CVE-2025-0002: x.\n\n -- A <a@b>  x\n\n"
            "git (2) trixie; urgency=low\n\n  * CVE-2026-1111\n\n"
            "git (1) trixie; urgency=low\n\n  * CVE-2020-1\n"
        )
        log = entry("./usr/share/doc/git/changelog.Debian.gz", gzip.compress(text.encode()))
        lab.publish(stanza("git", "2"))
        before = lab.resolve(spec("git"))
        lab.publish(stanza("git", "2"), lab.archives.keep("trixie-security", "git", "3", [log]), Date=LATER)
        after = lab.resolve(spec("git"), before, everything=True)

        assert lab.said(before, after) == ["git 2 -> 3 (Debian security: CVE-2025-0002, CVE-2026-12345)"]
        assert fixed_advisories(text, "1") == ("CVE-2025-0002", "CVE-2026-1111", "CVE-2026-12345")

    def test_what_came_and_went_is_counted(self, lab: Lab) -> None:
        names = [f"p{number:02}" for number in range(15)]
        lab.publish("".join(map(stanza, names)))
        before, after = lab.resolve(spec("tar")), lab.resolve(spec("tar", *names))

        told = "p00 1, p01 1, p02 1, p03 1, p04 1, p05 1, p06 1, p07 1, p08 1, p09 1, p10 1, p11 1 and 3 more"
        assert lab.said(before, after) == [f"new from Debian: {told}"]
        assert lab.said(after, before) == [f"gone from Debian: {told}"]
