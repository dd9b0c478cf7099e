"""Static sites: built, and served by the very command and layer that their slug names."""

import contextlib
import gzip
import http.client
import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from setpoint.drivers.builders.errors import CannotBuild
from tests.support.building import Yard
from tests.support.waiting import until

PAGE = "<h1>Hello</h1>" + "x" * 2000
FILES = {
    "public_html/index.html": PAGE,
    "public_html/about.html": "<p>About</p>",
    "public_html/app.js": "console.log(1)\n" * 100,
    "public_html/data.json": "{}",
    "public_html/assets/font.woff2": "no font",
    "public_html/docs/index.html": "docs",
    "public_html/errors/404.html": "nothing here",
    "public_html/.env": "SECRET=1",
    "public_html/.well-known/security.txt": "Contact: mailto:a@example.com",
    "public_html/empty/deep/file.txt": "deep",
    "public_html/packed.js": "plain plain plain",
    "public_html/packed.js.br": "brotli",
    "secret.txt": "above the root",
}


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Served:
    port: int

    def get(self, path: str, method: str = "GET", **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with contextlib.closing(connection):
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, headers=named)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read())

    def raw(self, request: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            connection.sendall(request)
            return connection.recv(65536)


@contextlib.contextmanager
def serving(yard: Yard, files: Mapping[str, str]) -> Iterator[Served]:
    slug = yard.build(files)
    (web,) = slug.processes
    assert (web.name, web.kind, web.runtime) == ("web", "web", "static")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        ["/bin/bash", "-c", web.command],
        cwd=yard.code(slug),
        env={"PATH": f"{yard.deps(slug)}/bin:/usr/bin:/bin", "PORT": str(port)},
    )
    try:
        until(lambda: answers(port), 20, "the site answers")
        yield Served(port)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, uv_cache: Path) -> Iterator[Served]:
    from setpoint.drivers.builders.stack import candidates, find_python

    yard = Yard(
        tmp_path_factory.mktemp("site"), uv_cache, find_python(candidates({}), shared=False)
    )
    told = {
        "clean_urls": True,
        "routes": {"/spa/**": "index.html"},
        "redirects": {"/old": {"url": "/about", "status": 302}},
        "error_page": "errors/404.html",
        "headers": {
            "/**": {"X-Frame-Options": "DENY"},
            "/assets/*": {"Cache-Control": "max-age=3600"},
        },
    }
    with serving(yard, {**FILES, "static.json": json.dumps(told)}) as served:
        yield served


def test_files_come_with_their_types_and_lengths(whole: Served) -> None:
    for path, kind in (
        ("/", "text/html; charset=utf-8"),
        ("/app.js", "text/javascript; charset=utf-8"),
        ("/data.json", "application/json"),
        ("/assets/font.woff2", "font/woff2"),
    ):
        answer = whole.get(path)
        assert (answer.status, answer.headers["content-type"]) == (200, kind)
        assert int(answer.headers["content-length"]) == len(answer.body)
    assert whole.get("/").body == PAGE.encode()


def test_head_is_a_get_without_its_body(whole: Served) -> None:
    head, got = whole.get("/about", "HEAD"), whole.get("/about")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == got.headers["content-length"]
    assert whole.get("/about", "POST").status == 405


def test_unchanged_content_is_not_sent_again(whole: Served) -> None:
    first = whole.get("/about")
    tag, since = first.headers["etag"], first.headers["last-modified"]
    assert whole.get("/about", If_None_Match=tag).status == 304
    assert whole.get("/about", If_None_Match=f'"other", W/{tag}').status == 304
    assert whole.get("/about", If_None_Match='"other"').status == 200
    assert whole.get("/about", If_Modified_Since=since).status == 304
    assert whole.get("/about", If_Modified_Since="Mon, 01 Jan 2001 00:00:00 GMT").status == 200


def test_ranges_are_served_and_impossible_ones_refused(whole: Served) -> None:
    part = whole.get("/", Range="bytes=0-13")
    assert (part.status, part.body) == (206, b"<h1>Hello</h1>")
    assert part.headers["content-range"] == f"bytes 0-13/{len(PAGE)}"
    assert whole.get("/", Range="bytes=-5").body == b"xxxxx"
    assert whole.get("/", Range="bytes=9999-").status == 416
    tag = whole.get("/").headers["etag"]
    assert whole.get("/", Range="bytes=0-1", If_Range=tag).status == 206
    assert whole.get("/", Range="bytes=0-1", If_Range='"other"').status == 200


def test_text_is_packed_for_who_can_unpack_it(whole: Served) -> None:
    answer = whole.get("/", Accept_Encoding="gzip, br")
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert gzip.decompress(answer.body).decode() == PAGE
    plain = whole.get("/").headers["etag"]
    assert answer.headers["etag"] == f"W/{plain}"
    assert whole.get("/", Accept_Encoding="gzip", If_None_Match=f"W/{plain}").status == 304


def test_file_that_lies_packed_beside_is_taken(whole: Served) -> None:
    answer = whole.get("/packed.js", Accept_Encoding="br")
    assert (answer.headers["content-encoding"], answer.body) == ("br", b"brotli")
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert whole.get("/packed.js", Accept_Encoding="br;q=0").body == b"plain plain plain"


