"""The account of an image's user above a base of a registry: found, or added, whatever the base has in its tables."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from onedigest.assembler.commands import LAYERS, Given
from onedigest.lock.base.account import Account, account_text, find_account, read_account
from onedigest.lock.base.probe import EXAMINER
from onedigest.lock.table import InvalidValue, Table
from onedigest.oci.rootfs import Rootfs
from onedigest.untrusted import load_toml

ROOT_ROW = "root:*:0:0:root:/root:/bin/sh"
OWN = "nonroot:*:65532:65532:nonroot:/home/nonroot:/usr/sbin/nologin"
USER = "65532:65532"


class Text:
    """A file that is read forwards."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, size: int, /) -> bytes:
        found, self._data = self._data[:size], self._data[size:]
        return found


def rootfs(files: Mapping[str, bytes | str | tuple[int, int]]) -> Rootfs:
    """Return the files of a base: content, the target of a link, or mode and owner of a folder."""
    rows: list[list[object]] = []
    for path, content in files.items():
        if isinstance(content, bytes):
            facts = dict(EXAMINER.examine(path, Text(content))) if EXAMINER.wants.fullmatch(path) else None
            rows.append([path, "file", 0o644, 0, "", facts])
        elif isinstance(content, str):
            rows.append([path, "link", 0o777, 0, content, None])
        else:
            rows.append([path, "dir", content[0], content[1], "", None])
    return Rootfs([rows])


def found(user: str = USER, passwd: bytes | str | None = b"", **others: bytes | str | tuple[int, int]) -> Account:
    tables = {"etc/passwd": passwd, "etc/group": b"root:x:0:\n"}
    files = {path: content for path, content in tables.items() if content is not None}
    return find_account(rootfs(files | {path.replace("__", "/"): content for path, content in others.items()}), user)


def test_user_whom_the_base_lacks_is_added_to_both_tables() -> None:
    assert found(passwd=f"{ROOT_ROW}\n".encode()) == Account(
        home="/home/nonroot", has_home=False, passwd=(ROOT_ROW, OWN), group=("root:x:0:", "nonroot:*:65532:")
    )


def test_user_with_a_home_of_its_own_needs_nothing() -> None:
    account = found("1000:0", b"jovyan:x:1000:100:,,,:/home/jovyan:/bin/bash\n", home__jovyan=(0o700, 1000))

    assert account == Account(home="/home/jovyan", has_home=True)


@pytest.mark.parametrize(
    ("home", "mode", "owner"), [("/var/www", 0o755, 0), ("/nonexistent", 0, -1), ("/", 0o755, 0), ("", 0o755, 0)]
)
def test_user_who_may_not_write_to_the_home_gets_another_one(home: str, mode: int, owner: int) -> None:
    folder = {home.strip("/").replace("/", "__"): (mode, owner)} if owner >= 0 and home.strip("/") else {}
    account = found("33:0", f"www-data:x:33:33::{home}:/bin/sh\n".encode(), **folder)

    assert account == Account(home="/home/nonroot", has_home=False)


def test_group_alone_is_added_where_it_alone_is_missing() -> None:
    account = found("1000:7", b"me:x:1000:1000::/home/me:/bin/sh", home__me=(0o755, 1000))

    assert (account.passwd, account.group) == ((), ("root:x:0:", "nonroot:*:7:"))


def test_superuser_has_the_home_that_is_there() -> None:
    assert found("0:0", b"root:x:0:0:root:/root:/bin/bash\n", root=(0o700, 0)) == Account(home="/root", has_home=True)


def test_home_that_is_there_for_the_user_is_taken_though_no_table_names_it() -> None:
    account = found(passwd=b"", home__nonroot=(0o755, 65532))

    assert (account.home, account.has_home, account.passwd) == ("/home/nonroot", True, (OWN,))


def test_home_and_name_of_somebody_else_are_left_to_them() -> None:
    account = found("1000:1000", OWN.encode(), home__nonroot=(0o755, 65532))

    assert account.home == "/home/nonroot-1000"
    assert account.passwd[-1] == "nonroot-1000:*:1000:1000:nonroot-1000:/home/nonroot-1000:/usr/sbin/nologin"


@pytest.mark.parametrize("above", [(0o777, 0), (0o755, 5), "var/home"])
def test_home_is_at_the_top_where_a_layer_would_change_the_folder_above(above: str | tuple[int, int]) -> None:
    assert found(home=above).home == "/nonroot"


def test_no_hash_of_a_password_gets_into_a_lock() -> None:
    rows = b"root:$6$salt$hash:0:0:root:/root:/bin/sh\nshadowed:x:1:1::/:\nopen::2:2::/:\n"
    account = found(passwd=rows)

    assert account.passwd[:3] == (ROOT_ROW, "shadowed:x:1:1::/:", "open:*:2:2::/:")
    assert "hash" not in account_text(account)


@pytest.mark.parametrize(
    ("passwd", "kept"),
    [
        (b"root:*:0:0:root:/root:/bin/sh", (ROOT_ROW,)),
        (b"root:*:0:0:root:/root:/bin/sh\r\n\r\n", (ROOT_ROW,)),
        (b"\n# of us\n+::::::\n", ("# of us", "+:*:::::")),
        (b"+@group\nx:y\n", ("+@group", "x:*")),
        (None, ()),
    ],
    ids=["no line end", "CRLF", "NIS", "no rows", "no file"],
)
def test_odd_tables_keep_their_lines(passwd: bytes | None, kept: tuple[str, ...]) -> None:
    assert found(passwd=passwd).passwd == (*kept, OWN)


