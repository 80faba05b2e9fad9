"""Annotations of an image: on the index and each manifest, the same from every engine, and nowhere without any."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from full_case import LOCK, SPEC, plan_of
from onedigest.assembler.__main__ import main
from onedigest.assembler.descriptor import Descriptor
from onedigest.assembler.image import Image, assemble_index, assemble_platform
from onedigest.digest import canonical_json
from onedigest.rules.bake import read_targets, render_bake, target_of
from onedigest.rules.bazel import render_build
from onedigest.rules.nix import render_nix

DIGEST = "sha256:" + "0" * 64
LAYER = Descriptor(DIGEST, DIGEST, 3)
CONFIG: dict[str, object] = {"config": {}, "history": [{}]}
ANNOTATIONS = {"org.opencontainers.image.description": 'a <look> & "see" ö', "a.b": "x,y=z"}
ANNOTATED = replace(SPEC, annotations=tuple(sorted(ANNOTATIONS.items())))


def image(annotations: dict[str, str]) -> Image:
    platforms = [assemble_platform(f"linux/{each}", CONFIG, [LAYER], annotations) for each in ("amd64", "arm64")]
    return assemble_index(platforms, annotations)


def test_annotations_stand_on_the_index_and_on_each_manifest() -> None:
    found = image(ANNOTATIONS)

    for document in (found.index, *(each.manifest for each in found.platforms)):
        assert json.loads(document)["annotations"] == ANNOTATIONS
        assert document == canonical_json(json.loads(document))
    assert [each.config for each in found.platforms] == [each.config for each in image({}).platforms]


def test_documents_without_annotations_say_nothing_of_them() -> None:
    found = image({})

    assert not any(b"annotations" in each for each in (found.index, *(one.manifest for one in found.platforms)))


def test_assembler_is_given_annotations_as_json(tmp_path: Path) -> None:
    files = {
        "config.json": CONFIG,
        "layer.json": {"diff_id": DIGEST, "digest": DIGEST, "size": 3},
        "annotations.json": ANNOTATIONS,
    }
    for name, value in files.items():
        (tmp_path / name).write_bytes(canonical_json(value))
    words = [f"--annotations={tmp_path}/annotations.json", f"--digests={tmp_path}/digests.json", "--quiet"]
    for each in ("linux/amd64", "linux/arm64"):
        words += ["--config", f"{each}={tmp_path}/config.json", "--layer", f"{each}={tmp_path}/layer.json"]

    assert main(["image", *words]) == 0
    assert json.loads((tmp_path / "digests.json").read_bytes())["index"] == image(ANNOTATIONS).digest


@pytest.mark.parametrize("text", ['{"a": 1}', "[]", '{"a": null}', "{"])
def test_other_documents_are_no_annotations(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, content in (("config.json", canonical_json({"history": []})), ("annotations.json", text.encode())):
        (tmp_path / name).write_bytes(content)
    code = main(
        ["image", "--config", f"linux/amd64={tmp_path}/config.json", "--annotations", f"{tmp_path}/annotations.json"]
    )

    assert code == 1
    assert capsys.readouterr().err.startswith("refused: annotations.json: not ")


def test_plan_is_another_with_annotations_and_its_layers_are_not() -> None:
    plain, annotated = plan_of(SPEC), plan_of(ANNOTATED)

    assert plain.digest() != annotated.digest()
    assert plain.platforms == annotated.platforms


def test_rules_state_annotations() -> None:
    plan = plan_of(ANNOTATED)
    nix = render_nix(ANNOTATED, plan, "locks")
    target = target_of(ANNOTATED, plan, "locks")
    lines = [f"index,manifest:{name}={text}" for name, text in sorted(ANNOTATIONS.items())]

    assert '  annotations = {\n    "a.b" = "x,y=z";\n' in nix
    assert json.loads(render_bake([target], "locks"))["target"]["full"]["annotations"] == lines
    assert read_targets(render_bake([target], "locks")) == {"full": target}
    assert "annotations" not in render_nix(SPEC, plan_of(SPEC), "locks")


def test_bake_annotates_no_index_of_one_platform() -> None:
    """BuildKit writes none for one platform, and fails where one is to be annotated."""
    lock = replace(LOCK, platforms=LOCK.platforms[:1])

    assert target_of(ANNOTATED, plan_of(ANNOTATED, lock), "locks").annotations[0] == "manifest:a.b=x,y=z"


def test_build_file_states_annotations() -> None:
    spec = replace(ANNOTATED, run=())
    plan = replace(plan_of(spec), platforms=())

    assert '    annotations = {\n        "a.b": "x,y=z",\n' in render_build(spec, plan, {}, "//locks")
