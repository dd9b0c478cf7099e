"""Packages that the index has as source only: which version, and its sdist, checked by hash.

Choosing the version is the resolver's work, asked about one package alone, told beforehand that it
depends on nothing: so it has nothing to build, and downloads are ours.
"""

import base64
import hashlib
import re
import tomllib
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from setpoint.drivers.builders import uv as tool
from setpoint.drivers.builders.errors import CannotBuild
from setpoint.drivers.builders.stack import Interpreter
from setpoint.drivers.builders.uv import Uv
from setpoint.formats.handover import SDIST_BYTES_MAX
from setpoint.model.ids import Digest

WAIT_S_MAX = 60.0
CHUNK_BYTES = 1024 * 1024
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_VERSION = re.compile(r"[A-Za-z0-9._+!]{1,100}")


class Source(msgspec.Struct, frozen=True):
    """One sdist of the index. `url`: without credentials."""

    name: str
    version: str
    url: str
    digest: Digest

    @property
    def label(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True)
class Sources:
    """`folder`: where sdists go, by hash. `operator`: names indexes, with their credentials."""

    folder: Path
    operator: Mapping[str, str]

    def find(
        self, uv: Uv, python: Interpreter, scratch: Path, name: str, bounds: Iterable[str]
    ) -> Source | None:
        """The newest sdist within `bounds` (requirement lines of this package alone), or None."""
        if not _NAME.fullmatch(name):
            return None
        told = scratch / "alone.toml"
        told.write_text(f'[[dependency-metadata]]\nname = "{name}"\nrequires-dist = []\n')
        outcome = uv.run(
            *("pip", "compile", "--no-header", "--no-annotate", "--no-deps"),
            *("--format", "pylock.toml", "--no-binary", name),
            *("--config-file", str(told), "--python", python.path, "-"),
            stdin="".join(f"{line}\n" for line in (name, *bounds)),
            folder=str(scratch),
        )
        return _source(outcome.output) if outcome.ok else None

    def fetch(self, source: Source) -> Path:
        """Its file: here already, or downloaded. Raises CannotBuild."""
        path = self.folder / f"{source.digest}.tar.gz"
        if path.is_file():
            return path
        new = path.with_name(f".{path.name}.new")
        try:
            self._download(source, new)
            new.rename(path)
        except (urllib.error.URLError, TimeoutError, ValueError) as error:
            fact = f"the source of {source.label} cannot be fetched"
            raise CannotBuild(fact, tool=str(error), user_error=False) from None
        finally:
            new.unlink(missing_ok=True)
        return path

    def _download(self, source: Source, into: Path) -> None:
        digest, size = hashlib.sha256(), 0
        with self._open(source) as stream, into.open("wb") as file:
            while chunk := stream.read(CHUNK_BYTES):
                size += len(chunk)
                if size > SDIST_BYTES_MAX:
                    limit = SDIST_BYTES_MAX // (1024 * 1024)
                    raise CannotBuild(f"the source of {source.label} is over {limit} MiB")
                digest.update(chunk)
                file.write(chunk)
        if digest.hexdigest() != source.digest:
            raise CannotBuild(
                f"the source of {source.label} is not the one whose hash was recorded",
                "ask whoever runs the package index",
            )

    def _open(self, source: Source):
        if source.url.startswith("file:"):
            return self._local(source).open("rb")
        request = urllib.request.Request(source.url)
        if credentials := self._credentials(source.url):
            value = base64.b64encode(credentials.encode()).decode()
            request.add_unredirected_header("Authorization", f"Basic {value}")
        return urllib.request.urlopen(request, timeout=WAIT_S_MAX)

    def _local(self, source: Source) -> Path:
        """Only below what the operator named: a page of an index may link to anything."""
        path = Path(urllib.parse.unquote(urllib.parse.urlsplit(source.url).path)).resolve()
        if not any(path.is_relative_to(folder) for folder in tool.local_folders(self.operator)):
            raise CannotBuild(f"the source of {source.label} is a file the operator did not name")
        return path

    def _credentials(self, url: str) -> str:
        """`user:password` that the operator gave for the same place, or ''."""
        wanted = urllib.parse.urlsplit(url)
        for index in tool.indexes(self.operator):
            named = urllib.parse.urlsplit(index)
            if (named.scheme, named.hostname, named.port) == (
                *(wanted.scheme, wanted.hostname, wanted.port),
            ) and named.username:
                return urllib.parse.unquote(f"{named.username}:{named.password or ''}")
        return ""


def _source(pylock: str) -> Source | None:
    """None: no sdist we can read, or one without a sha256."""
    document: Any = tomllib.loads(pylock)
    for package in document.get("packages", ()):
        sdist = package.get("sdist", {})
        url = sdist.get("url") or Path(sdist.get("path", "/")).resolve().as_uri()
        digest, version = sdist.get("hashes", {}).get("sha256", ""), package.get("version", "")
        path = urllib.parse.urlsplit(url).path
        if path.endswith((".tar.gz", ".tgz")) and digest and _VERSION.fullmatch(version):
            return Source(package["name"], version, _without_credentials(url), Digest(digest))
    return None


def _without_credentials(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl()
