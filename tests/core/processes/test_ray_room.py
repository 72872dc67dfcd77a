"""What nodes have room for: a process needs one node whole, whatever all have together."""

import threading

import pytest

from semivox.core.processes import ray_nodes
from semivox.core.processes.ray_nodes import Nodes
from semivox.core.processes.ray_room import Need, Room, room_of

GB = 2**30
SMALL, LARGE = {"CPU": 4.0, "memory": 8 * GB}, {"CPU": 16.0, "GPU": 2.0, "memory": 64 * GB}


def test_cores_of_two_nodes_make_no_third_one():
    room = Room((SMALL, SMALL, SMALL))
    assert room.places(Need(4)) == 3
    assert room.places(Need(5)) == 0
    assert room.places(Need(3)) == 3
    assert room.places(Need(1, memory_mb=3 * 1024)) == 6  # memory decides
    assert room.places(Need(1, gpus=1)) == 0
    assert Room((SMALL, LARGE)).places(Need(1, gpus=1)) == 2


@pytest.mark.parametrize(
    ("nodes", "need", "count", "share"),
    [((SMALL,) * 3, Need(1), 3, 4), ((SMALL,) * 3, Need(1), 2, 4), ((SMALL,) * 3, Need(1), 4, 2),
     ((SMALL,) * 3, Need(1), 1, 4), ((SMALL,) * 3, Need(2), 3, 2), ((SMALL, LARGE), Need(1, 1), 2, 8),
     ((SMALL,), Need(1), 9, 1), ((), Need(1), 1, 1)],
)  # fmt: skip
def test_a_process_gets_as_many_cores_as_a_node_can_give_it(nodes, need, count, share):
    """Never more than one node has: such a process would wait for ever."""
    assert Room(nodes).most_cores(need, count) == share


def test_nodes_that_died_have_no_room():
    listed = [{"Alive": True, "Resources": SMALL}, {"Alive": False, "Resources": LARGE}]
    assert room_of(listed).places(Need(4)) == 1


def test_what_is_lacking_is_said_with_what_there_is():
    said = Room((SMALL, SMALL, LARGE)).lacking(Need(2, 4, 3276.8))
    assert "no node of the Ray cluster has 2 cores, 4 GPUs and 3.2 GB of memory" in said
    assert "(they have 16 cores, 2 GPUs and 64.0 GB of memory / 4 cores and 8.0 GB of memory)" in said
    assert "has no node left, and a process needs 1 core" in Room(()).lacking(Need(1))


def test_nobody_waits_for_a_head_that_does_not_answer(monkeypatch):
    answered = threading.Event()
    monkeypatch.setattr(ray_nodes, "LOOK", 0.0)
    monkeypatch.setattr(ray_nodes, "SILENCE", 0.0)
    monkeypatch.setattr(ray_nodes, "room_now", lambda: answered.wait() and Room((LARGE,)))
    nodes = Nodes(Room((SMALL,)))
    assert nodes.now().nodes == (SMALL,)
    assert nodes.silent
    assert nodes.now().nodes == (SMALL,)  # still asked, by one thread
    answered.set()
    nodes.looking.join()
    assert not nodes.silent
    assert nodes.room.nodes == (LARGE,)
