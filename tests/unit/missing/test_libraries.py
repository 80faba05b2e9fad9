"""Libraries that an image lacks, by name, each with one file that needs it."""

from __future__ import annotations

from onedigest.missing.facts import Facts
from onedigest.missing.image_contents import ImageContents, InputContents
from onedigest.missing.libraries import MissingFile, grouped, missing_libraries
from onedigest.platforms import AMD64, ARM64


def world(*needs: tuple[str, int, tuple[str, ...]], asked: bool = True) -> ImageContents:
    return ImageContents(
        platform=AMD64,
        inputs=(InputContents(label="shop 1.0", asked=asked, facts=Facts(needs=needs)),),
        libraries=frozenset(["libc.so.6"]),
        programs=frozenset(),
        rootfs=None,
    )


def test_library_that_nothing_brings_is_missing() -> None:
    needs = ("shop/a.so", AMD64.elf_machine, ("libc.so.6", "/lib/libgl.so.1", "libcuda.so.1"))
    assert missing_libraries([world(needs)]) == [
        MissingFile(name="libgl.so.1", users={"shop 1.0": "shop/a.so"}, platforms=(AMD64,), optional=False)
    ]


def test_needs_of_other_machines_and_of_a_base_do_not_count() -> None:
    assert missing_libraries([world(("shop/a.so", ARM64.elf_machine, ("libgl.so.1",)))]) == []
    assert missing_libraries([world(("shop/a.so", AMD64.elf_machine, ("libgl.so.1",)), asked=False)]) == []


def test_nearest_user_that_is_no_plugin_is_named() -> None:
    paths = ("x/plugins/a.so", "x/deep/b.so", "x/c.so")
    (found,) = grouped(("libgl.so.1", "x 1", path, platform) for path in paths for platform in (ARM64, AMD64))
    (plugin,) = grouped([("libgl.so.1", "x 1", "x/plugins/a.so", AMD64)])

    assert (found.users, found.optional, set(found.platforms)) == ({"x 1": "x/c.so"}, False, {AMD64, ARM64})
    assert plugin.optional
