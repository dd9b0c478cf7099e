"""Documentation that can be followed: every relative link leads to a file, every anchor to a
heading. (That each command has its section: tests/unit/cli/test_reference.py.)"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK_RE = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE_RE = re.compile(r"^```.*?^```|`[^`\n]*`", re.DOTALL | re.MULTILINE)
HEADING_RE = re.compile(r"^#+ (.+)$", re.MULTILINE)


def links(page: Path) -> list[str]:
    """Relative ones, in prose: code shows brackets for other reasons."""
    text = CODE_RE.sub("", page.read_text(encoding="utf-8"))
    return [link for link in LINK_RE.findall(text) if "://" not in link]


def anchors(page: Path) -> set[str]:
    """As they are made of headings on the usual code hosts."""
    headings = HEADING_RE.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_of_a_page_leads_somewhere(page: Path) -> None:
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link} leads nowhere"
        if anchor:
            assert anchor in anchors(target), f"{link}: there is no such heading"


def test_every_page_is_linked_from_another() -> None:
    """So that a reader of the README gets everywhere."""
    reached = {
        (page.parent / link.partition("#")[0]).resolve() for page in PAGES for link in links(page)
    }
    lonely = [str(p.relative_to(ROOT)) for p in PAGES if p.resolve() not in reached]
    assert lonely == ["README.md"]


def test_the_list_of_documentation_has_every_page() -> None:
    index = ROOT / "docs" / "README.md"
    listed = {(index.parent / link.partition("#")[0]).resolve() for link in links(index)}
    pages = [
        page
        for part in ("tutorial", "how-to", "reference", "explanation")
        for page in (ROOT / "docs" / part).glob("*.md")
    ]
    assert [page.name for page in pages if page.resolve() not in listed] == []
