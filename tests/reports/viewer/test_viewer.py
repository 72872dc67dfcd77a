"""The viewer shows what is asked, to this machine alone, and loads nothing from elsewhere."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import os
import re
import signal
import subprocess
import sys
import threading
from importlib import resources

import nibabel
import numpy as np
import pytest

from semivox.core.errors import InputError
from semivox.core.geometry import Grid
from semivox.core.plan import ClassInfo
from semivox.data import phantom
from semivox.reports.viewer.content import shown
from semivox.reports.viewer.page import LIBRARY, LIBRARY_SHA256, viewer_page
from semivox.reports.viewer.scenes import Layer, Scene
from semivox.reports.viewer.server import ViewerServer
from semivox.reports.viewer.volumes import image_bytes, label_bytes
from tests.reports.viewer.browser import colors, inks, opened


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    folder = tmp_path_factory.mktemp("viewer") / "scans"
    phantom.write(folder, 2, 1, 0, shape=(24, 18, 16), spacing=(8.0, 8.0, 8.0))
    return folder


@pytest.fixture
def server():
    with ViewerServer("<p>page</p>", {"a.nii.gz": lambda: bytes(range(100))}) as started:
        thread = threading.Thread(target=started.serve_forever, daemon=True)
        thread.start()
        yield started
        started.shutdown()


def asked(server, path, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.read(), dict(answer.getheaders())


def test_only_who_knows_the_address_is_answered(server):
    assert asked(server, f"/{server.token}/")[:2] == (200, b"<p>page</p>")
    for path in ("/", "/a.nii.gz", f"/{server.token}x/", "/../etc/passwd", f"/{server.token}/../../etc/passwd"):
        assert asked(server, path)[:2] == (404, b"")
    assert asked(server, f"/{server.token}/b.nii.gz")[0] == 404
    assert server.server_address[0] == "127.0.0.1"
    assert len(server.token) >= 32


def test_another_sites_name_for_this_machine_is_refused(server):
    assert asked(server, f"/{server.token}/", Host=f"evil.example:{server.server_port}")[0] == 403


@pytest.mark.parametrize(
    ("asked_for", "status", "content"),
    [
        ("bytes=10-19", 206, bytes(range(10, 20))),
        ("bytes=90-", 206, bytes(range(90, 100))),
        ("bytes=-5", 206, bytes(range(95, 100))),
        ("bytes=200-300", 416, b""),
        ("nonsense", 200, bytes(range(100))),
    ],
)
def test_parts_of_a_volume_can_be_asked_for(server, asked_for, status, content):
    assert asked(server, f"/{server.token}/a.nii.gz", Range=asked_for)[:2] == (status, content)


def test_volumes_lie_where_the_scan_lies_and_keep_their_values():
    rng = np.random.default_rng(0)
    affine = np.array([[2.0, 0, 0, -7], [0, 3, 0, 5], [0, 0, 4, 1], [0, 0, 0, 1]])
    values = rng.normal(100, 400, (5, 6, 7)).astype(np.float32)
    grid = Grid((5, 6, 7), affine)
    loaded = nibabel.Nifti1Image.from_bytes(gzip.decompress(image_bytes(values, grid)))
    assert np.abs(loaded.get_fdata() - values).max() <= np.ptp(values) / 65000
    assert np.allclose(loaded.affine, affine)
    labels = rng.integers(0, 4, (5, 6, 7))
    assert (
        np.asarray(nibabel.Nifti1Image.from_bytes(gzip.decompress(label_bytes(labels, grid))).dataobj) == labels
    ).all()


def test_a_constant_scan_with_holes_can_be_shown():
    values = np.full((3, 3, 3), np.nan, np.float32)
    assert gzip.decompress(image_bytes(values, Grid((3, 3, 3), np.eye(4))))


def test_scenes_hold_the_scan_its_label_and_labels_given_by_name(scans, tmp_path):
    found = shown(scans, labels=[scans / "labelsTr"])
    by_name = {scene.name: [layer.name for layer in scene.layers] for scene in found.scenes}
    assert by_name["hip_0000"] == ["scan", "expert", "labelsTr"]
    assert by_name["hip_0002"] == ["scan"]  # no label: it is unlabeled
    assert found.ct
    first = shown(scans, "hip_0001").scenes[0]
    assert first.name == "hip_0001"
    assert [info.name for info in first.layers[1].classes] == [info.name for info in phantom_classes(scans)]


def phantom_classes(folder) -> tuple[ClassInfo, ...]:
    from semivox.data import layouts

    return tuple(info for info in layouts.find(folder).classes if info.value != 0)


def test_one_scan_with_one_label_of_any_name_is_shown(scans, tmp_path):
    image = next((scans / "imagesTr").glob("hip_0000*"))
    label = tmp_path / "mine.nii.gz"
    label.write_bytes((scans / "labelsTr" / "hip_0000.nii.gz").read_bytes())
    assert [layer.name for layer in shown(image, labels=[label]).scenes[0].layers][1].startswith("mine")


def test_what_cannot_be_shown_is_said(scans, tmp_path):
    with pytest.raises(InputError, match=r"no scan 'hip_000'.*did you mean"):
        shown(scans, "hip_000")
    with pytest.raises(InputError, match="there is no"):
        shown(scans, labels=[tmp_path / "gone"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no label file"):
        shown(scans, labels=[tmp_path / "empty"])
    other = tmp_path / "others"
    other.mkdir()
    (other / "stranger.nii.gz").write_bytes((scans / "labelsTr" / "hip_0000.nii.gz").read_bytes())
    with pytest.raises(InputError, match="has the name of a scan"):
        shown(scans, labels=[other])


def test_names_cannot_become_markup_and_nothing_else_may_run():
    scene = Scene("</script><img src=x>", (Layer("a<b", {"url": "0"}, "image"),))
    page = viewer_page("<b>title</b>", [scene], ct=False)
    assert "<img src=x>" not in page
    assert "<b>title" not in page
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page).group(1)
    assert "unsafe" not in policy
    assert "default-src &#39;none&#39;" in policy
    assert "http" not in policy


def test_the_vendored_library_is_the_published_one():
    content = resources.files("semivox.reports.viewer").joinpath("vendored", LIBRARY).read_bytes()
    assert hashlib.sha256(content).hexdigest() == LIBRARY_SHA256


def test_the_command_shows_scans_in_a_browser(scans):
    """Draws something of the canvas's size, reacts to scrolling, says nothing on the console, ends with Ctrl-C."""
    command = [sys.executable, "-m", "semivox", "view", str(scans), "--labels", str(scans / "labelsTr"), "--no-browser"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, encoding="utf-8") as process:
        try:
            address = re.search(r"http://127\.0\.0\.1:\d+/[\w-]+/", process.stderr.readline()).group()
            with opened(address) as found:
                page = found.page
                page.wait_for_selector("#viewer[data-ready]", state="attached", timeout=90_000)
                canvas = page.locator(".viewer-canvas")
                size = canvas.bounding_box()
                assert size["width"] > 600
                assert size["height"] > 300
                before = colors(canvas.screenshot())
                assert before > 20, "the canvas is empty"
                page.select_option(".viewer-layout", "axial")
                first = canvas.screenshot()
                page.mouse.move(size["x"] + size["width"] / 2, size["y"] + size["height"] / 2)
                page.mouse.wheel(0, 120)
                page.wait_for_function("document.querySelector('.viewer-status').textContent.startsWith('position')")
                assert canvas.screenshot() != first, "scrolling shows the same slice"
                page.select_option(".viewer-layout", "3D")
                surface, tissue = inks(canvas.screenshot())
                assert surface > 10 * tissue, "the scan hides the surfaces of its label"
                page.uncheck(".viewer-layer input[type=checkbox] >> nth=0")
                assert inks(canvas.screenshot())[1] > 1000, "a scan without labels is shown itself"
                assert not [line for line in found.said if line.startswith(("error", "warning"))], found.said
        finally:
            process.send_signal(signal.SIGINT)
        process.wait(30)
    assert process.returncode in (0, 130)


def test_a_wrong_folder_ends_with_a_sentence(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "semivox", "view", str(tmp_path / "nowhere"), "--no-browser"],
        capture_output=True, text=True, encoding="utf-8", check=False, env=os.environ,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("semivox: ")
    assert "nowhere" in done.stderr
