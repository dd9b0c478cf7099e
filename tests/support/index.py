"""A package index on loopback, with packages published as source only, made on the spot."""

import hashlib
import io
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.support.serving import serving

PYPROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'

BACKEND = """
import os, sys, zipfile
NAME, VERSION, METADATA, MODULE = {values!r}
def build_wheel(folder, settings=None, metadata=None):
    print("building", NAME)
{body}
    info = f"{{NAME}}-{{VERSION}}.dist-info"
    name = f"{{NAME}}-{{VERSION}}-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        for path, text in {{
            f"{{NAME}}.py": MODULE,
            f"{{info}}/METADATA": METADATA,
            f"{{info}}/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
            f"{{info}}/RECORD": "",
        }}.items():
            wheel.writestr(path, text)
    return name
"""
"""A backend of few lines, so that nothing else has to be fetched. `body` runs as it builds."""


def sdist(
    name: str,
    version: str = "1.0",
    body: str = "pass",
    needs: tuple[str, ...] = (),
    built_needs: tuple[str, ...] = (),
) -> bytes:
    """`built_needs`: what only its build tells."""
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {need}\n" for need in needs)
    built = metadata + "".join(f"Requires-Dist: {need}\n" for need in built_needs)
    indented = "\n".join(f"    {line}" for line in body.splitlines())
    files = {
        "PKG-INFO": metadata,
        "pyproject.toml": PYPROJECT,
        "backend.py": BACKEND.format(
            values=(name, version, built, f"VERSION = {version!r}\n"), body=indented
        ),
    }
    return tar_gz({f"{name}-{version}/{path}": text for path, text in files.items()})


def tar_gz(files: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for path, text in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


@dataclass
class Index:
    """`files`: by package and file name."""

    port: int = 0
    files: dict[str, dict[str, bytes]] = field(default_factory=dict[str, dict[str, bytes]])
    asked: list[str] = field(default_factory=list[str])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/simple"

    def publish(self, name: str, version: str = "1.0", body: str = "pass", **more) -> None:
        content = sdist(name, version, body, **more)
        self.files.setdefault(name, {})[f"{name}-{version}.tar.gz"] = content

    def answer(self, path: str) -> bytes | None:
        parts = path.strip("/").split("/")
        if len(parts) == 2 and parts[1] in self.files:
            return "".join(_links(parts[1], self.files[parts[1]])).encode()
        return self.files.get(parts[1], {}).get(parts[2]) if len(parts) == 3 else None


def _links(package: str, files: dict[str, bytes]) -> Iterator[str]:
    for name, content in files.items():
        digest = hashlib.sha256(content).hexdigest()
        yield f'<a href="/files/{package}/{name}#sha256={digest}">{name}</a>\n'


@contextmanager
def served() -> Iterator[Index]:
    index = Index()

    def answer(path: str) -> tuple[str, bytes | None]:
        index.asked.append(path)
        return "text/html", index.answer(path)

    with serving(answer) as index.port:
        yield index
