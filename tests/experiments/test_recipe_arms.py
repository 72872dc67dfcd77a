"""Every arm of every table resolves to what the paper or its authors' code has, by a table written from the sources."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import semivox
from semivox.core.mappings import merged
from semivox.experiments.arms import arms_of, config_of
from semivox.experiments.study_text import load_study_file
from tests.pipeline.published_values import ADAM_W, ARMS, IN_A_TABLE, OPTIMIZER, ROWS, TABLES
from tests.pipeline.resolved import as_numbers, differences, unnamed

FILES = sorted((Path(semivox.__file__).parent / "recipes" / "tables").glob("*.toml"))


def every_arm():
    for path in FILES:
        study = load_study_file(path)
        for arm in arms_of(study):
            yield pytest.param(path.stem, study, arm, id=f"{path.stem}-{arm.name}")


@pytest.mark.parametrize(("table", "study", "arm"), list(every_arm()))
def test_an_arm_resolves_to_what_was_published(table, study, arm):
    config = config_of(study, arm, 1, 0)
    name = arm.name if arm.network is None or arm.method == "dkuxnet" else arm.method
    here = ARMS | IN_A_TABLE.get(table, {})
    optimizer = OPTIMIZER[study.protocol] if arm.network is None else ADAM_W
    expected = merged(here[arm.method], here[name]) | {"balance": 0.0, "network": optimizer}
    assert differences(config.options, expected) == {}
    assert unnamed(arm.method, config.options, expected) == set()
    assert config.train.clip == 1e6


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_table_samples_trains_and_labels_scans_as_published(path):
    content, expected = tomllib.loads(path.read_text(encoding="utf-8")), TABLES[path.stem]
    for part, values in expected.items():
        assert as_numbers(content.get(part, {})) == as_numbers(values), part
    assert content["seeds"] == [1]
    arms = arms_of(load_study_file(path))
    assert sorted(arm.name for arm in arms) == sorted(ROWS[path.stem])
    assert {arm.network.name for arm in arms if arm.network} <= {"uxnet"}
