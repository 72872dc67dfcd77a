"""Every arm of every table resolves to what the paper or its authors' code has, by a table written from the sources."""

from __future__ import annotations

from pathlib import Path

import pytest

import semivox
from semivox.core.mappings import merged
from semivox.experiments.arms import arms_of, config_of
from semivox.experiments.study_text import load_study_file

TABLES = sorted((Path(semivox.__file__).parent / "recipes" / "tables").glob("*.toml"))
SGD = {"kind": "sgd", "rate": 0.01, "momentum": 0.9, "decay": 1e-4, "warmup": 0}
LA_6000 = SGD | {"schedule": "steps", "drop_every": 2500, "drop_to": 0.1}
LA_15000 = SGD | {"schedule": "constant"}
MIDL = {"kind": "adam", "rate": 1e-4, "betas": [0.9, 0.99], "decay": 0.0, "schedule": "constant", "warmup": 0}
CENTRAL = {"ramp": 6000, "staircase": 150}
"""The weight of the unlabeled patches rises in 40 units of 150 steps."""
SASSNET = CENTRAL | {"segmentation": "dice", "shape": 0.3, "head": "sigmoid", "width": 64}
FROM_ONE = CENTRAL | {"segmentation": "dice", "ramp_first": 1}
AS_READ = {"embedding_read": "head", "remember": "before"}
TEACHER = CENTRAL | {
    "consistency": 0.1,
    "decay": 0.99,
    "noise_teacher": 0.1,
    "noise_clip": 0.2,
    "predict_with": "student",
}
PUBLISHED = {
    "supervised": {},
    "ua_mt": TEACHER | {"passes": 8, "target": "separate", "monte_carlo": "doubled"},
    "tcse": CENTRAL | {"consistency": 1.0, "second_pass": "network", "flips": [0]},
    "sassnet": SASSNET | {"adversarial": 0.01, "unlabeled": "discriminator"},
    "sassnet~authors-weight-8-labels": SASSNET | {"adversarial": 0.015},
    "sassnet~V-Net-SDM": SASSNET | {"unlabeled": "unused"},
    "sassnet~V-Net-SDM-MT": SASSNET | {"unlabeled": "teacher"},
    "dap": {"segmentation": "bayesian", "likelihood": "previous", "divide_by": "voxels", "self_training": 0.1,
            "adversarial_labeled": 0.01, "adversarial_unlabeled": 0.001, "confidence": 0.2, "start": 0.25},
    "asdnet": {"segmentation": "generalized_dice", "region_loss": "dice", "attention_scale": "absolute", "ramp": 0},
    "dtc": CENTRAL | {"segmentation": "dice", "absent": "surface", "head": "sigmoid", "distance": 0.3,
                      "consistency": 1.0, "steepness": 1500.0, "consistency_on": "all"},
    "mc_net": FROM_ONE | {"supervised": 0.5, "consistency": 1.0, "upsampling": ["transposed", "trilinear"]},
    "mc_net_plus": FROM_ONE | {"reduction": "sum", "upsampling": ["transposed", "trilinear", "nearest"]},
    "urpc": CENTRAL | {"consistency": 0.1, "scales": 4, "dice_from": 0},
    "ss_net": FROM_ONE | AS_READ | {"smoothness": 1.0, "separation": 0.1, "prototypes": 32, "prototype_order": "lowest",
                                    "size": 10 / (112 * 112 * 80) ** 0.5},
    "caml": FROM_ONE | AS_READ | {"supervised": 0.5, "correlation": 0.05, "bank": 256, "fewest": 256, "voxels": 12800,
                                  "normalize": False},
    "dkuxnet": {"segmentation": "dice_ce_all", "branches": "dual", "distribution": 0.1,
                "clusters": {"momentum": 0.01, "queries": 32}},
    "dkuxnet~L_seg": {"segmentation_contrast": 0.0, "distribution_contrast": 0.0},
    "dkuxnet~L_seg-L_qdc": {"segmentation_contrast": 0.0},
    "dkuxnet~L_seg-L_segc": {"distribution_contrast": 0.0},
    "embedding_matching": {"passes": 5, "uncertainty": "expected", "reliable": 0.25, "matching": 0.125,
                           "en_region": "all", "least_uncertain": 0.0, "references": 16, "runs": 5,
                           "noise_student": 0.02,
                           "noise_teacher": 0.01, "decay": 0.99},
    "embedding_matching~UA": {"terms": []},
    "embedding_matching~UA-NN": {"terms": ["nn"]},
    "embedding_matching~UA-EN": {"terms": ["en"]},
    "embedding_matching~euclidean-mean": {"kernel": "euclidean", "reduce": "mean"},
    "embedding_matching~euclidean-max": {"kernel": "euclidean", "reduce": "max"},
    "embedding_matching~cosine-max": {"kernel": "cosine", "reduce": "max"},
}  # fmt: skip
"""Arm -> fields of its method's Config that decide its losses."""
SAME_NOISE = {"noise_student": 0.02, "noise_teacher": 0.01}
IN_A_TABLE = {
    "midl-table-1": {
        **dict.fromkeys(("mean_teacher", "ua_mt"), SAME_NOISE),
        **{name: {"segmentation": "dice_ce"} for name in ("cct", "mtc", "dtc")},  # all that the paper says of them
    },
    "sassnet-table-2": {"sassnet": PUBLISHED["sassnet"] | {"adversarial": 0.015}},
}
"""Table -> arms that have something else there."""


def every_arm():
    for path in TABLES:
        study = load_study_file(path)
        for arm in arms_of(study):
            yield pytest.param(path.stem, study, arm, id=f"{path.stem}-{arm.name}")


@pytest.mark.parametrize(("table", "study", "arm"), every_arm())
def test_an_arm_resolves_to_what_was_published(table, study, arm):
    config = config_of(study, arm, 1, 0)
    name = arm.name if arm.network is None or arm.method == "dkuxnet" else arm.method
    here = PUBLISHED | IN_A_TABLE.get(table, {})
    expected = merged(here[arm.method], here[name]) | {"balance": 0.0}
    optimizer = {"midl-hip": MIDL, "la-6000-last": LA_6000, "la-15000-last": LA_15000}[study.protocol]
    if arm.network is not None:
        optimizer = {"kind": "adamw", "rate": 1e-4, "decay": 0.01, "betas": [0.9, 0.999], "schedule": "constant"}
        optimizer["warmup"] = 0
    assert differences(config.options, expected | {"network": optimizer}) == {}
    assert config.train.clip == 1e6


def differences(found, expected):
    """Fields whose value is another, as (found, expected)."""
    wrong = {}
    for name, value in expected.items():
        if isinstance(value, dict):
            wrong |= {f"{name}.{key}": pair for key, pair in differences(found[name], value).items()}
        elif found[name] != (pytest.approx(value) if isinstance(value, float) else value):
            wrong[name] = (found[name], value)
    return wrong
