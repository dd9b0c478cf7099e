"""Compiles Python sources, each into a file named by the sha256 of its source.

    python -I -S -c SCRIPT FOLDER < paths, with a zero byte after each

Run by the interpreter that will import them, and by nothing else of its environment. What a file
holds depends on the source alone: it names no path (importing sets that), and is never held against
a source again (PEP 552, unchecked). A seal at its end, which loaders do not read, says that it is
whole. A source that does not compile gets a file with nothing but the seal. Standard library only.
"""

import contextlib
import hashlib
import importlib.util
import marshal
import os
import sys

NAME = "<source>"
UNCHECKED = (1).to_bytes(4, "little")


def main() -> None:
    folder = os.fsencode(sys.argv[1])
    for path in sys.stdin.buffer.read().split(b"\0")[:-1]:
        with contextlib.suppress(OSError, MemoryError, RecursionError, OverflowError):
            compile_one(path, folder)


def compile_one(path: bytes, folder: bytes) -> None:
    with open(path, "rb") as file:
        source = file.read()
    digest, body = hashlib.sha256(source), compiled(source)
    seal = hashlib.sha256(digest.digest() + body).digest()
    with open(os.path.join(folder, digest.hexdigest().encode()), "wb") as file:
        file.write(body + seal)


def compiled(source: bytes) -> bytes:
    """Empty where that is no Python."""
    try:
        code = compile(source, NAME, "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return b""
    hashed = importlib.util.source_hash(source)
    return importlib.util.MAGIC_NUMBER + UNCHECKED + hashed + marshal.dumps(code)


if __name__ == "__main__":
    main()
