"""Scans and labels in the browser."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from semivox.pipeline.progress import ProgressDisplay

from semivox.api.given import AnyPath


def view(
    target: AnyPath,
    case: str | None = None,
    *,
    labels: Sequence[AnyPath] = (),
    port: int = 0,
    browser: bool = True,
    progress: ProgressDisplay | None = None,
) -> None:
    """Serve a viewer of the scans in ``target`` (a data folder or one scan) to this machine alone, until interrupted.

    ``case``: opened first; ``labels``: label files, or folders of labels named as the scans, laid over them; ``port``:
    0 for any that is free; ``browser``: whether to open one. Raises InputError where there is nothing to show.
    """
    import webbrowser
    from contextlib import suppress

    from semivox.pipeline.progress import Quiet
    from semivox.reports.viewer.content import shown
    from semivox.reports.viewer.page import viewer_page
    from semivox.reports.viewer.server import ViewerServer

    found = shown(Path(target), case, [Path(path) for path in labels])
    page = viewer_page(found.title, found.scenes, found.ct, connect="'self'")
    with ViewerServer(page, found.volumes, port) as server:
        (progress or Quiet()).say(f"Open {server.address} in a browser of this machine; Ctrl-C ends it.")
        if browser:
            webbrowser.open(server.address)
        with suppress(KeyboardInterrupt):
            server.serve_forever()
