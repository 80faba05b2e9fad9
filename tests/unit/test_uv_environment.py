"""What uv gets of the user's environment: no secret stands where an address could name it."""

from __future__ import annotations

import tomllib
from pathlib import Path

from onedigest.inputs.uv_environment import hide, lend


def test_nothing_but_what_says_where_an_index_is() -> None:
    kept = {"PATH": "/bin", "UV_CACHE_DIR": "/c", "UV_OFFLINE": "1", "SSL_CERT_FILE": "/x"}
    others = {"UV_PROJECT": "/p", "UV_PYTHON": "/p", "UV_NO_BUILD": "0", "GITHUB_TOKEN": "x", "GIT_DIR": "/g"}
    lent = lend({**kept, **others})

    assert (lent.variables, lent.credentials, lent.secrets) == (kept, "", ())


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
    lent = lend(environment, [{"name": "e", "url": "https://e.invalid"}])

    assert lent.variables == {
        "HOME": str(tmp_path),
        "UV_INDEX": "a=https://a.invalid/simple b=https://b.invalid/simple",
        "UV_FIND_LINKS": "/wheels,https://c.invalid/links",
        "https_proxy": "http://me:s3cret5@proxy.invalid:3128",
        "UV_EXTRA_INDEX_URL": "https://only-user@d.invalid/simple",
    }
    assert [tuple(row.values()) for row in tomllib.loads(lent.credentials)["credential"]] == [
        ("https://a.invalid/", "me", "basic", "s3cret1"),
        ("https://b.invalid/", "you", "basic", "s3cret2"),
        ("https://c.invalid/", "", "basic", "s3cret4"),
    ]
    assert set(lent.secrets) == {"s3cret1", "s3cret2", "s3cret4", "s3cret5"}


def test_two_of_one_origin_stay_with_their_addresses() -> None:
    lent = lend({"UV_INDEX": "https://me:one!@a.invalid/x/simple https://me:two!@a.invalid/y/simple"})

    assert [row["service"] for row in tomllib.loads(lent.credentials)["credential"]] == [
        "https://a.invalid/x/simple",
        "https://a.invalid/y/simple",
    ]


def test_own_store_of_the_user_is_part_of_it(tmp_path: Path) -> None:
    own = '[[credential]]\nservice = "https://b.invalid/"\nusername = "x"\nscheme = "basic"\npassword = "y"\n'
    (tmp_path / "credentials.toml").write_text(own)
    lent = lend({"UV_CREDENTIALS_DIR": str(tmp_path), "UV_INDEX": 'https://me:a"\\b@a.invalid/simple'})

    assert [(row["service"], row["password"]) for row in tomllib.loads(lent.credentials)["credential"]] == [
        ("https://b.invalid/", "y"),
        ("https://a.invalid/", 'a"\\b'),
    ]


def test_secret_is_hidden_in_messages() -> None:
    assert hide("at https://x/p%40ss and p@ss", ("p@ss",)) == "at https://x/**** and ****"
