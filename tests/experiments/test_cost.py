"""What a run took is counted over all parts of it."""

import json

from semivox.experiments.cost import Cost, account, processor_seconds
from semivox.training.settings import RunConfig, TrainSettings


def test_processor_time_of_interrupted_parts_is_added(tmp_path):
    config = RunConfig(method="supervised", options={}, train=TrainSettings(device="cpu"))
    config.save(tmp_path / "config.json")
    for seconds in (2.0, 3.5):
        account(tmp_path, config, training=seconds)
    account(tmp_path, config, predicting=1.25)
    cost = Cost.load(tmp_path / "cost.json")
    assert (cost.cpu_seconds, cost.predict_seconds) == (5.5, 1.25)


def test_a_record_of_an_earlier_version_has_no_processor_time(tmp_path):
    record = {"train_seconds": 1, "predict_seconds": 1, "memory_mb": 1, "gpu_memory_mb": None, "device": "cpu"}
    (tmp_path / "cost.json").write_text(json.dumps({**record, "threads": 1}))
    assert Cost.load(tmp_path / "cost.json").cpu_seconds is None


def test_processor_time_grows_with_work():
    before = processor_seconds()
    sum(number * number for number in range(300_000))
    assert processor_seconds() > before
