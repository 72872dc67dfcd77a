"""Files beside docs/ that pages link to (results, recipes, examples) become part of the site, under their own paths."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
LINK = re.compile(r"(\]\()([^)\s#]+)([)#\s])")


def links(text: str) -> list[str]:
    """The targets of relative links."""
    return [target for _, target, _ in LINK.findall(text) if "://" not in target and not target.startswith("mailto:")]


def place(page: str) -> str:
    """A page's path from the root of the repository: ``how-to/x.md`` is in docs/, ``results/README.md`` is not."""
    return page if (ROOT / page).is_file() and not (ROOT / "docs" / page).is_file() else f"docs/{page}"


def outside() -> list[str]:
    """Paths, from the root of the repository, of files outside docs/ that pages reach."""
    found: dict[str, None] = {}
    waiting = [path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "docs").rglob("*.md"))]
    while waiting:
        page = waiting.pop()
        for target in links((ROOT / page).read_text(encoding="utf-8")):
            path = posixpath.normpath(posixpath.join(posixpath.dirname(page), target))
            if path.startswith("docs/") or path in found or not (ROOT / path).is_file():
                continue
            found[path] = None
            if path.endswith(".md"):
                waiting.append(path)
    return sorted(found)


def moved(text: str, page: str) -> str:
    """The page's text with its links as they are in the site, where the root of the repository and docs/ are one."""

    def link(match: re.Match[str]) -> str:
        target = match[2]
        if "://" in target or target.startswith(("mailto:", "#")):
            return match[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(place(page)), target))
        if (ROOT / path).is_dir():
            path = f"{path}/README.md" if (ROOT / path / "README.md").is_file() else path
        site = path.removeprefix("docs/")
        return f"{match[1]}{posixpath.relpath(site, posixpath.dirname(page) or '.')}{match[3]}"

    return LINK.sub(link, text)


def overview() -> str:
    """llms.txt: what the project is and a line for every page of docs/, for programs that read instead of people."""
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    lines = ["# Semivox", "", f"> {' '.join(index.split(chr(10) * 2)[1].split())}", ""]
    for folder in ("getting-started", "how-to", "explanation", "reference", "methods", "decisions"):
        lines += [f"## {folder.replace('-', ' ').capitalize()}", ""]
        for path in sorted((ROOT / "docs" / folder).glob("*.md")):
            title = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
            lines.append(f"- [{title}]({folder}/{path.with_suffix('.html').name})")
        lines.append("")
    return "\n".join(lines)


def on_post_build(config: Any) -> None:
    """Write llms.txt beside the start page."""
    (Path(config["site_dir"]) / "llms.txt").write_text(overview(), encoding="utf-8")


def on_files(files: Any, config: Any) -> Any:
    """Add what pages link to."""
    from mkdocs.structure.files import File

    for path in outside():
        files.append(File.generated(config, path, abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Any, **rest: Any) -> str:
    """Links of one page."""
    return moved(markdown, page.file.src_uri)