@pytest.mark.parametrize(
    "passwd",
    [
        b"x" * (300 << 10),
        b"a:x:1:1::/:\n" * 6000,
        b"a:x:1:1:" + b"y" * 1100 + b":/:\n",
        b"a:x:1:1:\x1b[2J:/:\n",
        b"a:x:1:1:\xff:/:\n",
        b"-nobody\n",
        "/nix/store/passwd",
        "passwd",
    ],
    ids=[
        "huge",
        "many lines",
        "a long line",
        "control characters",
        "no UTF-8",
        "an option",
        "a link to nowhere",
        "a link to itself",
    ],
)
def test_table_that_cannot_be_written_anew_stays_and_the_home_is_made_all_the_same(passwd: bytes | str) -> None:
    account = found(passwd=passwd)

    assert (account.home, account.has_home, account.passwd) == ("/home/nonroot", False, ())


def test_table_that_a_link_leads_to_is_written_in_its_place() -> None:
    account = found(passwd="../usr/etc/passwd", usr__etc__passwd=f"{ROOT_ROW}\n".encode())

    assert account.passwd == (ROOT_ROW, OWN)


@pytest.mark.parametrize("folder", [(0o775, 0), (0o755, 7), "usr/etc"])
def test_nothing_is_written_where_it_would_change_etc(folder: str | tuple[int, int]) -> None:
    account = find_account(rootfs({"etc": folder}), USER)

    assert (account.passwd, account.group, account.home) == ((), (), "/home/nonroot")


def table(account: Account) -> Table:
    return Table(load_toml(account_text(account)))


@pytest.mark.parametrize(
    "account",
    [
        Account(home="/home/x", has_home=True),
        Account(home="/home/nonroot", has_home=False, passwd=(ROOT_ROW, OWN), group=("g:x:1:a,b", "nonroot:*:5:")),
    ],
)
def test_lock_says_what_was_found(account: Account) -> None:
    text = table(account)

    assert read_account(text) == account
    text.refuse_rest()


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("root:$6$x:0:0:::", "`passwd[0]` has a password"),
        ("root::0:0:::", "`passwd[0]` has a password"),
        ("", "`passwd[0]` is no line of a table of accounts"),
        ("a:x:0:0:\n:/:", "`passwd[0]` is no line of a table of accounts"),
        ("-a:x:1:1:::", "`passwd[0]` is no line of a table of accounts"),
        ("a" * 1025, "`passwd[0]` is no line of a table of accounts"),
    ],
)
def test_lock_has_no_other_lines(row: str, said: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        read_account(Table({"home": "/x", "has-home": True, "passwd": [row]}))

    assert caught.value.messages == (said,)


@pytest.mark.parametrize("rows", [[], ["a:x:1:1::/:"] * 6000])
def test_lock_has_a_table_of_bounded_size(rows: list[str]) -> None:
    with pytest.raises(InvalidValue) as caught:
        read_account(Table({"home": "/x", "has-home": True, "group": rows}))

    assert caught.value.messages == ("`group` is no table of accounts of at most 65536 bytes",)


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"home": "/usr/bin"}, "home"),
        ({"home": "/home/nonroot/x"}, "home"),
        ({"passwd": [ROOT_ROW]}, "passwd"),
        ({"passwd": [OWN, ROOT_ROW]}, "passwd"),
        ({"passwd": [OWN.replace("nologin", "sh")]}, "passwd"),
        ({"passwd": [OWN.replace("/home/nonroot", "/etc")]}, "passwd"),
        ({"group": ["root:*:65532:"]}, "group"),
        ({"group": ["nonroot:*:65532:me"]}, "group"),
    ],
)
def test_lock_adds_no_user_and_no_folder_but_the_own_ones(changed: dict[str, object], key: str) -> None:
    row = {"home": "/home/nonroot", "has-home": False, "passwd": [ROOT_ROW, OWN], "group": ["nonroot:*:65532:"]}
    with pytest.raises(InvalidValue) as caught:
        read_account(Table({**row, **changed}))

    assert caught.value.messages[0].startswith(f"`{key}` ")


def test_account_is_held_against_the_user() -> None:
    account = found(passwd=b"")

    assert account.is_of(USER)
    assert not account.is_of("1:65532")
    assert not account.is_of("65532:1")
    assert Account(home="/x", has_home=True).is_of("1:1"), "it adds nobody"


def test_layer_has_the_tables_and_the_home() -> None:
    options = {"user": "5:6", "home": "/home/me", "passwd": f"{ROOT_ROW}\n", "group": ""}
    entries = LAYERS["account"].entries(Given(options))

    assert [(each.path, each.kind, oct(each.mode), each.uid, each.gid, each.content) for each in entries] == [
        ("etc", "dir", "0o755", 0, 0, b""),
        ("etc/passwd", "file", "0o644", 0, 0, f"{ROOT_ROW}\n".encode()),
        ("home", "dir", "0o755", 0, 0, b""),
        ("home/me", "dir", "0o755", 5, 6, b""),
    ]
