"""What a registry that refuses is shown next: a password, a token for one purpose, or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

import pytest

from onedigest.errors import NetworkError
from onedigest.registry.authorization import Authorizer, Denied, RegistryAnswer
from onedigest.registry.credentials import RegistryCredential

CHALLENGE = 'Bearer realm="https://auth.example/token",service="registry.example"'
SCOPES = ("repository:acme/app:pull",)
PASSWORD = RegistryCredential(found_in="auth.json", user="me", secret="pass")


class TokenService:
    """Gives tokens by number, and keeps what it was asked."""

    def __init__(self, *answers: RegistryAnswer) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str, dict[str, str], bytes | None]] = []

    def ask(self, method: str, address: str, headers: Mapping[str, str], body: bytes | None) -> RegistryAnswer:
        self.asked.append((method, address, dict(headers), body))
        if self.answers:
            return self.answers.pop(0)
        return RegistryAnswer(200, {}, b'{"token": "t%d"}' % len(self.asked))

    def authorizer(self, credential: RegistryCredential | None = None) -> Authorizer:
        return Authorizer("registry.example", lambda: credential, self.ask)


def test_nothing_is_shown_before_it_is_asked_for() -> None:
    assert TokenService().authorizer(PASSWORD).header(SCOPES) == ""


def test_token_is_asked_for_once_for_each_purpose() -> None:
    service = TokenService()
    authorizer = service.authorizer(PASSWORD)

    assert authorizer.renew(CHALLENGE, SCOPES, "")
    assert [authorizer.header(SCOPES), authorizer.header(SCOPES), authorizer.header(["x:y:push"])] == [
        *["Bearer t1"] * 2,
        "Bearer t2",
    ]
    method, address, headers, body = service.asked[0]
    assert (method, headers, body) == ("GET", {"authorization": PASSWORD.basic}, None)
    assert parse_qs(urlsplit(address).query) == {"service": ["registry.example"], "scope": list(SCOPES)}


def test_scopes_of_other_names_that_a_mirror_states_are_asked_for_too() -> None:
    service = TokenService()
    stated = "repository:acme/app:pull,push repository:mirror/app:pull nonsense"
    service.authorizer().renew(f'{CHALLENGE},scope="{stated}"', SCOPES, "")

    assert parse_qs(urlsplit(service.asked[0][1]).query)["scope"] == [*SCOPES, "repository:mirror/app:pull"]


def test_password_is_shown_where_a_registry_asks_for_it_and_refused_once() -> None:
    authorizer = TokenService().authorizer(PASSWORD)

    assert authorizer.renew('Basic realm="x"', SCOPES, "")
    assert authorizer.header(SCOPES) == PASSWORD.basic
    with pytest.raises(Denied, match=r"^registry\.example refuses the credential from auth\.json\n"):
        authorizer.renew('Basic realm="x"', SCOPES, PASSWORD.basic)


@pytest.mark.parametrize(
    ("challenge", "answers"),
    [('Basic realm="x"', ()), (CHALLENGE, (RegistryAnswer(401, {}, b""),))],
)
def test_login_is_due_where_there_is_no_credential(challenge: str, answers: tuple[RegistryAnswer, ...]) -> None:
    with pytest.raises(Denied, match=r"^registry\.example asks for a login, and there is no credential for it\nhint: "):
        TokenService(*answers).authorizer().renew(challenge, SCOPES, "")


def test_identity_is_exchanged_by_a_form_and_else_by_a_query() -> None:
    identity = RegistryCredential(found_in="auth.json", identity="id")
    service = TokenService(RegistryAnswer(404, {}, b""))
    service.authorizer(identity).renew(CHALLENGE, SCOPES, "")

    (first, _, _, body), (second, _, headers, _) = service.asked
    assert (first, second, headers) == ("POST", "GET", {})
    assert parse_qs((body or b"").decode())["refresh_token"] == ["id"]


def test_token_that_another_thread_renewed_is_taken() -> None:
    service = TokenService()
    authorizer = service.authorizer(PASSWORD)
    authorizer.renew(CHALLENGE, SCOPES, "")

    assert authorizer.renew(CHALLENGE, SCOPES, "Bearer old")
    assert len(service.asked) == 1


@pytest.mark.parametrize("body", [b"", b"[]", b'{"token": 1}', b'{"token": "a b"}', b'{"token": "a\\r\\nX: y"}'])
def test_answer_without_a_token_that_a_header_can_have_is_refused(body: bytes) -> None:
    with pytest.raises(NetworkError) as caught:
        TokenService(RegistryAnswer(200, {}, body)).authorizer().renew(CHALLENGE, SCOPES, "")

    assert str(caught.value) == "registry.example: its token service answered 200 and no token"


def test_ways_that_are_not_known_are_no_reason_to_try_again() -> None:
    assert not TokenService().authorizer(PASSWORD).renew('Digest realm="x"', SCOPES, "")


def test_what_was_shown_is_hidden_in_what_a_registry_says() -> None:
    authorizer = TokenService().authorizer(PASSWORD)
    authorizer.renew(CHALLENGE, SCOPES, "")

    assert authorizer.hidden_in("no t1 and no pass") == "no **** and no ****"
