"""Which image of an index is that of a platform: as containerd chooses, whatever else is in the index."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from onedigest.assembler.image import CONFIG_TYPE, INDEX_TYPE, MANIFEST_TYPE
from onedigest.digest import Digest, of_bytes
from onedigest.errors import InputError
from onedigest.oci.media import DOCKER_INDEX
from onedigest.oci.read import ReadImage, read_from

LAYER = {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": "sha256:" + "1" * 64, "size": 1}
AMD64, ARM64 = {"os": "linux", "architecture": "amd64"}, {"os": "linux", "architecture": "arm64"}
UNKNOWN = {"os": "unknown", "architecture": "unknown"}
BOTH = ("linux/amd64", "linux/arm64")

Row = dict[str, Any]


class Memory:
    """Documents by digest, which counts what was asked for."""

    name = "memory"

    def __init__(self) -> None:
        self.documents: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.first = ("", b"")

    def top(self) -> tuple[str, bytes]:
        return self.first

    def document(self, digest: str, size: int, *, manifest: bool) -> bytes:
        self.asked.append(digest)
        return self.documents[digest]

    def where(self, digest: str) -> str:
        return digest[:12]

    def put(self, media_type: str, document: object) -> Row:
        """Keep a document; return its descriptor."""
        data = json.dumps(document).encode()
        self.documents[of_bytes(data)] = data
        return {"mediaType": media_type, "digest": of_bytes(data), "size": len(data)}

    def image(self, mark: str = "", own: Mapping[str, str] = AMD64, config_type: str = CONFIG_TYPE) -> Row:
        """Keep an image whose configuration states a platform; return the descriptor of its manifest."""
        rootfs = {"type": "layers", "diff_ids": [LAYER["digest"]]}
        config = self.put(config_type, {**own, "rootfs": rootfs, "config": {"Labels": {"mark": mark}}})
        return self.put(MANIFEST_TYPE, {"schemaVersion": 2, "config": config, "layers": [LAYER]})

    def index(self, *rows: Row, media_type: str = INDEX_TYPE) -> Row:
        """Keep an index; return its descriptor."""
        return self.put(media_type, {"schemaVersion": 2, "mediaType": media_type, "manifests": rows})

    def read(self, *rows: Row, wanted: Sequence[str] = BOTH) -> ReadImage:
        """Read the index of some rows."""
        described = self.index(*rows)
        self.first = described["mediaType"], self.documents[described["digest"]]
        return read_from(self, wanted)


def stated(row: Row, platform: object, **more: object) -> Row:
    return {**row, "platform": platform, **more}


def marks(image: ReadImage) -> dict[str, str]:
    return {each.platform: each.config["config"]["Labels"]["mark"] for each in image.platforms}


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.mark.parametrize(
    "platform",
    [
        ARM64,
        {**ARM64, "variant": "v8"},
        {**ARM64, "variant": "8"},
        {**ARM64, "variant": "V8"},
        {**ARM64, "variant": "v8.0"},
        {**ARM64, "variant": ""},
        {"os": "Linux", "architecture": "ARM64"},
        {"os": "linux", "architecture": "aarch64"},
        {"architecture": "arm64"},
        {**ARM64, "os.version": "5.10", "os.features": []},
    ],
)
def test_platform_is_known_by_each_of_its_names(platform: Mapping[str, object], memory: Memory) -> None:
    plain, other = memory.image("amd64"), memory.image("arm64", ARM64)

    assert marks(memory.read(stated(plain, AMD64), stated(other, platform))) == {
        "linux/amd64": "amd64",
        "linux/arm64": "arm64",
    }


@pytest.mark.parametrize(
    ("platform", "offered"),
    [
        ({**ARM64, "variant": "v9"}, "linux/arm64/v9"),
        ({**ARM64, "variant": "v8.1"}, "linux/arm64/v8.1"),
        ({**AMD64, "variant": "v2"}, "linux/amd64/v2"),
        ({"os": "linux", "architecture": "arm", "variant": "v8"}, "linux/arm/v8"),
        ({"os": "linux", "architecture": "armhf"}, "linux/arm/v7"),
        ({"os": "linux", "architecture": "386"}, "linux/386"),
        ({"os": "windows", "architecture": "amd64", "os.version": "10.0.17763"}, "windows/amd64"),
    ],
)
def test_what_not_every_machine_of_a_platform_runs_is_offered_alone(
    platform: Mapping[str, str], offered: str, memory: Memory
) -> None:
    image = memory.read(stated(memory.image(), platform), wanted=["linux/amd64", "linux/arm64"])

    assert (image.platforms, image.offered) == ((), (offered,))


def test_variant_that_every_machine_runs_is_taken_wherever_it_stands(memory: Memory) -> None:
    fast = stated(memory.image("v3"), {**AMD64, "variant": "v3"})
    plain = stated(memory.image("v1"), {**AMD64, "variant": "v1"})

    for rows in ((fast, plain), (plain, fast)):
        assert marks(memory.read(*rows, wanted=["linux/amd64"])) == {"linux/amd64": "v1"}


def test_first_of_several_is_taken(memory: Memory) -> None:
    rows = [stated(memory.image(mark), AMD64) for mark in ("first", "second")]

    assert marks(memory.read(*rows, wanted=["linux/amd64"])) == {"linux/amd64": "first"}


@pytest.mark.parametrize(
    "entry",
    [
        {"mediaType": "application/vnd.oci.artifact.manifest.v1+json"},
        {"mediaType": "application/vnd.in-toto+json", "digest": "sha512:" + "0" * 128, "size": 1},
        {"mediaType": "application/vnd.docker.distribution.manifest.v1+prettyjws", "platform": AMD64},
        {"mediaType": "text/plain", "platform": AMD64, "size": "large"},
        {"platform": AMD64},
        {"mediaType": None, "platform": AMD64},
        {"artifactType": "application/vnd.amazon.soci.index.v2+json", "platform": AMD64},
        {"artifactType": "application/vnd.dev.cosign.artifact.sig.v1+json"},
        {"platform": UNKNOWN, "annotations": {"vnd.docker.reference.type": "attestation-manifest"}},
        {"platform": {"os": "linux", "architecture": "unknown"}},
        {"platform": {**AMD64, "os.features": ["nydus.remoteimage.v1"]}},
        {"platform": {"os": "linux"}},
        {"platform": {"os": "linux", "architecture": "../x"}},
        {"platform": {}},
    ],
    ids=lambda entry: json.dumps(entry)[:60],
)
def test_entry_that_is_no_image_is_passed_over(entry: Row, memory: Memory) -> None:
    """The entry is first, and what it stands for is not there: nobody asks for it."""
    missing = {"digest": "sha256:" + "0" * 64, "size": 2}
    media_type = {} if "mediaType" in entry or entry == {"platform": AMD64} else {"mediaType": MANIFEST_TYPE}
    plain = stated(memory.image("plain"), AMD64)

    for wanted in (["linux/amd64"], []):
        assert marks(memory.read({**missing, **media_type, **entry}, plain, wanted=wanted)) == {"linux/amd64": "plain"}


def test_artifact_that_says_so_in_its_manifest_alone_is_passed_over(memory: Memory) -> None:
    artifact = memory.image("artifact", config_type="application/vnd.oci.empty.v1+json")
    plain = memory.image("plain")

    for rows in ((stated(artifact, AMD64), stated(plain, AMD64)), (artifact, stated(plain, AMD64)), (artifact, plain)):
        assert marks(memory.read(*rows, wanted=["linux/amd64"])) == {"linux/amd64": "plain"}


def test_image_that_calls_itself_an_image_is_one(memory: Memory) -> None:
    row = stated(memory.image("x"), AMD64, artifactType=CONFIG_TYPE)

    assert marks(memory.read(row, wanted=["linux/amd64"])) == {"linux/amd64": "x"}


def test_configuration_tells_the_platform_that_an_entry_leaves_out(memory: Memory) -> None:
    rows = [memory.image("amd64"), memory.image("arm64", {"architecture": "aarch64", "variant": "v8", "os": "linux"})]

    expected = {"linux/amd64": "amd64", "linux/arm64": "arm64"}
    assert marks(memory.read(*rows)) == marks(memory.read(*rows, wanted=[])) == expected


def test_entry_with_the_platform_comes_before_one_without(memory: Memory) -> None:
    bare, plain = memory.image("bare"), stated(memory.image("plain"), AMD64)

    assert marks(memory.read(bare, plain, wanted=["linux/amd64"])) == {"linux/amd64": "plain"}
    assert bare["digest"] not in memory.asked


@pytest.mark.parametrize("media_type", [INDEX_TYPE, DOCKER_INDEX])
@pytest.mark.parametrize("platform", [None, AMD64], ids=["bare", "stated"])
def test_index_in_an_index_is_walked(media_type: str, platform: object, memory: Memory) -> None:
    inner = memory.index(
        stated(memory.image("other", ARM64), ARM64), stated(memory.image("inner"), AMD64), media_type=media_type
    )
    row = stated(inner, platform) if platform else inner

    assert marks(memory.read(row, wanted=["linux/amd64"])) == {"linux/amd64": "inner"}
    assert marks(memory.read(memory.index(row), wanted=["linux/amd64"])) == {"linux/amd64": "inner"}


def test_each_platform_may_be_in_an_index_of_its_own(memory: Memory) -> None:
    inner = [memory.index(stated(memory.image("", own), own)) for own in (AMD64, ARM64)]
    image = memory.read(memory.index(), *inner, inner[0], wanted=[])

    assert tuple(each.platform for each in image.platforms) == image.offered == BOTH
    assert len(memory.asked) == len(set(memory.asked)), "nothing is read twice"


def test_image_outside_comes_before_one_in_an_index(memory: Memory) -> None:
    inner = memory.index(stated(memory.image("inner"), AMD64))

    assert marks(memory.read(inner, stated(memory.image("outer"), AMD64), wanted=["linux/amd64"])) == {
        "linux/amd64": "outer"
    }
    assert inner["digest"] not in memory.asked


def nested(memory: Memory, depth: int, fan: int = 1) -> Row:
    row = stated(memory.image("deep"), AMD64)
    for level in range(depth):
        row = {**memory.index(*[row] * fan), "annotations": {"level": str(level)}}
    return row


def test_indexes_are_walked_in_bounds(memory: Memory) -> None:
    assert marks(memory.read(nested(memory, 8), wanted=["linux/amd64"])) == {"linux/amd64": "deep"}
    for wanted in (["linux/amd64"], ["linux/arm64"], []):
        with pytest.raises(InputError, match="it has indexes in indexes, more than 8 deep"):
            memory.read(nested(memory, 9), wanted=wanted)


def test_index_that_names_another_many_times_is_walked_once(memory: Memory) -> None:
    assert marks(memory.read(nested(memory, 8, fan=100), wanted=["linux/amd64"])) == {"linux/amd64": "deep"}
    assert memory.read(nested(memory, 8, fan=100), wanted=["linux/arm64"]).offered == ("linux/amd64",)


def test_rows_of_all_indexes_together_are_bounded(memory: Memory) -> None:
    rows = [memory.index(*[stated(memory.image(f"{number}"), ARM64)] * 300) for number in range(4)]
    with pytest.raises(InputError, match="more than 1024 manifests with the indexes in it"):
        memory.read(*rows, wanted=["linux/amd64"])


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"mediaType": MANIFEST_TYPE}, "it is called an index, and is a manifest"),
        ({"config": {}}, "it is called an index, and is a manifest"),
        ({"layers": []}, "it is called an index, and is a manifest"),
        ({"manifests": {}}, "no `manifests`"),
        ({"manifests": ["x"]}, "not a descriptor: 'x'"),
        ({"manifests": [{"mediaType": INDEX_TYPE, "digest": "sha256:../x", "size": 1}]}, "not a descriptor: "),
        ({"manifests": [{"mediaType": MANIFEST_TYPE, "platform": "linux/amd64"}]}, "a `platform` is not an object"),
    ],
)
def test_hostile_index_is_refused(document: Mapping[str, object], said: str, memory: Memory) -> None:
    described = memory.put(INDEX_TYPE, {"manifests": [], **document})
    memory.first = INDEX_TYPE, memory.documents[described["digest"]]
    if document.get("manifests"):
        with pytest.raises(InputError, match=said):
            read_from(memory, BOTH)
    with pytest.raises(InputError, match=said):
        memory.read(described)


def test_manifest_that_is_an_index_too_is_refused(memory: Memory) -> None:
    manifest = json.loads(memory.documents[memory.image()["digest"]])
    row = memory.put(MANIFEST_TYPE, {**manifest, "manifests": []})

    for stating in (row, stated(row, AMD64)):
        with pytest.raises(InputError, match="it is called a manifest, and is an index"):
            memory.read(stating, wanted=["linux/amd64"])


def test_index_that_lies_of_a_platform_is_refused(memory: Memory) -> None:
    with pytest.raises(
        InputError, match="the index says another platform than the configuration, which is of linux/amd64"
    ):
        memory.read(stated(memory.image(), ARM64), wanted=["linux/arm64"])


@pytest.mark.parametrize(
    "own", [AMD64, {"os": "linux", "architecture": "x86_64"}, {**AMD64, "variant": "v2"}], ids=["plain", "name", "v2"]
)
def test_only_image_is_taken_as_it_is(own: Mapping[str, str], memory: Memory) -> None:
    """Without an index containerd does not look at the platform; its variant is not looked at here."""
    row = memory.image("only", own)
    memory.first = MANIFEST_TYPE, memory.documents[row["digest"]]

    assert marks(read_from(memory, ["linux/amd64"])) == {"linux/amd64": "only"}
    assert read_from(memory, ["linux/arm64"]).offered == ("linux/amd64",)


def test_artifact_that_is_named_as_an_image_is_refused(memory: Memory) -> None:
    row = memory.image("chart", config_type="application/vnd.cncf.helm.config.v1+json")
    memory.first = MANIFEST_TYPE, memory.documents[row["digest"]]
    with pytest.raises(InputError) as caught:
        read_from(memory, BOTH)

    assert str(caught.value) == (
        "memory: it is no image, but an artifact of the type 'application/vnd.cncf.helm.config.v1+json'"
    )


def test_digest_of_an_image_is_that_of_its_index(memory: Memory) -> None:
    image = memory.read(memory.index(stated(memory.image(), AMD64)), wanted=["linux/amd64"])

    assert image.digest == Digest(of_bytes(memory.first[1]))