def test_folders_show_their_index_and_never_a_list(whole: Served) -> None:
    assert whole.get("/docs/").body == b"docs"
    moved = whole.get("/docs?a=1")
    assert (moved.status, moved.headers["location"]) == (301, "/docs/?a=1")
    assert whole.get("/empty/").status == 404
    assert whole.get("/empty/deep").status == 404


def test_pages_lose_their_ending_and_old_paths_lead_on(whole: Served) -> None:
    assert whole.get("/about").body == b"<p>About</p>"
    moved = whole.get("/about.html")
    assert (moved.status, moved.headers["location"]) == (301, "/about")
    moved = whole.get("/old")
    assert (moved.status, moved.headers["location"]) == (302, "/about")


def test_unknown_paths_get_the_route_or_the_error_page(whole: Served) -> None:
    assert whole.get("/spa/any/where").body == PAGE.encode()
    missing = whole.get("/nowhere")
    assert (missing.status, missing.body) == (404, b"nothing here")
    assert whole.get("/about.html/").status == 404
    assert whole.get("/" + "a" * 3000).status == 404
    assert whole.get("/%00").status == 404
    assert whole.get("/%ff%fe").status == 404


def test_headers_of_the_site_are_set_by_path(whole: Served) -> None:
    assert whole.get("/").headers["x-frame-options"] == "DENY"
    assert whole.get("/nowhere").headers["x-frame-options"] == "DENY"
    assert whole.get("/assets/font.woff2").headers["cache-control"] == "max-age=3600"
    assert "cache-control" not in whole.get("/").headers


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e/secret.txt",
        "/assets/../../secret.txt",
        "//etc/passwd",
        "/%2fetc/passwd",
        "/.env",
        "/%2eenv",
        "/docs/../.env",
        "/.setpoint/site.json",
        "/../.setpoint/site.json",
        "/..\\secret.txt",
    ],
)
def test_nothing_above_the_root_and_nothing_hidden_is_served(whole: Served, path: str) -> None:
    answer = whole.raw(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 404"), answer
    assert b"SECRET" not in answer
    assert b"above the root" not in answer


def test_well_known_files_are_served(whole: Served) -> None:
    assert whole.get("/.well-known/security.txt").status == 200


def test_no_redirect_leads_to_another_host(whole: Served) -> None:
    answer = whole.raw(b"GET //docs HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert b"location: //" not in answer.lower()


def test_an_index_alone_is_a_site_and_what_describes_it_is_not_shown(yard: Yard) -> None:
    with serving(yard, {"index.html": "<p>hi</p>", "app.json": "{}", "style.css": "p{}"}) as site:
        assert site.get("/").body == b"<p>hi</p>"
        assert site.get("/style.css").headers["content-type"] == "text/css; charset=utf-8"
        assert site.get("/app.json").status == 404
    assert "-----> Static site detected\n" in yard.said
    assert "Python" not in yard.said


def test_https_only_sends_plain_visitors_on(yard: Yard) -> None:
    files = {"static.json": '{"root": ".", "https_only": true}', "index.html": "hi"}
    with serving(yard, files) as site:
        answer = site.get("/a?b=1", Host="shop.example", X_Forwarded_Proto="http")
        assert answer.status == 301
        assert answer.headers["location"] == "https://shop.example/a?b=1"
        assert site.get("/", X_Forwarded_Proto="https").status == 200
        assert site.get("/").status == 200


def test_the_server_is_one_layer_for_all_sites_and_survives_hostile_names(yard: Yard) -> None:
    one = yard.build({"index.html": "one"})
    files = {"index.html": "two", "uvicorn.html": "", "json.py": "raise SystemExit('mine')\n"}
    with serving(yard, files) as site:
        assert site.get("/").body == b"two"
    assert yard.build(files).layers == one.layers


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"static.json": "{"}, "static.json: it is not JSON"),
        ({"index.html": "", ".setpoint": "mine"}, ".setpoint/site.json is ours to write"),
        ({"index.html": "", ".setpoint/site.json/x": ""}, "site.json is ours to write"),
        ({"static.json": "{}"}, "static.json serves public_html/, which is not in the source"),
        ({"index.html": "", "package.json": "{}"}, "no start script in package.json"),
        ({"index.html": "", "requirements.txt": ""}, "no Procfile"),
    ],
)
def test_what_is_no_site_is_refused(yard: Yard, files: dict[str, str], words: str) -> None:
    with pytest.raises(CannotBuild) as failed:
        yard.build(files)
    assert words in failed.value.told("shop")


def test_web_of_a_procfile_wins_over_static_json(yard: Yard) -> None:
    files = {"Procfile": "web: ./serve\n", "static.json": "{", "index.html": ""}
    (web,) = yard.build(files).processes
    assert web.command == "./serve"
    worker = yard.build({"Procfile": "tick: ./tick\n", "static.json": '{"root": "."}'})
    assert [p.name for p in worker.processes] == ["web", "tick"]
    assert os.listdir(yard.code(worker)).count(".setpoint") == 1
