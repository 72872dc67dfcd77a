"""The documentation's site: every page has its place in it, and links lead where they lead in the repository."""

from __future__ import annotations

import posixpath
from pathlib import Path

import pytest
import yaml

from tests.scripts import loaded

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def site():
    return loaded(ROOT / "docs" / "site_pages.py")


def navigation(entries):
    """All pages of the navigation."""
    for entry in entries:
        if isinstance(entry, dict):
            for value in entry.values():
                yield from navigation(value if isinstance(value, list) else [value])
        else:
            yield entry


def test_every_page_stands_in_the_navigation_once():
    named = list(navigation(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]))
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert len(named) == len(set(named))
    assert set(named) == pages | {"results/README.md", "recipes/README.md"}


@pytest.mark.parametrize(
    ("page", "link", "moved"),
    [
        ("how-to/use-dicom.md", "[a](../reference/cli.md#options)", "[a](../reference/cli.md#options)"),
        ("index.md", "[a](../results/README.md)", "[a](results/README.md)"),
        ("methods/ua-mt.md", "[a](../../results/hc/table.md)", "[a](../results/hc/table.md)"),
        ("results/README.md", "[a](../docs/methods/ua-mt.md)", "[a](../methods/ua-mt.md)"),
        ("results/README.md", "[a](../recipes)", "[a](../recipes/README.md)"),
        ("index.md", "[a](https://example.org/x) [b](#here)", "[a](https://example.org/x) [b](#here)"),
    ],
)
def test_links_lead_where_they_lead_in_the_repository(site, page, link, moved):
    assert site.moved(link, page) == moved


def test_all_that_pages_reach_is_part_of_the_site(site):
    reached = set(site.outside())
    for page in [*sorted((ROOT / "docs").rglob("*.md")), *(ROOT / path for path in reached if path.endswith(".md"))]:
        path = page.relative_to(ROOT).as_posix()
        inside = path.removeprefix("docs/")
        for target in site.links(site.moved(page.read_text(encoding="utf-8"), inside)):
            found = posixpath.normpath(posixpath.join(posixpath.dirname(inside), target))
            assert (ROOT / "docs" / found).exists() or found in reached or (ROOT / found).is_dir(), (path, target)


def test_the_overview_for_programs_names_every_page(site):
    text = site.overview()
    pages = [path for path in (ROOT / "docs").rglob("*.md") if path.name != "index.md"]
    assert all(f"({path.relative_to(ROOT / 'docs').with_suffix('.html').as_posix()})" in text for path in pages)
    assert text.startswith("# Semivox\n\n> Semivox turns")
