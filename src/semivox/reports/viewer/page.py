"""The viewer as a page: our own program, NiiVue at a fixed version, and a policy that lets nothing else run."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib import resources

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from semivox.reports.viewer.scenes import Scene, scenes_json

LIBRARY = "niivue-0.69.0.umd.js"
"""From the npm package @niivue/niivue 0.69.0, dist/niivue.umd.js, unchanged; BSD 2-Clause (``niivue-LICENSE``)."""
LIBRARY_SHA256 = "47b896b77ec4a5be3ef1949c33ad393b6f45629921f326c279000bcf51bdb4af"
START = """
(function () {
  const content = JSON.parse(document.getElementById("viewer-scenes").textContent);
  const root = document.getElementById("viewer");
  const viewer = semivoxViewer.create(root, content.scenes, content.windows);
  window.viewer = viewer;
  if (viewer.started) viewer.started.then(() => viewer.open(0));
})();
"""
"""Opens the first scene when the page is there."""


@cache
def script(name: str) -> str:
    """A program of this package as text, as it may stand inside a page."""
    folder = resources.files("semivox.reports.viewer")
    place = folder.joinpath("vendored", name) if name == LIBRARY else folder.joinpath(name)
    return place.read_text(encoding="utf-8").replace("</script", "<\\/script")


def source_hash(text: str) -> str:
    """How a Content-Security-Policy names a script or style that it lets run."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def viewer_page(title: str, scenes: Sequence[Scene], ct: bool, connect: str = "'none'") -> str:
    """The page of these scenes. ``connect``: where volumes may be loaded from, ``'self'`` for a local server."""
    package = resources.files("semivox.reports")
    style = "\n" + package.joinpath("report.css").read_text(encoding="utf-8") + script("viewer.css")
    programs = [script(LIBRARY), script("viewer.js"), START]
    policy = (
        f"default-src 'none'; script-src {' '.join(source_hash(text) for text in programs)}; "
        f"style-src {source_hash(style)}; img-src data: blob:; connect-src {connect} data: blob:; "
        "worker-src blob: data:; base-uri 'none'; form-action 'none'"
    ).replace("'none' data:", "data:")
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    template = environment.from_string(package.joinpath("viewer", "page.html.j2").read_text(encoding="utf-8"))
    library, viewer, start = (Markup(text) for text in programs)
    return template.render(
        title=title,
        policy=policy,
        style=Markup(style),
        scenes=Markup(scenes_json(scenes, ct)),
        library=library,
        viewer=viewer,
        start=start,
    )
