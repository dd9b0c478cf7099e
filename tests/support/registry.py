"""An npm registry on loopback, with packages made on the spot, and projects that lock them."""

import base64
import hashlib
import json
import threading
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.support.index import tar_gz
from tests.support.serving import serving

Manifest = dict[str, Any]


@dataclass(frozen=True)
class Published:
    manifest: Manifest
    tarball: bytes

    @property
    def name(self) -> str:
        return self.manifest["name"]

    @property
    def version(self) -> str:
        return self.manifest["version"]

    @property
    def integrity(self) -> str:
        return f"sha512-{base64.b64encode(hashlib.sha512(self.tarball).digest()).decode()}"


@dataclass
class Registry:
    """`packages`: by name and version. `asked`: paths, in order. `held`: names of packages that
    are not answered for until `let_go` is set."""

    port: int = 0
    packages: dict[str, dict[str, Published]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list[str])
    held: set[str] = field(default_factory=set[str])
    let_go: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def publish(
        self,
        name: str,
        version: str = "1.0.0",
        scripts: Mapping[str, str] | None = None,
        files: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        """`more`: of its package.json."""
        manifest = {"name": name, "version": version, **({"scripts": scripts} if scripts else {})}
        manifest |= more
        content = {"package.json": json.dumps(manifest), "index.js": f"module.exports = '{name}'\n"}
        content |= files or {}
        tarball = tar_gz({f"package/{path}": text for path, text in content.items()})
        self.packages.setdefault(name, {})[version] = Published(manifest, tarball)

    def answer(self, path: str) -> bytes | None:
        name, tarball, file = urllib.parse.unquote(path).strip("/").partition("/-/")
        versions = self.packages.get(name)
        if versions is None:
            return None
        if name in self.held:
            self.let_go.wait()
        if not tarball:
            return json.dumps(self._packument(name, versions)).encode()
        version = file.removesuffix(".tgz").removeprefix(f"{name.rpartition('/')[2]}-")
        return versions[version].tarball if version in versions else None

    def _packument(self, name: str, versions: Mapping[str, Published]) -> Manifest:
        short = name.rpartition("/")[2]
        return {
            "name": name,
            "dist-tags": {"latest": list(versions)[-1]},
            "versions": {
                version: {
                    **found.manifest,
                    "dist": {
                        "tarball": f"{self.url}{name}/-/{short}-{version}.tgz",
                        "integrity": found.integrity,
                        "shasum": hashlib.sha1(found.tarball).hexdigest(),
                    },
                }
                for version, found in versions.items()
            },
        }

    # --- projects ---

    def project(
        self, needs: tuple[str, ...] = (), dev: tuple[str, ...] = (), **manifest: Any
    ) -> dict[str, str]:
        """package.json and package-lock.json that name these packages, each in its only version."""
        root = {
            "name": "shop",
            "version": "1.0.0",
            **({"dependencies": self._pins(needs)} if needs else {}),
            **({"devDependencies": self._pins(dev)} if dev else {}),
            **manifest,
        }
        modules = {f"node_modules/{name}": self.entry(name) for name in needs}
        modules |= {f"node_modules/{name}": {**self.entry(name), "dev": True} for name in dev}
        lock = {
            "name": "shop",
            "version": "1.0.0",
            "lockfileVersion": 3,
            "requires": True,
            "packages": {"": root, **modules},
        }
        return {"package.json": json.dumps(root), "package-lock.json": json.dumps(lock)}

    def entry(self, name: str) -> Manifest:
        """As a lock file has it, with an address that is nobody's."""
        found = self._only(name)
        scripts = found.manifest.get("scripts", {})
        scripted = any(key in scripts for key in ("preinstall", "install", "postinstall"))
        return {
            "version": found.version,
            "resolved": f"https://registry.invalid/{name}/-/{name}-{found.version}.tgz",
            "integrity": found.integrity,
            **({"hasInstallScript": True} if scripted else {}),
            **({"bin": found.manifest["bin"]} if "bin" in found.manifest else {}),
        }

    def _pins(self, names: tuple[str, ...]) -> dict[str, str]:
        return {name: self._only(name).version for name in names}

    def _only(self, name: str) -> Published:
        return next(iter(self.packages[name].values()))


@contextmanager
def served() -> Iterator[Registry]:
    registry = Registry()

    def answer(path: str) -> tuple[str, bytes | None]:
        registry.asked.append(path)
        kind = "application/octet-stream" if path.endswith(".tgz") else "application/json"
        return kind, registry.answer(path)

    with serving(answer) as registry.port:
        yield registry
