"""Where Debian's archives are read: what people write into apt's sources, and into the two variables."""

from __future__ import annotations

from pathlib import Path

import pytest

from onedigest.debian.mirror import Mirrors, addresses, archive_of, find_mirrors
from onedigest.errors import InputError

ONE = "deb http://one.example/debian x main\n"
SECURE = "deb http://one.example/debian-security x-security main\n"


def sources(folder: Path, **files: str) -> Path:
    """Write apt's configuration: `list` is the old file, others are of its folder."""
    (folder / "sources.list.d").mkdir()
    for name, text in files.items():
        place = "sources.list" if name == "list" else f"sources.list.d/{name.replace('_', '.')}"
        (folder / place).write_text(text)
    return folder


def found(folder: Path, text: str, name: str = "list") -> tuple[tuple[str, ...], tuple[str, ...]]:
    mirrors = find_mirrors("", "", sources(folder, **{name: text}))
    return mirrors.debian, mirrors.security


@pytest.mark.parametrize(
    ("text", "debian", "security"),
    [
        ("# deb http://no.example/debian x main\n", "", ""),
        ("deb-src http://no.example/debian x main\n", "", ""),
        (ONE, "http://one.example/debian", "http://one.example/debian-security"),
        ("  deb [ arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg ]  http://one.example/debian/  x  main contrib # comment\n", "http://one.example/debian", "http://one.example/debian-security"),
        (SECURE + ONE, "http://one.example/debian", "http://one.example/debian-security"),
        ("deb http://a.example/security/ trixie-security main\ndeb http://a.example/main/ trixie main\n", "http://a.example/main", "http://a.example/security"),
        ("deb https://nexus.example/repository/all trixie main\ndeb https://nexus.example/repository/all trixie-security main\n", "https://nexus.example/repository/all", "https://nexus.example/repository/all"),
        ("deb https://user:secret@art.example/artifactory/debian-remote bookworm main\n", "https://user:secret@art.example/artifactory/debian-remote", ""),
        ("deb http://old.example/ buster/updates main\n", "", "http://old.example"),
        ("deb cdrom:[Debian 13]/ trixie main\ndeb mirror+file:/etc/apt/m.list trixie main\ndeb ftp://f.example/debian x main\ndeb file:/srv/debian trixie main\n", "", ""),
        ("deb [signed-by=/etc/apt/keyrings/docker.gpg] https://d.example/linux/debian trixie stable\n", "", ""),
        ("deb [signed-by=/etc/apt/keyrings/h.gpg] https://h.example bookworm main\n", "", ""),
        ("deb http://u.example/ubuntu noble main\ndeb http://u.example/ubuntu noble-security main\n", "", ""),
        ("deb http://[::/debian x main\ndeb http:///debian x main\ndeb http://a.example/debian\n", "", ""),
    ],
    ids=map(str, range(99)),
)  # fmt: skip
def test_line_of_apt_is_a_mirror_of_the_archive_that_it_has(
    text: str, debian: str, security: str, tmp_path: Path
) -> None:
    assert found(tmp_path, text) == ((debian,) if debian else (), (security,) if security else ())


@pytest.mark.parametrize(
    ("text", "debian", "security"),
    [
        ("Types: deb\nURIs: http://a.example/debian http://b.example/debian/\nSuites: trixie trixie-updates\nComponents: main\n", ("http://a.example/debian", "http://b.example/debian"), ("http://a.example/debian-security", "http://b.example/debian-security")),
        ("Types: deb deb-src\nURIs:\n http://a.example/x\n # not this one\n https://b.example/y\nSuites: trixie\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n", ("http://a.example/x", "https://b.example/y"), ()),
        ("Types: deb-src\nURIs: http://a.example/debian\nSuites: trixie\nComponents: main\n", (), ()),
        ("Enabled: no\nTypes: deb\nURIs: http://a.example/debian\nSuites: trixie\nComponents: main\n", (), ()),
        ("types: deb\nuris: http://a.example/x\nsuites: trixie-security\ncomponents: main\n\nTypes: deb\nURIs: http://a.example/debian\nSuites: trixie\nComponents: main\n", ("http://a.example/debian",), ("http://a.example/x",)),
        ("Types: deb\nURIs: http://a.example/debian\nSuites: trixie\nComponents: main\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n x\n", ("http://a.example/debian",), ("http://a.example/debian-security",)),
        ("Types: deb\nURIs: http://a.example/debian\nSuites: trixie\nComponents: main\nSigned-By: /etc/apt/keyrings/other.asc\n", (), ()),
    ],
    ids=map(str, range(99)),
)  # fmt: skip
def test_stanza_of_apt_is_a_mirror_of_the_archive_that_it_has(
    text: str, debian: tuple[str, ...], security: tuple[str, ...], tmp_path: Path
) -> None:
    assert found(tmp_path, text, "debian_sources") == (debian, security)


