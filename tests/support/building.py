"""Real builds in a test: projects as dicts of files, uv with a cache shared by the session."""

import io
import os
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import uv as uv_package

from setpoint.drivers.builders import build, stack, uv
from setpoint.drivers.builders.output import Output
from setpoint.drivers.builders.workshop import Workshop
from setpoint.model.ids import AppId, BuildId, Digest
from setpoint.model.release import BuildRequest, Slug

Entry = tuple[str, bytes, str | bytes]
"""(name, tar type, content or link target)"""

FUNCTION = {
    "project.toml": '[com.salesforce]\nid = "{id}"\ntype = "function"\n'
    'salesforce-api-version = "56.0"\n',
    "main.py": "async def function(event, context):\n    return {'id': event.id}\n",
}


def function(id: str = "hello", folder: str = "", **files: str) -> dict[str, str]:
    """A function project's files. `files`: main='...', requirements='...' replace or add to it."""
    whole = {name: text.replace("{id}", id) for name, text in FUNCTION.items()}
    names = {"main": "main.py", "requirements": "requirements.txt"}
    whole |= {names[key]: text for key, text in files.items()}
    return {f"{folder}/{name}" if folder else name: text for name, text in whole.items()}


def packed(files: Mapping[str, str]) -> bytes:
    return packed_entries((name, tarfile.REGTYPE, text) for name, text in files.items())


def packed_entries(entries: Iterable[Entry]) -> bytes:
    """A tar.gz with exactly these members, however odd."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, kind, what in entries:
            member = tarfile.TarInfo(name)
            member.type = kind
            data = what.encode() if isinstance(what, str) else what
            if kind == tarfile.REGTYPE:
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
            else:
                member.linkname = data.decode()
                tar.addfile(member)
    return buffer.getvalue()


@dataclass
class Yard:
    """A place to build in. `python`: the interpreter for apps; `more`: operator's settings."""

    folder: Path
    cache: Path
    python: str
    said: str = ""

    def build(self, files: Mapping[str, str], **more: str) -> Slug:
        """Raises CannotBuild. What the build said is in `said` afterwards."""
        archive = io.BytesIO(packed(files))
        return self.build_archive(archive.getvalue(), **more)

    def build_archive(self, content: bytes, **more: str) -> Slug:
        source = self.folder / "source.tar.gz"
        source.write_bytes(content)
        operator = {**os.environ, **more}
        said = io.StringIO()
        fd = uv.open_uv(uv_package.find_uv_bin())
        try:
            with source.open("rb") as archive:
                return build.build(self._workshop(archive, fd, operator, said))
        finally:
            os.close(fd)
            self.said = said.getvalue()

    def _workshop(self, archive, fd: int, operator: dict[str, str], said: io.StringIO) -> Workshop:
        return Workshop(
            request=request(self.python),
            archive=archive,
            layers=self.layers,
            uv=uv.Uv(fd, uv.environment(operator, self.cache)),
            npm_cache=self.cache / "npm",
            bytecode_store=self.bytecode,
            python=stack.interpreter(self.python),
            operator=operator,
            say=Output(said),
            handover=self.handover,
        )

    @property
    def layers(self) -> Path:
        return self.folder / "layers"

    @property
    def bytecode(self) -> Path:
        return self.folder / "bytecode"

    @property
    def handover(self) -> Path:
        folder = self.folder / "handover"
        folder.mkdir(exist_ok=True)
        return folder

    def code(self, slug: Slug) -> Path:
        return self.layers / "code" / slug.code

    def deps(self, slug: Slug, process: str = "web") -> Path:
        found = slug.process(process)
        assert found is not None
        assert found.layer is not None
        return self.layers / "deps" / found.layer


def request(python: str, app: str = "shop") -> BuildRequest:
    return BuildRequest(
        BuildId("b" * 32), AppId("app-1"), app, Digest("a1" * 32), stack.stack(python)
    )
