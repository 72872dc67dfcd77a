"""Only a complete set of a launcher's variables makes a process one of several; a lone one changes nothing."""

import pytest

from semivox.core.errors import InputError
from semivox.core.processes.launcher import Launched, first_process, launched, require_alone

TORCHRUN = {
    **{"RANK": "3", "LOCAL_RANK": "1", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2", "GROUP_RANK": "1"},
    **{"MASTER_ADDR": "node0", "MASTER_PORT": "29500", "TORCHELASTIC_RUN_ID": "none"},
}
SRUN = {
    **{"SLURM_PROCID": "3", "SLURM_LOCALID": "1", "SLURM_STEP_NUM_TASKS": "4", "SLURM_STEP_NUM_NODES": "2"},
    **{"SLURM_NODEID": "1", "SLURM_JOB_ID": "123456", "SLURM_STEP_NODELIST": "node[0-1]"},
}


def test_torchrun_and_srun_say_which_process_this_is():
    assert launched(TORCHRUN) == Launched("torchrun", 3, 4, 1, 2, 2, 1, "node0", 29500)
    assert launched(SRUN) == Launched("srun", 3, 4, 1, 2, 2, 1, "node[0-1]", 18456)
    assert launched(SRUN | {"MASTER_ADDR": "node0", "MASTER_PORT": "29501"}).port == 29501


@pytest.mark.parametrize(("whole", "name"), [(one, name) for one in (TORCHRUN, SRUN) for name in one])
def test_an_incomplete_set_changes_nothing(whole, name):
    assert launched({key: value for key, value in whole.items() if key != name}) is None
    assert launched(whole | {name: ""}) is None


@pytest.mark.parametrize("whole", [TORCHRUN, SRUN], ids=["torchrun", "srun"])
def test_words_where_numbers_stand_change_nothing(whole):
    for name, value in whole.items():
        if value.isdecimal():
            assert launched(whole | {name: "x"}) is None
            assert launched(whole | {name: "9" * 5000}) is None


@pytest.mark.parametrize("port", ["0", "65536", "70000", "9" * 5000, "x"])
def test_what_is_no_port_is_none(port):
    assert launched(TORCHRUN | {"MASTER_PORT": port}) is None
    assert launched(SRUN | {"MASTER_PORT": port}).port == 18456


def test_one_process_alone_is_none_of_several():
    assert launched(TORCHRUN | {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "LOCAL_WORLD_SIZE": "1"}) is None
    assert launched({"RANK": "1"}) is None
    assert launched({}) is None


def test_numbers_that_contradict_each_other_are_refused():
    with pytest.raises(InputError, match="torchrun announces 3 processes"):
        launched(TORCHRUN | {"WORLD_SIZE": "3"})
    with pytest.raises(InputError, match="number 4"):
        launched(TORCHRUN | {"RANK": "4"})


def test_other_commands_than_train_are_refused_where_several_would_do_the_same(monkeypatch):
    require_alone("predict")
    assert first_process()
    for name, value in TORCHRUN.items():
        monkeypatch.setenv(name, value)
    assert not first_process()
    with pytest.raises(InputError, match="torchrun has started 4 processes of semivox predict"):
        require_alone("predict")
