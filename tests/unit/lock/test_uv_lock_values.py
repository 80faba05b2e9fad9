"""Rows of a uv.lock: each value that an index wrote is checked before anything is made of it."""

from __future__ import annotations

from typing import Any

import pytest

from onedigest.errors import InputError
from onedigest.lock.uv_lock_values import check_rows, read_wheel
from onedigest.tools.uv_rows import stated_digest, wheel_address, wheel_digest, wheel_name

SHA256 = f"sha256:{'a' * 64}"
INDEX = {"registry": "https://index.invalid/simple"}
WHEEL = {"url": "https://files.invalid/x/alpha-1.0-py3-none-any.whl#sha256=b", "hash": SHA256, "size": 7}


def problem(package: dict[str, Any]) -> str:
    row = {"name": "alpha", "version": "1.0", "source": INDEX, "wheels": [WHEEL], **package}
    with pytest.raises(InputError) as caught:
        check_rows({"package": [row]}, (), "job.py")
    return str(caught.value).removeprefix("job.py: what the index says of `alpha` cannot be used: ")


@pytest.mark.parametrize(
    ("wheel", "expected"),
    [
        ({"hash": "sha256:../../x"}, "is 'sha256:../../x', which is not a sha256 digest"),
        ({"hash": "sha256:" + "A" * 64}, "which is not a sha256 digest"),
        ({"hash": "sha512:" + "a" * 64}, "a hash is 'sha512:" + "a" * 64 + "', which is not a sha512 digest"),
        ({"hash": "sha1:" + "a" * 40}, "a hash is 'sha1:" + "a" * 40 + "', which is not a known digest"),
        ({"size": -1}, "a size is not a number of bytes from 0 to 1099511627776"),
        ({"size": True}, "a size is not a number of bytes"),
        ({"upload-time": "yesterday"}, "an upload time is none"),
        ({"url": "file:///etc/alpha-1.0-py3-none-any.whl"}, "an index elsewhere names a file of this machine"),
        ({"url": "ftp://x/alpha-1.0-py3-none-any.whl"}, "a wheel has an address that is neither https nor http"),
        ({"url": "https://x/\nalpha-1.0-py3-none-any.whl"}, "which holds a control character"),
    ],
)
def test_wrong_value_of_a_wheel(wheel: dict[str, Any], expected: str) -> None:
    assert problem({"wheels": [{**WHEEL, **wheel}]}).endswith(expected)


@pytest.mark.parametrize(
    ("package", "expected"),
    [
        ({"version": "1.0\n"}, "its version is '1.0\\n', which is not a version"),
        ({"dependencies": [{"name": "../x"}]}, "the name of a dependency is '../x', which is not the name of a project"),
        ({"dependencies": [{"name": "x", "extra": ["a b"]}]}, "an extra is 'a b', which is not the name of a project"),
        ({"optional-dependencies": {"y": [{"name": "x", "marker": "nonsense"}]}}, "a marker is none"),
        ({"dependencies": [{"name": "x", "marker": "os_name == 'a' or " * 2000}]},
         "a marker has more than 20000 characters"),
    ],
)  # fmt: skip
def test_wrong_value_of_a_package(package: dict[str, Any], expected: str) -> None:
    assert problem(package) == expected


def test_what_is_right_is_taken() -> None:
    markers = [{"name": "x", "marker": "python_full_version >= '3.11' and extra == 'extra-1-a-b'"}]
    local = {
        "name": "b",
        "source": {"path": "/w/b-1-py3-none-any.whl"},
        "wheels": [{"filename": "b-1-py3-none-any.whl"}],
    }
    check_rows(
        {"package": [{"name": "alpha", "version": "1!1.0+x", "source": INDEX, "wheels": [WHEEL], "dependencies": markers},
                     local]},
        ["/w/b-1-py3-none-any.whl"],
        "job.py",
    )  # fmt: skip
    wheel = read_wheel(WHEEL)

    assert wheel
    assert (wheel.name, wheel.digest, wheel.size) == ("alpha-1.0-py3-none-any.whl", SHA256, 7)


@pytest.mark.parametrize("name", ["..whl", "alpha.whl", "alpha-1.0-py3-none-any.tar.gz", "a%2F..%2Fb-1-py3-none-any.whl", "", "/"])  # fmt: skip
def test_file_whose_name_is_not_that_of_a_wheel_is_none(name: str) -> None:
    assert wheel_name({"url": f"https://x.invalid/{name}"}) == ""
    assert read_wheel({"url": f"https://x.invalid/{name}"}) is None


@pytest.mark.parametrize("stated", ["", f"md5:{'a' * 32}", f"sha384:{'a' * 96}", f"sha512:{'a' * 128}", f"blake2b:{'a' * 64}"])  # fmt: skip
def test_digest_of_another_algorithm_is_no_sha256(stated: str) -> None:
    assert (wheel_digest({"hash": stated}), stated_digest({"hash": stated})) == ("", stated)
    assert wheel_digest({"hash": SHA256}) == stated_digest({"hash": SHA256}) == SHA256


@pytest.mark.parametrize(
    ("source", "row", "expected"),
    [
        (INDEX, WHEEL, "https://files.invalid/x/alpha-1.0-py3-none-any.whl"),
        ({"url": "https://x/a.whl#sha256=b"}, {"hash": SHA256}, "https://x/a.whl"),
        ({"path": "/w/a b.whl"}, {"filename": "a b.whl"}, "/w/a b.whl"),
        ({"registry": "/w"}, {"path": "a.whl"}, "/w/a.whl"),
        ({"registry": "file:///w%20x"}, {"path": "a.whl"}, "/w x/a.whl"),
        ({"registry": "/w"}, {"url": "file:///w%20x/a.whl"}, "/w x/a.whl"),
    ],
)
def test_where_a_wheel_is(source: dict[str, str], row: dict[str, str], expected: str) -> None:
    assert wheel_address(source, row) == expected


@pytest.mark.parametrize("name", ["torch-2.1.0%2Bcu118-cp311-cp311-linux_x86_64.whl", "torch-2.1.0%2bcu118-cp311-cp311-linux_x86_64.whl?X-Amz-Signature=a%2Fb.whl", "torch-2.1.0%252Bcu118-cp311-cp311-linux_x86_64.whl", "torch-2.1.0+cu118-cp311-cp311-linux_x86_64.whl"])  # fmt: skip
def test_local_version_of_a_wheel(name: str) -> None:
    assert wheel_name({"url": f"https://x/{name}"}) == "torch-2.1.0+cu118-cp311-cp311-linux_x86_64.whl"
