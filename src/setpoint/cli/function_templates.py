"""What `setpoint functions new` writes: a whole project in each language, with its own test."""

import json
from collections.abc import Callable, Mapping

Files = dict[str, str]
TYPESCRIPT = {
    "version": "5.9.3",
    "integrity": "sha512-jl1vZzPDinLr9eUt3J/t7V6FgNEw9QjvBPdysz9KfQDD41fQrC2Y4"
    "vKQdiaUpFT4bXlb1RHhLpp8wtm6M5TgSw==",
    "dev": True,
    "license": "Apache-2.0",
    "bin": {"tsc": "bin/tsc", "tsserver": "bin/tsserver"},
    "engines": {"node": ">=14.17"},
}
"""As npm locks it, without an address: any registry will do."""

_PROJECT = """\
[_]
schema-version = "0.2"

[com.salesforce]
schema-version = "0.1"
id = "{id}"
description = "Greets whoever the event names."
type = "function"
salesforce-api-version = "56.0"
"""

_PYTHON_MAIN = """\
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from salesforce_functions import Context, InvocationEvent


async def function(
    event: "InvocationEvent[dict[str, Any]]", context: "Context"
) -> dict[str, str]:
    name = (event.data or {}).get("name", "world")
    return {"greeting": f"Hello, {name}!"}
"""

_PYTHON_TEST = """\
import unittest
from types import SimpleNamespace

from main import function


class Greets(unittest.IsolatedAsyncioTestCase):
    async def test_whoever_is_named(self) -> None:
        answer = await function(SimpleNamespace(data={"name": "Ada"}), None)
        self.assertEqual(answer, {"greeting": "Hello, Ada!"})

    async def test_the_world_otherwise(self) -> None:
        answer = await function(SimpleNamespace(data=None), None)
        self.assertEqual(answer, {"greeting": "Hello, world!"})


if __name__ == "__main__":
    unittest.main()
"""

_JAVASCRIPT = """\
export default async function (event, context, logger) {
  const name = event.data?.name ?? "world";
  return { greeting: `Hello, ${name}!` };
}
"""

_TYPESCRIPT = """\
interface Event {
  data?: { name?: string } | null;
}

export default async function (event: Event): Promise<{ greeting: string }> {
  const name = event.data?.name ?? "world";
  return { greeting: `Hello, ${name}!` };
}
"""

_NODE_TEST = """\
import assert from "node:assert/strict";
import { test } from "node:test";
import greet from "MAIN";

test("greets whoever is named", async () => {
  assert.deepEqual(await greet({ data: { name: "Ada" } }), { greeting: "Hello, Ada!" });
});

test("greets the world otherwise", async () => {
  assert.deepEqual(await greet({}), { greeting: "Hello, world!" });
});
"""

_TSCONFIG = {
    "compilerOptions": {
        "target": "es2022",
        "module": "nodenext",
        "outDir": "dist",
        "rootDir": "src",
        "strict": True,
        "types": [],
    },
    "include": ["src"],
}


def _python(id: str) -> Files:
    return {
        "project.toml": _PROJECT.format(id=id),
        "main.py": _PYTHON_MAIN,
        "requirements.txt": "salesforce-functions==0.6.0\n",
        "test_main.py": _PYTHON_TEST,
        ".gitignore": "__pycache__/\n.venv/\n.env\n",
    }


def _javascript(id: str) -> Files:
    return {
        **_node(id, "index.js", {"test": "node --test"}, {}),
        "index.js": _JAVASCRIPT,
        "test/index.test.js": _NODE_TEST.replace("MAIN", "../index.js"),
        ".gitignore": "node_modules/\n.env\n",
    }


def _typescript(id: str) -> Files:
    scripts = {"build": "tsc", "pretest": "tsc", "test": "node --test"}
    return {
        **_node(id, "dist/index.js", scripts, {"typescript": "^5.9.0"}),
        "src/index.ts": _TYPESCRIPT,
        "test/index.test.js": _NODE_TEST.replace("MAIN", "../dist/index.js"),
        "tsconfig.json": _json(_TSCONFIG),
        ".npmrc": "omit-lockfile-registry-resolved=true\n",
        ".gitignore": "node_modules/\ndist/\n.env\n",
    }


def _node(id: str, main: str, scripts: Mapping[str, str], dev: Mapping[str, str]) -> Files:
    own: dict[str, object] = {"name": id, "version": "1.0.0"}
    more: dict[str, object] = {"devDependencies": dict(dev)} if dev else {}
    more["engines"] = {"node": ">=20"}
    said = {"private": True, "type": "module", "main": main, "scripts": dict(scripts)}
    packages: dict[str, object] = {"": {**own, **more}}
    if dev:
        packages["node_modules/typescript"] = TYPESCRIPT
    lock = {**own, "lockfileVersion": 3, "requires": True, "packages": packages}
    return {
        "project.toml": _PROJECT.format(id=id),
        "package.json": _json({**own, **said, **more}),
        "package-lock.json": _json(lock),
    }


def _json(value: object) -> str:
    return json.dumps(value, indent=2) + "\n"


PROJECTS: dict[str, Callable[[str], Files]] = {
    "python": _python,
    "javascript": _javascript,
    "typescript": _typescript,
}
TESTED_BY = {
    "python": "python3 -m unittest",
    "javascript": "npm test",
    "typescript": "npm ci && npm test",
}
