"""A suite with its updates and its security archive: what counts, from where, and when none of it does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from debian_archive import DATE, NOW, DebianArchives, Signer, make_signer, served, stanza
from onedigest.debian import signature
from onedigest.debian.archive import Suite
from onedigest.debian.mirror import Mirrors
from onedigest.errors import NetworkError

OTHER = "use another mirror: set ONEDIGEST_DEBIAN_MIRROR to its address"
WITHOUT = (
    "set ONEDIGEST_DEBIAN_SECURITY_MIRROR to the address of a mirror that has it; `security = false` in"
    " [tool.onedigest] goes without security updates"
)


@pytest.fixture(scope="module")
def signer() -> Signer:
    return make_signer()


@pytest.fixture
def archives(signer: Signer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DebianArchives]:
    with served(signer, tmp_path, monkeypatch) as found:
        found.publish_all()
        yield found


def read(
    archives: DebianArchives,
    folder: Path,
    *,
    security: bool = True,
    mirrors: Mirrors | None = None,
    now: datetime = NOW,
) -> Suite:
    return archives.archive(folder, mirrors, now).read("trixie", ("amd64", "arm64"), security=security)


def refused(archives: DebianArchives, folder: Path, now: datetime = NOW) -> list[str]:
    with pytest.raises(NetworkError) as caught:
        read(archives, folder, now=now)
    return [str(each).replace(archives.address, "") for each in caught.value.problems]


def test_newest_version_of_all_archives_counts(archives: DebianArchives, tmp_path: Path) -> None:
    archives.publish_all(
        trixie=stanza("a", "1.9") + stanza("b", "2") + stanza("c", "1") + stanza("d"),
        updates=stanza("b", "10") + stanza("c", "1~rc"),
        security=stanza("a", "1.10") + stanza("a", "1.8") + stanza("d") + stanza("e"),
    )
    packages = read(archives, tmp_path).packages["arm64"]
    found = {name: (each.version, each.suite) for name in "abcde" if (each := packages.get(name))}

    assert found == {
        "a": ("1.10", "trixie-security"),
        "b": ("10", "trixie-updates"),
        "c": ("1", "trixie"),
        "d": ("1", "trixie"),
        "e": ("1", "trixie-security"),
    }
    assert [each.version for each in packages.versions("a")] == ["1.10", "1.9", "1.8"]


def test_provider_that_a_newer_version_replaced_does_not_count(archives: DebianArchives, tmp_path: Path) -> None:
    archives.publish_all(
        trixie=stanza("a", Provides="mail") + stanza("b", Provides="mail"), security=stanza("a", "2") + stanza("c")
    )
    packages = read(archives, tmp_path).packages["amd64"]

    assert [each.name for each, _ in packages.providers("mail")] == ["b"]


def test_essential_packages_are_those_of_the_newest_versions(archives: DebianArchives, tmp_path: Path) -> None:
    archives.publish_all(
        trixie=stanza("a", Essential="yes") + stanza("b", Essential="yes") + stanza("c", Essential="no"),
        security=stanza("b", "2") + stanza("d", Essential="yes"),
    )

    assert read(archives, tmp_path).packages["amd64"].essential() == ["a", "d"]


def test_each_release_is_stated(archives: DebianArchives, tmp_path: Path) -> None:
    archives.publish("trixie-security", Date="Sat, 11 Jul 2026 12:00:00 UTC")

    assert [(each.suite, each.date) for each in read(archives, tmp_path).releases] == [
        ("trixie", DATE),
        ("trixie-updates", DATE),
        ("trixie-security", "Sat, 11 Jul 2026 12:00:00 UTC"),
    ]


def test_nothing_of_the_security_archive_is_asked_where_it_is_not_wanted(
    archives: DebianArchives, tmp_path: Path
) -> None:
    found = read(archives, tmp_path, security=False)

    assert [each.suite for each in found.releases] == ["trixie", "trixie-updates"]
    assert not [path for path in archives.asked if "security" in path]


def test_security_archive_that_is_not_there_ends_the_work(archives: DebianArchives, tmp_path: Path) -> None:
    del archives.files["/debian-security/dists/trixie-security/InRelease"]

    assert refused(archives, tmp_path) == [
        f"/debian-security/dists/trixie-security/InRelease: the server answered 404\nhint: {WITHOUT}",
        "/snapshot/debian-security/99990101T000000Z/dists/trixie-security/InRelease: the server answered 404\n"
        f"hint: {WITHOUT}",
    ]


def test_index_of_the_security_archive_that_is_not_there_ends_the_work(
    archives: DebianArchives, tmp_path: Path
) -> None:
    archives.publish("trixie-security", stanza("a"))
    archives.files = {path: data for path, data in archives.files.items() if "security/main" not in path}
    found = refused(archives, tmp_path)

    assert found
    assert [each for each in found if not each.endswith(f"the server answered 404\nhint: {WITHOUT}")] == []


def test_updates_that_are_not_there_end_the_work(archives: DebianArchives, tmp_path: Path) -> None:
    del archives.files["/debian/dists/trixie-updates/InRelease"]

    assert refused(archives, tmp_path)[0] == "/debian/dists/trixie-updates/InRelease: the server answered 404"


def test_network_that_is_gone_is_not_taken_for_a_security_archive_that_is(
    archives: DebianArchives, tmp_path: Path
) -> None:
    archives.files = {}

    assert not [each for each in refused(archives, tmp_path) if "hint" in each]


@pytest.mark.parametrize(
    ("suite", "fields", "said"),
    [
        ("trixie-security", {"Valid_Until": "Sat, 11 Jul 2026 23:59:59 UTC"}, f"/debian-security/dists/trixie-security/InRelease: the release file expired on Sat, 11 Jul 2026 23:59:59 UTC\nhint: {WITHOUT}"),
        ("trixie-updates", {"Valid_Until": "Sat, 11 Jul 2026 23:59:59 UTC"}, f"/debian/dists/trixie-updates/InRelease: the release file expired on Sat, 11 Jul 2026 23:59:59 UTC\nhint: {OTHER}, or set the clock of this machine"),
        ("trixie", {"Valid_Until": "tomorrow"}, "/debian/dists/trixie/InRelease: the `Valid-Until` of the release file is 'tomorrow', which is none"),
        ("trixie", {"Date": "Mon, 13 Jul 2026 00:00:01 UTC"}, "/debian/dists/trixie/InRelease: the release file is of Mon, 13 Jul 2026 00:00:01 UTC, which is to come\nhint: set the clock of this machine"),
        ("trixie-security", {"Codename": "trixie"}, f"/debian-security/dists/trixie-security/InRelease: the release file is of trixie\nhint: {WITHOUT}"),
        ("trixie-security", {"Codename": "bookworm-security"}, f"/debian-security/dists/trixie-security/InRelease: the release file is of bookworm-security\nhint: {WITHOUT}"),
    ],
    ids=map(str, range(99)),
)  # fmt: skip
def test_release_file_that_does_not_count_now_is_refused(
    suite: str, fields: dict[str, str], said: str, archives: DebianArchives, tmp_path: Path
) -> None:
    archives.publish(suite, **fields)

    assert refused(archives, tmp_path)[0] == said


def test_release_file_counts_until_its_last_second(archives: DebianArchives, tmp_path: Path) -> None:
    archives.publish("trixie-security", Valid_Until="Sun, 12 Jul 2026 00:00:00 UTC")

    assert read(archives, tmp_path, now=NOW).releases
    with pytest.raises(NetworkError):
        read(archives, tmp_path, now=NOW + timedelta(seconds=1))


def test_mirror_that_is_late_is_passed_over(archives: DebianArchives, tmp_path: Path) -> None:
    fresh = archives.files["/debian-security/dists/trixie-security/InRelease"]
    archives.publish("trixie-security", Valid_Until=DATE)
    archives.files["/other/dists/trixie-security/InRelease"] = fresh
    mirrors = replace(archives.mirrors, security=(*archives.mirrors.security, f"{archives.address}/other"))

    assert read(archives, tmp_path, mirrors=mirrors).releases[2].date == DATE


def test_mirror_that_debian_did_not_sign_is_passed_over(archives: DebianArchives, tmp_path: Path) -> None:
    archives.files["/strange/dists/trixie/InRelease"] = make_signer().sign("Codename: trixie\n")
    mirrors = replace(archives.mirrors, debian=(f"{archives.address}/strange", *archives.mirrors.debian))

    assert read(archives, tmp_path, mirrors=mirrors).releases[0].suite == "trixie"


def test_source_of_apt_may_say_that_its_release_files_never_expire(archives: DebianArchives, tmp_path: Path) -> None:
    archives.publish("trixie-security", Valid_Until=DATE)
    mirrors = replace(archives.mirrors, unchecked=frozenset(archives.mirrors.security))

    assert read(archives, tmp_path, mirrors=mirrors).releases[2].date == DATE


def test_index_is_found_where_a_mirror_has_no_folder_of_hashes(archives: DebianArchives, tmp_path: Path) -> None:
    archives.publish("trixie", stanza("a"))
    for path in [each for each in archives.files if "/debian/dists/trixie/main/binary-" in each]:
        archives.files[f"{path.partition('/by-hash/')[0]}/Packages.xz"] = archives.files.pop(path)

    assert read(archives, tmp_path).packages["amd64"].get("a")


def test_key_that_has_expired_is_refused(
    archives: DebianArchives, signer: Signer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = datetime.now(UTC) + timedelta(days=400)
    (tmp_path / "old.asc").write_bytes(signer.expiring(ends))
    monkeypatch.setattr(signature, "_KEYS", tmp_path / "old.asc")

    assert read(archives, tmp_path, now=NOW).releases
    assert refused(archives, tmp_path, ends + timedelta(days=1))[0] == (
        "/debian/dists/trixie/InRelease: the Debian release file is signed by keys that have expired, the last on"
        f" {ends:%Y-%m-%d}\nhint: {OTHER}, or install a newer onedigest, which has newer keys; check the clock of this"
        " machine"
    )


def test_key_that_is_valid_counts_beside_one_that_expired(
    archives: DebianArchives, signer: Signer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_signer()
    ends = datetime.now(UTC) + timedelta(days=400)
    (tmp_path / "both.asc").write_bytes(signer.expiring(ends) + other.keys)
    monkeypatch.setattr(signature, "_KEYS", tmp_path / "both.asc")
    archives.signer = replace(other)
    archives.publish_all()

    assert read(archives, tmp_path, now=ends + timedelta(days=1)).releases


def test_release_file_is_read_once(archives: DebianArchives, tmp_path: Path) -> None:
    archive = archives.archive(tmp_path, None, NOW)
    archive.read("trixie", ("amd64",), security=True)
    archive.read("trixie", ("amd64", "arm64"), security=False)

    assert sorted(path.rpartition("/dists/")[2] for path in archives.asked if path.endswith("/InRelease")) == [
        "trixie-security/InRelease",
        "trixie-updates/InRelease",
        "trixie/InRelease",
    ]
