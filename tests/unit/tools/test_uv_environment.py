"""What uv gets of the user's environment: no secret stands where an address could name it."""

from __future__ import annotations

import tomllib
from pathlib import Path

from onedigest.net.indexes import PackageIndex
from onedigest.tools.uv_environment import UvInput, hide, uv_input


def shown(lent: UvInput) -> list[str]:
    """Return the addresses that hold what uv shows, none of which it searches for packages."""
    rows = tomllib.loads(lent.settings).get("index", [])
    assert all(row["explicit"] for row in rows)
    return [row["url"] for row in rows]


def test_nothing_but_what_says_where_an_index_is() -> None:
    kept = {"PATH": "/bin", "UV_CACHE_DIR": "/c", "UV_OFFLINE": "1", "SSL_CERT_FILE": "/x"}
    others = dict.fromkeys(
        [
            "UV_PROJECT",
            "UV_PYTHON",
            "UV_NO_BUILD",
            "GITHUB_TOKEN",
            "GIT_DIR",
            "UV_RESOLUTION",
            "UV_PRERELEASE",
            "UV_EXCLUDE_NEWER",
            "UV_NO_BINARY",
            "UV_NO_BINARY_PACKAGE",
            "UV_INDEX_STRATEGY",
            "UV_FORK_STRATEGY",
            "UV_KEYRING_PROVIDER",
            "UV_NO_SOURCES",
            "UV_CONSTRAINT",
            "UV_OVERRIDE",
            "UV_NO_BUILD_PACKAGE",
            "UV_TORCH_BACKEND",
            "UV_PREVIEW",
            "UV_LINK_MODE",
            "UV_REQUIRE_HASHES",
        ],
        "1",
    )
    lent = uv_input({**kept, **others})

    assert (lent.variables, lent.settings, lent.machine, lent.secrets) == (kept, "", "", ())


def test_no_secret_in_capitals(tmp_path: Path) -> None:
    environment = {
        "HOME": str(tmp_path),
        "UV_INDEX": "a=https://me:s3cret1@a.invalid/simple b=https://b.invalid/simple",
        "UV_INDEX_B_USERNAME": "you",
        "UV_INDEX_B_PASSWORD": "s3cret2",
        "UV_INDEX_C_PASSWORD": "s3cret3",
        "UV_FIND_LINKS": "/wheels,https://:s3cret4@c.invalid/links",
        "HTTPS_PROXY": "http://me:s3cret5@proxy.invalid:3128",
        "UV_EXTRA_INDEX_URL": "https://only-user@d.invalid/simple",
    }
    lent = uv_input(environment, [PackageIndex(name="e", url="https://e.invalid")])

    assert lent.variables == {
        "HOME": str(tmp_path),
        "UV_INDEX": "a=https://a.invalid/simple b=https://b.invalid/simple",
        "UV_FIND_LINKS": "/wheels,https://c.invalid/links",
        "https_proxy": "http://me:s3cret5@proxy.invalid:3128",
        "UV_EXTRA_INDEX_URL": "https://d.invalid/simple",
    }
    assert shown(lent) == [
        "https://me:s3cret1@a.invalid/simple",
        "https://you:s3cret2@b.invalid/simple",
        "https://only-user@d.invalid/simple",
        "https://:s3cret4@c.invalid/links",
    ]
    assert set(lent.secrets) == {"s3cret1", "s3cret2", "s3cret4", "s3cret5"}


def test_two_of_one_host_stay_with_their_addresses() -> None:
    lent = uv_input({"UV_INDEX": "https://me:one!@a.invalid/x/simple https://me:two!@a.invalid/y/simple"})

    assert shown(lent) == ["https://me:one%21@a.invalid/x/simple", "https://me:two%21@a.invalid/y/simple"]


def test_what_is_kept_for_a_path_is_shown_to_the_index_below_it(tmp_path: Path) -> None:
    """uv by itself would show what it showed first on that host."""
    rows = [("https://b.invalid/x", "one"), ("https://b.invalid/y", 't"wo'), ("https://b.invalid/xy", "three")]
    (tmp_path / "credentials.toml").write_text(
        "".join(
            f"[[credential]]\nservice = '{url}'\nusername = 'me'\nscheme = 'basic'\npassword = '{word}'\n"
            for url, word in rows
        )
    )
    own = {"UV_CREDENTIALS_DIR": str(tmp_path), "UV_INDEX": "https://b.invalid/x/simple https://b.invalid/y/simple"}

    assert shown(uv_input(own)) == ["https://me:one@b.invalid/x/simple", "https://me:t%22wo@b.invalid/y/simple"]


def test_secret_is_hidden_in_messages() -> None:
    assert hide("at https://x/p%40ss and p@ss", ("p@ss",)) == "at https://x/**** and ****"
    assert hide("3 | url = 'https://me:other@x/y'", ()) == "3 | url = 'https://me:****@x/y'"
