"""What a requirements.txt may say. Everything that is not a package of the index is refused."""

import pytest

from setpoint.drivers.builders.errors import CannotBuild
from setpoint.drivers.builders.requirements import Requirement, Requirements, screen

A_HASH = "sha256:" + "0" * 64


def screened(text: str | bytes, **others: str) -> Requirements:
    data = text if isinstance(text, bytes) else text.encode()
    files = {"requirements.txt": data, **{k: v.encode() for k, v in others.items()}}
    return screen("requirements.txt", files.get)


def test_packages_constraints_comments_and_continuations_are_read() -> None:
    files = {
        "requirements.txt": b"\xef\xbb\xbfFlask==3.0 # web\r\n-rbase/more.txt\n--pre\n\n"
        b"requests[socks]>=2 \\\n  ; python_version>'3'\n",
        "base/more.txt": b"-c ../bounds.txt\nSix_Things.too\n-r ../requirements.txt\n",
        "bounds.txt": b"six<2\n",
    }
    assert screen("requirements.txt", files.get) == Requirements(
        wanted=(
            Requirement("flask", "Flask==3.0"),
            Requirement("six-things-too", "Six_Things.too"),
            Requirement("requests", "requests[socks]>=2    ; python_version>'3'"),
        ),
        constraints=(Requirement("six", "six<2"),),
        prerelease=True,
    )


def test_specifier_is_what_bounds_the_version() -> None:
    assert Requirement("a", "a[x] >= 1, <2 ; python_version > '3'").specifier == ">=1,<2"
    assert Requirement("a", "a").specifier == ""


def test_hashes_are_kept_apart() -> None:
    (only,) = screened(f"six==1.16.0 \\\n    --hash={A_HASH}\n").wanted
    assert only == Requirement("six", "six==1.16.0", frozenset({A_HASH}))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("-e .", "editable installs"),
        ("-r /etc/passwd", "lies outside the source"),
        ("-r ../../etc/passwd", "lies outside the source"),
        ("-r ~/x", "lies outside the source"),
        ("-r", "lies outside the source"),
        ("-r https://example.com/r.txt", "not part of the source"),
        ("-r nope.txt", "there is no nope.txt"),
        ("git+https://example.com/x", "version control"),
        ("x @ git+ssh://example.com/x", "version control"),
        ("x @ https://example.com/x.whl", "a direct address"),
        ("https://example.com/x.zip", "a direct address"),
        ("x@file:///etc/passwd", "a direct address"),
        ("x @ ./local", "a direct address"),
        ("./local", "not a package of the index"),
        ("/abs/x", "not a package of the index"),
        ("x-1.0-py3-none-any.whl", "not a package of the index"),
        ("--index-url https://evil.example", "the package index is the operator's choice"),
        ("--find-links=/tmp", "the package index is the operator's choice"),
        ("--no-binary :all:", "--no-binary is not supported"),
        ("--config-settings x", "--config-settings is not supported"),
        ("x==${VERSION}", "variables are not replaced"),
        ("x --global-option=a", "options behind a package"),
        ("x\0y", "holds the character"),
        ("x\x0c-r /etc/passwd", "holds the character"),
    ],
)
def test_anything_else_is_refused_with_its_line(line: str, words: str) -> None:
    with pytest.raises(CannotBuild) as refused:
        screened(f"six\n{line}\n")
    assert words in refused.value.message


def test_encodings_that_are_not_utf8_are_named() -> None:
    with pytest.raises(CannotBuild, match="not UTF-8"):
        screened("six\n".encode("utf-16"))


def test_index_that_the_operator_set_may_be_repeated() -> None:
    text = b"--index-url https://mirror.example/simple\nsix\n"
    allowed = frozenset({"https://mirror.example/simple"})
    files = {"requirements.txt": text}
    assert len(screen("requirements.txt", files.get, allowed).wanted) == 1
