"""Credentials as `docker login` and `podman login` leave them, and nothing of them where it does not belong."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from onedigest.errors import InputError, NetworkError
from onedigest.registry.credentials import RegistryCredential, RegistryCredentials

HOST = "registry.example.com:5000"
SECRET = "s3cret"


def auth(user: str = "me", secret: str = SECRET) -> str:
    return base64.b64encode(f"{user}:{secret}".encode()).decode()


def find(
    folder: Path, config: object, registry: str = HOST, repository: str = "", path: str = ""
) -> RegistryCredential | None:
    (folder / "config.json").write_text(json.dumps(config))
    return RegistryCredentials((folder / "config.json",), {"PATH": path}).find(registry, repository)


def helper(folder: Path, name: str, script: str) -> str:
    program = folder / "bin" / f"docker-credential-{name}"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return f"{program.parent}:/usr/bin:/bin"


@pytest.mark.parametrize(
    ("key", "registry"),
    [
        (HOST, HOST),
        (f"https://{HOST}", HOST),
        (f"https://{HOST}/v1/", HOST),
        (f"http://{HOST}/v2/", HOST),
        ("https://index.docker.io/v1/", "docker.io"),
        ("docker.io", "docker.io"),
    ],
)
def test_entry_of_docker_login(key: str, registry: str, tmp_path: Path) -> None:
    found = find(tmp_path, {"auths": {key: {"auth": auth()}}}, registry)

    assert found
    assert (found.user, found.secret, found.found_in) == ("me", SECRET, str(tmp_path / "config.json"))
    assert found.basic == f"Basic {auth()}"


def test_entry_of_another_registry_does_not_count(tmp_path: Path) -> None:
    assert find(tmp_path, {"auths": {"example.com": {"auth": auth()}}}) is None


def test_most_special_entry_of_podman_counts(tmp_path: Path) -> None:
    config = {
        "auths": {
            HOST: {"auth": auth("host")},
            f"{HOST}/acme": {"auth": auth("team")},
            f"{HOST}/acme/app": {"auth": auth("app")},
        }
    }

    found = [find(tmp_path, config, repository=name) for name in ("acme/app", "acme/other", "else/where")]

    assert [each.user for each in found if each] == ["app", "team", "host"]


def test_user_and_password_apart(tmp_path: Path) -> None:
    found = find(tmp_path, {"auths": {HOST: {"username": "me", "password": SECRET}}})

    assert found
    assert (found.user, found.secret) == ("me", SECRET)


def test_identity_token_counts_before_a_password(tmp_path: Path) -> None:
    found = find(tmp_path, {"auths": {HOST: {"auth": auth("00000000", ""), "identitytoken": SECRET}}})

    assert found
    assert (found.identity, found.user) == (SECRET, "")


def test_registry_token_is_one(tmp_path: Path) -> None:
    found = find(tmp_path, {"auths": {HOST: {"registrytoken": SECRET}}})

    assert found
    assert found.bearer == SECRET


@pytest.mark.parametrize("config", [{"credsStore": "safe"}, {"credHelpers": {HOST: "safe"}, "credsStore": "other"}])
def test_helper_is_asked(config: object, tmp_path: Path) -> None:
    path = helper(
        tmp_path,
        "safe",
        f'read -r host\n[ "$1 $host" = "get {HOST}" ] && echo \'{{"Username":"me","Secret":"{SECRET}"}}\'',
    )

    found = find(tmp_path, config, path=path)

    assert found
    assert (found.user, found.secret, found.found_in) == ("me", SECRET, "docker-credential-safe")


def test_helper_of_docker_hub_is_asked_by_its_old_address(tmp_path: Path) -> None:
    path = helper(tmp_path, "safe", 'read -r host; echo "{\\"Username\\":\\"$host\\",\\"Secret\\":\\"x\\"}"')

    found = find(tmp_path, {"credsStore": "safe"}, "docker.io", path=path)

    assert found
    assert found.user == "https://index.docker.io/v1/"


def test_helper_may_give_an_identity_token(tmp_path: Path) -> None:
    path = helper(tmp_path, "safe", f'echo \'{{"Username":"<token>","Secret":"{SECRET}"}}\'')

    found = find(tmp_path, {"credsStore": "safe"}, path=path)

    assert found
    assert found.identity == SECRET


def test_helper_without_a_credential_leaves_the_entry(tmp_path: Path) -> None:
    path = helper(tmp_path, "safe", "echo 'credentials not found in native keychain'; exit 1")
    config = {"credsStore": "safe", "auths": {HOST: {"auth": auth()}}}

    found = find(tmp_path, config, path=path)

    assert found
    assert found.user == "me"


def test_helper_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(NetworkError) as caught:
        find(tmp_path, {"credsStore": "gone"})

    assert str(caught.value) == (
        f"{tmp_path}/config.json: the credential helper `docker-credential-gone` is not on PATH\n"
        f"hint: docker login {HOST}"
    )


def test_helper_that_fails_says_nothing_of_what_it_keeps(tmp_path: Path) -> None:
    path = helper(tmp_path, "safe", f"echo broken {SECRET} >&2; exit 3")
    with pytest.raises(NetworkError) as caught:
        find(tmp_path, {"credsStore": "safe"}, path=path)

    assert str(caught.value) == (
        f"{tmp_path}/config.json: the credential helper `docker-credential-safe` failed for {HOST} with code 3\n"
        f"hint: echo {HOST} | docker-credential-safe get"
    )


@pytest.mark.parametrize(
    "answer", ["no json", "[]", '{"Username":"me"}', '{"Username":null,"Secret":null}', '{"Username":"me","Secret":5}']
)
def test_helper_that_answers_something_else(answer: str, tmp_path: Path) -> None:
    path = helper(tmp_path, "safe", f"echo '{answer}'")
    with pytest.raises(NetworkError, match="did not answer with a credential"):
        find(tmp_path, {"credsStore": "safe"}, path=path)


def test_first_file_that_knows_a_registry_counts(tmp_path: Path) -> None:
    for name, host in (("docker", "other.example.com"), ("podman", HOST), ("late", HOST)):
        (tmp_path / name).write_text(json.dumps({"auths": {host: {"auth": auth(name)}}}))
    files = tuple(tmp_path / name for name in ("missing", "docker", "podman", "late"))

    found = RegistryCredentials(files, {}).find(HOST)

    assert found
    assert found.user == "podman"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"{", "not a file of credentials: no JSON object"),
        (b"[]", "not a file of credentials: no JSON object"),
        (b"\xff", "not a file of credentials: no JSON object"),
        (
            json.dumps({"auths": {HOST: {"auth": "s3cret!"}}}).encode(),
            "an `auth` of it is not base64\nhint: docker login",
        ),
    ],
)
def test_broken_file_is_named_and_not_shown(text: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(text)
    with pytest.raises(InputError) as caught:
        RegistryCredentials((tmp_path / "config.json",), {}).find(HOST)

    assert str(caught.value) == f"{tmp_path}/config.json: {said}"


def test_odd_entries_are_passed_over(tmp_path: Path) -> None:
    config = {"auths": {HOST: "text", f"{HOST}/": {}, "x": None}, "credHelpers": [], "credsStore": 7}

    assert find(tmp_path, config) is None


def test_secrets_are_not_in_what_python_shows() -> None:
    credential = RegistryCredential(found_in="file", user="me", secret=SECRET, identity=SECRET, bearer=SECRET)

    assert repr(credential) == "RegistryCredential(found_in='file')"
