"""A download is whole and right, or there is none; what has arrived is kept."""

import hashlib

import pytest
from tests.data.public.web import Web, serving

from semivox.core.errors import InputError, SemivoxError
from semivox.data.public import download as module
from semivox.data.public.download import download

CONTENT = bytes(range(256)) * 4000
MD5 = hashlib.md5(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch):
    monkeypatch.setattr(module, "PAUSE", 0.0)


def test_a_file_arrives_and_is_not_asked_for_again(tmp_path):
    with serving(Web({"a.tar": CONTENT})) as web:
        seen = []
        for _ in range(2):
            download(f"{web.address}/a.tar", tmp_path / "a.tar", MD5, lambda done, total: seen.append((done, total)))
    assert (tmp_path / "a.tar").read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert len(web.asked) == 1


def test_connections_that_break_off_are_taken_up_where_they_broke(tmp_path):
    with serving(Web({"a.tar": CONTENT}, breaks=3)) as web:
        download(f"{web.address}/a.tar", tmp_path / "a.tar", MD5)
    half = len(CONTENT) // 2
    assert [wanted for _, wanted in web.asked][:2] == [None, f"bytes={half}-"]
    assert (tmp_path / "a.tar").read_bytes() == CONTENT
    assert not (tmp_path / "a.tar.part").exists()


def test_a_part_left_by_an_earlier_call_is_gone_on_with(tmp_path):
    (tmp_path / "a.tar.part").write_bytes(CONTENT[:1000])
    with serving(Web({"a.tar": CONTENT})) as web:
        download(f"{web.address}/a.tar", tmp_path / "a.tar", MD5)
    assert [wanted for _, wanted in web.asked] == ["bytes=1000-"]


@pytest.mark.parametrize("part", [b"something else" * 100, CONTENT + b"too long"])
def test_a_part_of_something_else_is_thrown_away(tmp_path, part):
    (tmp_path / "a.tar.part").write_bytes(part)
    with serving(Web({"a.tar": CONTENT})) as web:
        download(f"{web.address}/a.tar", tmp_path / "a.tar", MD5)
    assert (tmp_path / "a.tar").read_bytes() == CONTENT


def test_a_server_without_ranges_starts_over(tmp_path):
    (tmp_path / "a.tar.part").write_bytes(CONTENT[:1000])
    with serving(Web({"a.tar": CONTENT}, ranges=False)) as web:
        download(f"{web.address}/a.tar", tmp_path / "a.tar", MD5)
    assert (tmp_path / "a.tar").read_bytes() == CONTENT


def test_other_bytes_are_never_kept(tmp_path):
    with serving(Web({"a.tar": CONTENT[:-1] + b"!"})) as web, pytest.raises(SemivoxError, match="other bytes"):
        download(f"{web.address}/a.tar", tmp_path / "a.tar", MD5)
    assert list(tmp_path.iterdir()) == []


def test_what_has_arrived_is_kept_when_the_server_is_gone(tmp_path):
    (tmp_path / "a.tar.part").write_bytes(CONTENT[:1000])
    with pytest.raises(SemivoxError, match="is kept") as caught:
        download("http://127.0.0.1:9/a.tar", tmp_path / "a.tar", MD5)
    assert "--mirror" in str(caught.value)
    assert (tmp_path / "a.tar.part").stat().st_size == 1000


def test_a_server_that_sends_nothing_new_is_given_up(tmp_path):
    with serving(Web({"a.tar": CONTENT}, breaks=10**6)) as web, pytest.raises(SemivoxError, match="broke off"):
        download(f"{web.address}/a.tar", tmp_path / "a.tar", MD5)
    assert (tmp_path / "a.tar.part").stat().st_size == len(CONTENT) - 1  # all that halving can bring


def test_a_file_that_the_server_has_not_is_said_at_once(tmp_path):
    with serving(Web({})) as web, pytest.raises(InputError, match="404"):
        download(f"{web.address}/a.tar", tmp_path / "a.tar", MD5)
    assert len(web.asked) == 1


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://example.org/a.tar", "a.tar", "http://[x/a.tar", "http://"]
)
def test_only_web_addresses_are_asked(tmp_path, url):
    with pytest.raises(InputError, match="no web address"):
        download(url, tmp_path / "a.tar", MD5)


def test_another_file_in_the_way_is_left_alone(tmp_path):
    (tmp_path / "a.tar").write_bytes(b"mine")
    with pytest.raises(InputError, match="not the published file"):
        download("http://127.0.0.1:9/a.tar", tmp_path / "a.tar", MD5)
    assert (tmp_path / "a.tar").read_bytes() == b"mine"