def test_old_file_of_apt_comes_first_and_each_address_once(tmp_path: Path) -> None:
    folder = sources(tmp_path, b_list="deb http://two.example/debian x main\n" + ONE, list=ONE)

    assert find_mirrors("", "", folder).debian == ("http://one.example/debian", "http://two.example/debian")


@pytest.mark.parametrize(
    ("main", "security", "expected"),
    [
        ("http://m.example/debian/", "", ("http://m.example/debian-security", "http://one.example/debian-security")),
        ("http://m.example/apt", "", ("http://one.example/debian-security",)),
        ("http://m.example/debian", "http://s.example/x/", ("http://s.example/x",)),
        ("", "http://s.example/x", ("http://s.example/x",)),
    ],
)
def test_variable_that_is_set_counts_before_the_sources_of_apt(
    main: str, security: str, expected: tuple[str, ...], tmp_path: Path
) -> None:
    mirrors = find_mirrors(main, security, sources(tmp_path, list=ONE + SECURE))

    assert mirrors.debian == ((main.rstrip("/"),) if main else ("http://one.example/debian",))
    assert mirrors.security == expected


def test_source_whose_release_files_never_expire_is_told(tmp_path: Path) -> None:
    text = "deb [check-valid-until=no] http://one.example/x trixie main\ndeb [check-valid-until=yes] http://two.example/x trixie main\n"

    assert find_mirrors("", "", sources(tmp_path, list=text)).unchecked == {"http://one.example/x"}


def test_snapshot_service_comes_last_at_the_time_of_the_release() -> None:
    mirrors = Mirrors(debian=("http://one.example/debian",), security=("http://two.example/s",))

    assert addresses(mirrors, "trixie-updates", ["pool/a.deb", "b"], "Sat, 11 Jul 2026 10:16:37 UTC") == (
        "http://one.example/debian/pool/a.deb",
        "http://one.example/debian/b",
        "https://snapshot.debian.org/archive/debian/20260712T101637Z/pool/a.deb",
    )
    assert addresses(mirrors, "trixie-security", ["pool/updates/a.deb"], "Sat, 11 Jul 2026 10:16:37 UTC") == (
        "http://two.example/s/pool/updates/a.deb",
        "https://snapshot.debian.org/archive/debian-security/20260712T101637Z/pool/updates/a.deb",
    )
    assert addresses(Mirrors(), "x", ["dists/x/InRelease"]) == (
        "https://snapshot.debian.org/archive/debian/99990101T000000Z/dists/x/InRelease",
    )


def test_suite_is_of_one_archive() -> None:
    assert [archive_of(each) for each in ("trixie", "trixie-updates", "trixie-security")] == [
        "debian",
        "debian",
        "debian-security",
    ]


@pytest.mark.parametrize("named", ["mirror.example/debian", "ftp://x.example/debian", "http://a b/debian", "file:///x"])
def test_variable_that_is_no_address_is_refused(named: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        find_mirrors("", named, tmp_path)

    assert str(caught.value) == (
        f"ONEDIGEST_DEBIAN_SECURITY_MIRROR is {named!r}, which is not the address of a mirror\n"
        "hint: write it with https:// or http:// and its path, such as https://mirror.example.com/debian"
    )


def test_password_in_a_variable_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        find_mirrors("ftp://user:secret@x.example/debian", "", tmp_path)

    assert "secret" not in str(caught.value)
