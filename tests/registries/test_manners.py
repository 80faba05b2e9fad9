"""What registries in the world do, each manner shown by a registry of the tests' own."""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import urllib3
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from onedigest.assembler.image import INDEX_TYPE
from onedigest.digest import of_bytes
from onedigest.errors import NetworkError
from onedigest.net.connection import Connection, Pools
from onedigest.net.download import Download, download_file
from onedigest.net.encryption import Trust
from onedigest.oci.reference import parse_reference
from onedigest.registry.credentials import RegistryCredentials
from onedigest.registry.host_choice import RegistryHosts
from onedigest.registry.push import put_tags
from onedigest.registry.repository import Repository
from onedigest.registry.transport import Access
from onedigest.store import Store
from own_authority import Authority
from proxy_server import proxying
from registry_server import Manner, OddRegistry, login

INDEX = json.dumps({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": []}).encode()
OTHER = json.dumps({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [], "annotations": {}}).encode()
DIGEST = of_bytes(INDEX)
DATA = bytes(range(256)) * 8
LOGIN = "Basic ZGVib3JhaDpzM2NyZXQtcMOkc3N3b3Jk"
REMEDY = "read from a mirror: ONEDIGEST_REGISTRY_MIRRORS='REGISTRY=HOST', or wait and try again"


class World:
    """What a test sees: registries are reached without real pauses, and what is said is kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: list[str] = []
        self.pauses: list[float] = []
        self.variables: dict[str, str] = {}

    def access(self, *, connection: Connection | None = None, **options: object) -> Access:
        """Return what registries are reached with."""
        files = (Path(self.variables["DOCKER_CONFIG"]) / "config.json",) if self.variables else ()
        pools = Pools(connection or Connection(said=self.said.append))
        return Access(pools=pools, credentials=RegistryCredentials(files, {}), pause=self.pauses.append, **options)  # type: ignore[arg-type]

    def repository(self, name: str, mode: str = "pull,push", **options: object) -> Repository:
        """Return a repository, by registry and name."""
        return Repository(parse_reference(name), self.access(**options), mode)  # type: ignore[arg-type]

    def login(self, host: str) -> None:
        """Log in to a registry."""
        self.variables = login(self.folder / "docker", host)

    def hosts(self, registry: str, text: str) -> RegistryHosts:
        """Write the hosts.toml of a registry; return where it is."""
        folder = self.folder / "certs.d" / registry
        folder.mkdir(parents=True)
        (folder / "hosts.toml").write_text(text)
        return RegistryHosts(folders=(self.folder / "certs.d",))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def push(to: Repository, data: bytes = DATA, place: str = "") -> None:
    to.upload(of_bytes(data), len(data), data, place, lambda _: None)


def failure(work: Callable[[], object]) -> str:
    with pytest.raises(NetworkError) as caught:
        work()
    return str(caught.value)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


class TestTags:
    @pytest.mark.parametrize("status", [400, 403, 409, 412])
    def test_tag_that_stays_takes_the_same_image_again_and_a_second_tag(self, status: int, world: World) -> None:
        with OddRegistry(Manner(immutable=status)) as registry:
            to = world.repository(f"{registry.host}/acme/app")
            to.put_manifest(DIGEST, INDEX_TYPE, INDEX)
            put_tags(to, INDEX, ["v1"])
            put_tags(to, INDEX, ["v1", "v2"])

            assert [path.rpartition("/")[2] for path in registry.requests("PUT")] == [DIGEST, "v1", "v2"]

    def test_tag_that_stays_is_not_given_to_another_image(self, world: World) -> None:
        with OddRegistry(Manner(immutable=400)) as registry:
            to = world.repository(f"{registry.host}/acme/app")
            put_tags(to, INDEX, ["v1"])
            said = failure(lambda: put_tags(to, OTHER, ["v1"]))

        assert said == (
            f"{registry.host}/acme/app:v1 is another image, and {registry.host} does not let this one have the tag"
            " (TAG_INVALID: the tag is immutable)\n"
            f"hint: use another `--tag`, or have the registry let tags move; that image is {DIGEST}"
        )

    def test_tag_that_someone_else_gave_meanwhile_is_well(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        with OddRegistry(Manner(immutable=409)) as registry:
            to = world.repository(f"{registry.host}/acme/app")
            answers = iter([None, DIGEST])
            registry.manifests["v1"] = (INDEX_TYPE, INDEX)
            monkeypatch.setattr(to, "resolve", lambda _: next(answers))  # it was not there a moment ago
            put_tags(to, INDEX, ["v1"])

            assert len(registry.requests("PUT")) == 1

    def test_registry_without_head_is_asked_whole(self, world: World) -> None:
        with OddRegistry(Manner(no_head=True)) as registry:
            to = world.repository(f"{registry.host}/acme/app")
            push(to)
            put_tags(to, INDEX, ["v1"])

            assert (to.resolve("v1"), to.resolve("v2"), to.has(of_bytes(DATA))) == (DIGEST, None, False)


class TestCredentials:
    @pytest.mark.parametrize("status", [401, 403])
    @pytest.mark.parametrize("pings", [True, False])
    def test_refusal_without_a_challenge_gets_the_login(self, pings: bool, status: int, world: World) -> None:
        with OddRegistry(Manner(silent=status, pings=pings)) as registry:
            world.login(registry.host)
            to = world.repository(f"{registry.host}/acme/app")
            push(to)
            put_tags(to, INDEX, ["v1"])

            assert to.manifest("v1").digest == DIGEST
            assert registry.shown() == {LOGIN}
            assert len(registry.requests("GET", "/v2/")) == 2, "the registry is asked once what convinces it"

    def test_refusal_without_a_challenge_and_without_a_login_is_said(self, world: World) -> None:
        with OddRegistry(Manner(silent=403)) as registry:
            to = world.repository(f"{registry.host}/acme/app")

            assert failure(lambda: to.resolve("v1")) == (
                f"{registry.host} does not permit to look for {registry.host}/acme/app:v1 without a login\n"
                f"hint: docker login {registry.host}"
            )
            assert registry.shown() == set()

    def test_login_of_another_registry_is_not_shown(self, world: World) -> None:
        with OddRegistry(Manner(silent=403)) as registry:
            world.login("other.example")
            failure(lambda: world.repository(f"{registry.host}/acme/app").resolve("v1"))

            assert registry.shown() == set()

    def test_what_is_hidden_is_asked_for_with_the_login(self, world: World) -> None:
        with OddRegistry(Manner(hides=True, pings=True)) as registry:
            registry.manifests["v1"] = (INDEX_TYPE, INDEX)
            world.login(registry.host)

            assert world.repository(f"{registry.host}/acme/app", "pull").manifest("v1").digest == DIGEST

    def test_what_is_not_there_is_one_request_more_at_most(self, world: World) -> None:
        with OddRegistry() as registry:
            world.login(registry.host)
            to = world.repository(f"{registry.host}/acme/app", "pull")

            assert [to.resolve(tag) for tag in ("v1", "v2", "v3")] == [None] * 3
            assert len(registry.seen) == 4

    @pytest.mark.parametrize("look", [403, 401])
    def test_user_who_may_only_push_pushes(self, look: int, world: World) -> None:
        with OddRegistry(Manner(writes_only=True, look=look)) as registry:
            world.login(registry.host)
            to = world.repository(f"{registry.host}/acme/app")
            assert (to.has(of_bytes(DATA)), to.resolve("v1")) == (False, None)
            push(to, place=to.begin())
            put_tags(to, INDEX, ["v1", "v2"])

            assert len(registry.requests("POST")) == 1, "an upload is begun to know it, and gone on with"
            assert set(registry.manifests) == {"v1", "v2", DIGEST}
            assert registry.blobs[of_bytes(DATA)] == DATA

    def test_user_who_is_not_known_is_told_before_anything_is_pushed(self, world: World) -> None:
        refused = {"www-authenticate": 'Basic realm="tests"'}
        with OddRegistry(Manner(refused=401, headers=refused)) as registry:
            world.login(registry.host)
            to = world.repository(f"{registry.host}/acme/app")

            assert failure(lambda: to.resolve("v1")).startswith(f"{registry.host} refuses the credential from ")
            assert [method for method, _, _ in registry.seen] == ["HEAD", "HEAD", "POST"]

    def test_login_that_has_expired_is_told_before_anything_is_built(self, world: World) -> None:
        manner = Manner(silent=401, pings=True)
        with OddRegistry(manner) as registry:
            world.login(registry.host)
            to = world.repository(f"{registry.host}/acme/app")
            assert to.resolve("v1") is None
            body = b'{"errors":[{"code":"DENIED","message":"Your authorization token has expired. Reauthenticate."}]}'
            manner.refused, manner.body = 403, body

            assert failure(lambda: to.resolve("v1")) == (
                f"{registry.host} does not permit to push to {registry.host}/acme/app with the credential from"
                f" {world.folder}/docker/config.json (DENIED: Your authorization token has expired. Reauthenticate.)\n"
                f"hint: docker login {registry.host}"
            )

    def test_token_that_is_for_pushing_alone_pushes(self, world: World) -> None:
        with OddRegistry(Manner(writes_only=True, tokens=True)) as registry:
            world.login(registry.host)
            to = world.repository(f"{registry.host}/acme/app")
            assert (to.has(of_bytes(DATA)), to.resolve("v1")) == (False, None)
            push(to, place=to.begin())
            put_tags(to, INDEX, ["v1"])

            assert set(registry.manifests) == {"v1", DIGEST}

    def test_token_of_a_cache_is_asked_for_by_its_own_name(self, world: World) -> None:
        with filled(OddRegistry(Manner(silent=401, tokens=True))) as registry:
            registry.manner.scope = "repository:hub/library/python:pull"
            world.login(registry.host)
            world.repository(f"{registry.host}/library/python", "pull").manifest("v1")

            assert registry.requests("GET", "/token") == [
                "/token?service=tests&scope=repository%3Alibrary%2Fpython%3Apull"
                "&scope=repository%3Ahub%2Flibrary%2Fpython%3Apull"
            ]

    def test_user_who_may_only_push_may_not_pull(self, world: World) -> None:
        with OddRegistry(Manner(writes_only=True)) as registry:
            world.login(registry.host)
            to = world.repository(f"{registry.host}/acme/app", "pull")

            assert failure(lambda: to.manifest("v1")) == (
                f"{registry.host} does not permit to pull {registry.host}/acme/app:v1 with the credential from"
                f" {world.folder}/docker/config.json (DENIED: no permission to read)\nhint: docker login {registry.host}"
            )

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 422, 501])
    def test_blob_that_is_not_mounted_is_uploaded(self, status: int, world: World) -> None:
        with OddRegistry(Manner(no_mount=status)) as registry:
            assert world.repository(f"{registry.host}/acme/app").begin(of_bytes(DATA), "acme/base")

    @pytest.mark.parametrize(
        ("registry", "command"),
        [
            ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "aws ecr get-login-password --region eu-west-1 |"),
            ("europe-docker.pkg.dev", "gcloud auth configure-docker europe-docker.pkg.dev"),
            ("eu.gcr.io", "gcloud auth configure-docker eu.gcr.io"),
            ("acme.azurecr.io", "az acr login --name acme"),
            ("ghcr.io", "docker login ghcr.io"),
        ],
    )
    def test_login_is_that_of_the_registry(self, registry: str, command: str) -> None:
        from onedigest.registry.credentials import login_command

        assert login_command(registry).startswith(command)


class TestLimits:
    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ({"retry-after": "21600"}, "6 h"),
            ({"Retry-After": "61"}, "61 s"),
            ({"retry-after": "Fri, 15 Jan 2027 10:30:00 GMT", "date": "Fri, 15 Jan 2027 08:00:00 GMT"}, "2 h 30 min"),
            ({"retry-after": "9" * 99}, "277777 h 47 min"),
            ({"retry-after": "9" * 999}, "277777 h 47 min"),
            ({"ratelimit-limit": "100;w=21600", "ratelimit-remaining": "0;w=21600"}, "6 h"),
            ({"ratelimit-remaining": "0;w=21600;burst=1", "docker-ratelimit-source": "192.0.2.1"}, "6 h"),
            ({"ratelimit-reset": "3541"}, "60 min"),
            ({"x-retry-after": "1800003600", "date": "Fri, 15 Jan 2027 08:00:00 GMT"}, "60 min"),
            ({"x-ratelimit-reset": "1800003600", "date": "Fri, 15 Jan 2027 08:00:00 GMT"}, "60 min"),
        ],
    )
    def test_long_wait_is_an_error_at_once(self, headers: dict[str, str], seconds: str, world: World) -> None:
        with OddRegistry(Manner(refused=429, headers=headers)) as registry:
            to = world.repository(f"{registry.host}/acme/app", "pull")
            said = failure(lambda: to.manifest("v1"))

        assert said == (
            f"{registry.host} limits how often it is asked, and does not pull {registry.host}/acme/app:v1 for {seconds}\n"
            f"hint: docker login {registry.host} (most registries let users ask more often), or " + REMEDY
        )
        assert (world.pauses, len(registry.seen)) == ([], 1)

    def test_docker_hub_says_it_in_words_alone(self, world: World) -> None:
        text = "You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit"
        body = json.dumps({"errors": [{"code": "TOOMANYREQUESTS", "message": text}]}).encode()
        with OddRegistry(Manner(refused=429, body=body)) as registry:
            world.login(registry.host)
            world.repository(f"{registry.host}/acme/app")
            said = failure(lambda: world.repository(f"{registry.host}/acme/app", "pull").manifest("v1"))

        assert said.startswith(
            f"{registry.host} limits how often it is asked, and does not pull {registry.host}/acme/app:v1 for now"
            f" (TOOMANYREQUESTS: {text})\nhint: "
        )
        assert len(registry.seen) == 1

    def test_short_wait_is_said_before_it_is_waited(self, world: World) -> None:
        with OddRegistry(Manner(refused=429, times=2, headers={"retry-after": "7"})) as registry:
            registry.manifests["v1"] = (INDEX_TYPE, INDEX)
            assert world.repository(f"{registry.host}/acme/app", "pull").manifest("v1").digest == DIGEST

        assert world.said == [f"waiting 7 s: {registry.host} answered 429"] * 2
        assert world.pauses == [7.0, 7.0]

    def test_limit_of_a_moment_is_said_once_though_it_is_short(self, world: World) -> None:
        with OddRegistry(Manner(refused=429, times=2)) as registry:
            registry.manifests["v1"] = (INDEX_TYPE, INDEX)
            world.repository(f"{registry.host}/acme/app", "pull").manifest("v1")

        assert world.said == [f"waiting 0.25 s: {registry.host} answered 429"]

    def test_waits_end_when_they_sum_up(self, world: World) -> None:
        with OddRegistry(Manner(refused=429, headers={"retry-after": "60"})) as registry:
            to = world.repository(f"{registry.host}/acme/app", "pull")
            said = failure(lambda: to.manifest("v1"))

        assert said.startswith(
            f"{registry.host} limits how often it is asked, and does not pull {registry.host}/acme/app:v1 for 60 s\n"
        )
        assert world.pauses == [60.0] * 5

    def test_limit_of_an_upload_is_heeded_and_not_without_end(self, world: World) -> None:
        manner = Manner()
        with OddRegistry(manner) as registry:
            to = world.repository(f"{registry.host}/acme/app")
            place = to.begin()
            manner.refused, manner.times, manner.headers = 429, 1, {"retry-after": "9"}
            push(to, place=place)
            manner.times, manner.headers = 1, {"retry-after": "3600"}
            said = failure(lambda: push(to, b"other", place))

        assert world.pauses == [9.0]
        assert said == (
            f"{registry.host} limits how often it is asked, and does not push to {registry.host}/acme/app for 60 min\n"
            f"hint: docker login {registry.host} (most registries let users ask more often), or wait and try again"
        )

    def test_maintenance_of_an_hour_is_an_error_at_once(self, world: World) -> None:
        with OddRegistry(Manner(refused=503, headers={"retry-after": "3600"})) as registry:
            to = world.repository(f"{registry.host}/acme/app", "pull")

            assert failure(lambda: to.resolve("v1")) == (
                f"{registry.host} answered 503, and does not look for {registry.host}/acme/app:v1 for 60 min\n"
                f"hint: {REMEDY}"
            )


class TestAddresses:
    @pytest.mark.parametrize("place", ["http://127.0.0.1:{0}", "https://127.0.0.1:{0}", "HTTP://127.0.0.1:{0}", ""])
    def test_place_to_upload_to_is_the_registry_however_it_is_written(self, place: str, world: World) -> None:
        manner = Manner(silent=403)
        with OddRegistry(manner) as registry:
            manner.location = place.format(registry.host.partition(":")[2])
            world.login(registry.host)
            push(world.repository(f"{registry.host}/acme/app"))

            assert registry.blobs

    @pytest.mark.parametrize(
        "place", ["https://registry.example:443", "https://REGISTRY.example", "http://registry.example"]
    )
    def test_port_that_goes_without_saying_and_capitals_are_the_same_host(self, place: str, world: World) -> None:
        authority = Authority(world.folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority.sign("registry", "DNS:registry.example"))
        with (
            OddRegistry(Manner(silent=403, location=place), context) as registry,
            proxying({"registry.example": registry.host}) as proxy,
        ):
            world.login("registry.example")
            connection = Connection(
                proxies=(("https", f"http://{proxy.host}"),), trust=Trust(bundle=authority.certificate)
            )
            push(world.repository("Registry.Example:443/acme/app", connection=connection))

            assert registry.blobs
            assert registry.shown() == {LOGIN}

    @pytest.mark.parametrize(
        ("place", "said"),
        [
            (
                "http://127.0.0.1:9/x",
                "the registry {0} leads to 127.0.0.1:9, which cannot be reached: Connection refused",
            ),
            ("https://{1}/x", "no trusted connection to {1}, where {0} leads to: wrong version number"),
        ],
    )
    def test_host_that_is_led_to_is_named_where_it_fails(self, place: str, said: str, world: World) -> None:
        manner = Manner(refused=307)
        with OddRegistry(manner) as registry, OddRegistry() as other:
            hosts = registry.host, other.host
            manner.headers = {"location": place.format(*hosts)}

            found = failure(lambda: world.repository(f"{registry.host}/acme/app", "pull").resolve("v1"))
            assert found.splitlines()[0] == said.format(*hosts)


def bring_blob(world: World, repository: Repository, data: bytes = DATA) -> bytes:
    store = Store(world.folder / "store")
    wanted = Download(name="layer", digest=of_bytes(data), size=len(data))
    download_file(store, wanted, lambda start: repository.open_blob(of_bytes(data), start), "where", lambda _: None)
    return store.path(of_bytes(data)).read_bytes()


def filled(registry: OddRegistry) -> OddRegistry:
    registry.manifests["v1"] = registry.manifests[DIGEST] = (INDEX_TYPE, INDEX)
    registry.blobs[of_bytes(DATA)] = DATA
    return registry


class TestMirrors:
    def test_first_host_that_has_it_is_read_and_told_for_which_registry(self, world: World) -> None:
        with OddRegistry() as empty, filled(OddRegistry()) as full, OddRegistry() as server:
            text = f"""
            server = "http://{server.host}"
            [host."http://{empty.host}"]
              capabilities = ["pull", "resolve"]
            [host."http://{full.host}/mirror"]
              capabilities = ["pull", "resolve"]
              [host."http://{full.host}/mirror".header]
                x-mirror = ["a", "b"]
            """
            to = world.repository("docker.io/library/python", "pull", places=world.hosts("docker.io", text))

            assert to.manifest("v1").digest == DIGEST
            assert bring_blob(world, to) == DATA
            assert empty.requests("GET") == [
                "/v2/library/python/manifests/v1?ns=docker.io",
                f"/v2/library/python/blobs/{of_bytes(DATA)}?ns=docker.io",
            ]
            assert full.requests("GET") == [f"/mirror{path}" for path in empty.requests("GET")]
            assert {headers.get("x-mirror") for _, _, headers in full.seen} == {"a, b"}
            assert {headers.get("x-mirror") for _, _, headers in empty.seen} == {None}
            assert server.seen == []

    def test_mirror_that_may_not_resolve_is_asked_for_digests_alone(self, world: World) -> None:
        with filled(OddRegistry()) as mirror, filled(OddRegistry()) as server:
            text = f"""
            server = "http://{server.host}"
            [host."http://{mirror.host}"]
              capabilities = ["pull"]
            """
            to = world.repository("registry.example/acme/app", "pull", places=world.hosts("registry.example", text))
            assert (to.resolve("v1"), to.manifest("v1").digest, to.manifest(DIGEST).digest) == (DIGEST,) * 3

            assert [path.partition("?")[0].rpartition("/")[2] for _, path, _ in server.seen] == ["v1", "v1"]
            assert [path.partition("?")[0].rpartition("/")[2] for _, path, _ in mirror.seen] == [DIGEST]

    @pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
    def test_mirror_that_fails_is_passed_over(self, status: int, world: World) -> None:
        with OddRegistry(Manner(refused=status)) as mirror, filled(OddRegistry()) as server:
            text = f'server = "http://{server.host}"\n[host."http://{mirror.host}"]\n'
            places = world.hosts("_default", text)

            assert world.repository("registry.example/acme/app", "pull", places=places).manifest("v1").digest == DIGEST
            assert len(mirror.seen) <= 2

    def test_mirror_that_is_down_is_asked_once(self, world: World) -> None:
        with filled(OddRegistry()) as server:
            text = f'server = "http://{server.host}"\n[host."http://127.0.0.1:9"]\n'
            to = world.repository("registry.example/acme/app", "pull", places=world.hosts("_default", text))
            for _ in range(3):
                assert to.manifest("v1").digest == DIGEST

            assert world.pauses == [0.25], "one more try, and none for the next requests"

    def test_mirror_that_gives_something_else_is_passed_over(self, world: World) -> None:
        with filled(OddRegistry()) as mirror, filled(OddRegistry()) as server:
            mirror.manifests[DIGEST] = (INDEX_TYPE, OTHER)
            mirror.blobs[of_bytes(DATA)] = DATA[::-1]
            text = f'server = "http://{server.host}"\n[host."http://{mirror.host}"]\n'
            to = world.repository("registry.example/acme/app", "pull", places=world.hosts("_default", text))

            assert to.manifest(DIGEST).data == INDEX
            assert bring_blob(world, to) == DATA

    def test_mirror_that_breaks_off_is_passed_over(self, world: World) -> None:
        with filled(OddRegistry(Manner(dropped=16))) as mirror, filled(OddRegistry()) as server:
            text = f'server = "http://{server.host}"\n[host."http://{mirror.host}"]\n'
            to = world.repository("registry.example/acme/app", "pull", places=world.hosts("_default", text))

            assert bring_blob(world, to) == DATA

    def test_what_every_host_said_is_told(self, world: World) -> None:
        with OddRegistry(Manner(refused=403)) as mirror, OddRegistry(Manner(refused=500)) as server:
            text = f'server = "http://{server.host}"\n[host."http://{mirror.host}"]\n'
            to = world.repository("registry.example/acme/app", "pull", places=world.hosts("_default", text))

            assert failure(lambda: to.manifest("v1")) == (
                f"{mirror.host} does not permit to pull registry.example/acme/app:v1 without a login\n"
                f"hint: docker login {mirror.host}\n"
                f"{server.host} answered 500 to: pull registry.example/acme/app:v1"
            )

    def test_path_that_a_host_overrides_has_no_version(self, world: World) -> None:
        with filled(OddRegistry()) as mirror:
            text = f'server = "http://{mirror.host}/v2/proxy"\noverride_path = true\n'
            to = world.repository("docker.io/library/python", "pull", places=world.hosts("docker.io", text))
            to.manifest("v1")

            assert mirror.requests("GET") == ["/v2/proxy/library/python/manifests/v1?ns=docker.io"]

    def test_push_goes_to_the_first_host_that_takes_one(self, world: World) -> None:
        with OddRegistry() as mirror, OddRegistry() as server:
            text = f"""
            server = "http://{server.host}"
            [host."http://{mirror.host}"]
              capabilities = ["pull", "resolve"]
            """
            to = world.repository("registry.example/acme/app", places=world.hosts("registry.example", text))
            push(to, place=to.begin())
            put_tags(to, INDEX, ["v1"])

            assert mirror.seen == []
            assert set(server.manifests) == {"v1", DIGEST}

    def test_registry_that_takes_no_push_is_said(self, world: World) -> None:
        text = 'server = "https://mirror.example"\ncapabilities = ["pull", "resolve"]\n'
        places = world.hosts("registry.example", text)

        assert failure(lambda: world.repository("registry.example/acme/app", places=places)) == (
            "no host is stated for registry.example that has the capability push\nhint: add one to its hosts.toml"
        )

    def test_login_of_a_mirror_is_its_own(self, world: World) -> None:
        with filled(OddRegistry(Manner(silent=403))) as mirror:
            world.login(mirror.host)
            text = f'server = "http://{mirror.host}"\n'
            to = world.repository("docker.io/library/python", "pull", places=world.hosts("docker.io", text))

            assert to.manifest("v1").digest == DIGEST
            assert mirror.shown() == {LOGIN}

    def test_value_of_a_header_is_in_no_message(self, world: World) -> None:
        body = json.dumps({"errors": [{"code": "DENIED", "message": "Bearer s3cret-token is old"}]}).encode()
        with OddRegistry(Manner(refused=418, body=body)) as mirror:
            text = f'server = "http://{mirror.host}"\n[header]\nAuthorization = "Bearer s3cret-token"\n'
            to = world.repository("docker.io/library/python", "pull", places=world.hosts("docker.io", text))
            said = failure(lambda: to.manifest("v1"))

        assert mirror.shown() == {"Bearer s3cret-token"}
        assert said == f"{mirror.host} answered 418 to: pull docker.io/library/python:v1 (DENIED: **** is old)"


class TestCertificates:
    """One registry with TLS, whose authority nobody knows, and which wants to see a certificate."""

    def context(self, authority: Authority, *, asks: bool = False) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority.sign("server", "IP:127.0.0.1"))
        if asks:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(authority.certificate)
        return context

    @pytest.mark.parametrize("settings", ["ca = ['{0}']", "ca = '{0}'", "skip_verify = true"])
    def test_those_that_a_file_names_count(self, settings: str, authority: Authority, world: World) -> None:
        with filled(OddRegistry(context=self.context(authority))) as registry:
            places = world.hosts(registry.host, settings.format(authority.certificate))

            assert world.repository(f"{registry.host}/acme/app", places=places).resolve("v1") == DIGEST
            assert failure(lambda: world.repository(f"{registry.host}/acme/app").resolve("v1")).startswith(
                f"no trusted connection to {registry.host}: unable to get local issuer certificate"
            )

    def test_those_of_a_host_without_tls_are_of_no_account(self, world: World) -> None:
        with filled(OddRegistry()) as registry:
            places = world.hosts("docker.io", f'[host."http://{registry.host}"]\nskip_verify = true\n')

            assert world.repository("docker.io/library/python", "pull", places=places).resolve("v1") == DIGEST

    @pytest.mark.parametrize("fault", [NewConnectionError, ConnectTimeoutError])
    def test_host_without_a_port_is_asked_without_tls_where_it_has_none(
        self, fault: type[HTTPError], world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        usual = Pools.request

        def request(pools: Pools, method: str, url: str, **options: Any) -> urllib3.BaseHTTPResponse:
            if url.startswith("https://"):
                raise fault(HTTPSConnection("harbor.example"), "nobody is there")
            return usual(pools, method, url.replace("harbor.example", registry.host), **options)

        monkeypatch.setattr(Pools, "request", request)
        with filled(OddRegistry()) as registry:
            for text in ("skip_verify = true", "skip_verify = false"):
                places = world.hosts(f"{len(text)}.example", f'server = "http://harbor.example"\n{text}\n')
                to = world.repository(f"{len(text)}.example/acme/app", "pull", places=places)
                assert to.resolve("v1") == DIGEST
            to = world.repository("harbor.example/acme/app", "pull", insecure=("harbor.example",))
            assert to.resolve("v1") == DIGEST
            with pytest.raises(NetworkError, match=r"harbor\.example cannot be reached: "):
                world.repository("harbor.example/acme/app", "pull").resolve("v1")

    @pytest.mark.parametrize("place", ["folders", "certificates"])
    def test_those_of_docker_count(self, place: str, authority: Authority, world: World) -> None:
        with filled(OddRegistry(context=self.context(authority, asks=True))) as registry:
            folder = world.folder / "certs.d" / registry.host
            folder.mkdir(parents=True)
            own = authority.sign("client")
            (folder / "ca.crt").write_bytes(authority.certificate.read_bytes())
            (folder / "client.cert").write_bytes(own.read_bytes())
            (folder / "client.key").write_bytes(own.read_bytes())
            places = RegistryHosts(**{place: (world.folder / "certs.d",)})

            assert world.repository(f"{registry.host}/acme/app", places=places).resolve("v1") == DIGEST

    @pytest.mark.parametrize("pair", ["'{0}'", "['{0}']", "[['{0}', '{0}']]", "[['{0}', '']]"])
    def test_own_one_is_shown(self, pair: str, authority: Authority, world: World) -> None:
        with filled(OddRegistry(context=self.context(authority, asks=True))) as registry:
            own = authority.sign("client")
            text = f"ca = '{authority.certificate}'\nclient = {pair.format(own)}\n"
            places = world.hosts(registry.host.replace(":", "_") + "_", text)

            assert world.repository(f"{registry.host}/acme/app", places=places).resolve("v1") == DIGEST

    def test_authority_that_is_none_is_said(self, world: World) -> None:
        (world.folder / "ca.crt").write_text("nothing")
        places = world.hosts("registry.example", f"ca = '{world.folder}/ca.crt'\n")

        assert failure(lambda: world.repository("registry.example/acme/app", places=places).resolve("v1")) == (
            f"{world.folder}/ca.crt: the file has no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----\n"
            "hint: name a file of certificates in PEM with the certificates of the registry"
        )

    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            ("ca = 'none.crt'", "none.crt: there is no such file of certificates"),
            ("ca = 'hosts.toml'", "hosts.toml: the file has no certificate in PEM, which begins with"),
            ("client = 'none.pem'", "none.pem: there is no such file of an own certificate"),
            ("client = 'hosts.toml'", "hosts.toml: the file has no certificate with the key that belongs to it"),
        ],
    )
    def test_mirror_with_a_wrong_one_is_not_passed_over(self, settings: str, said: str, world: World) -> None:
        with filled(OddRegistry()) as server:
            text = f'server = "http://{server.host}"\n[host."https://mirror.example"]\n{settings}\n'
            to = world.repository("docker.io/library/python", "pull", places=world.hosts("docker.io", text))

            assert failure(lambda: to.resolve("v1")).startswith(f"{world.folder}/certs.d/docker.io/{said}")
            assert server.seen == []

    def test_mirror_with_one_of_a_daemon_is_passed_over(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        usual = Path.stat

        def stat(path: Path, **options: bool) -> os.stat_result:
            if path.name == "ca.crt":
                raise PermissionError(13, "Permission denied")
            return usual(path, **options)

        monkeypatch.setattr(Path, "stat", stat)
        with filled(OddRegistry()) as server:
            text = f'server = "http://{server.host}"\n[host."https://mirror.example"]\nca = "ca.crt"\n'
            to = world.repository("docker.io/library/python", "pull", places=world.hosts("docker.io", text))

            assert to.resolve("v1") == DIGEST
