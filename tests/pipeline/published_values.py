"""What papers and their authors' code have, written by hand from them: the table that recipes are held against.

``ARMS``: method, or ``method~ablation`` of a paper's table -> every field of its Config that this reading uses.
``RECIPES``: the same of recipes that are no table's arm. ``IDLE``: fields that nothing reads. ``PLANS``, ``TABLES``:
how a family of papers samples patches, trains and labels scans.
"""

from __future__ import annotations

from typing import Any

from semivox.core.mappings import merged

Values = dict[str, Any]

# --- optimizers ---------------------------------------------------------------------------------------------------
PLAIN_SGD: Values = {"kind": "sgd", "rate": 0.01, "momentum": 0.9, "nesterov": False, "decay": 1e-4, "warmup": 0}
SGD_STEPS = PLAIN_SGD | {"schedule": "steps", "drop_every": 2500, "drop_to": 0.1}
SGD_CONSTANT = PLAIN_SGD | {"schedule": "constant"}
SGD_POLY = PLAIN_SGD | {"schedule": "poly"}
ADAM: Values = {"kind": "adam", "rate": 1e-4, "betas": [0.9, 0.99], "decay": 0.0, "schedule": "constant", "warmup": 0}
ADAM_999 = ADAM | {"betas": [0.9, 0.999]}
ADAM_W = ADAM_999 | {"kind": "adamw", "decay": 0.01}
OPTIMIZER: dict[str, Values] = {"midl-hip": ADAM, "la-6000-last": SGD_STEPS, "la-15000-last": SGD_CONSTANT}
"""Protocol -> the optimizer of every arm with the plan's network."""

# --- losses -------------------------------------------------------------------------------------------------------
CENTRAL: Values = {"ramp": 6000, "staircase": 150}
"""The weight of the unlabeled patches rises in 40 units of 150 steps."""
TEACHER: Values = {"decay": 0.99, "averaging": "rising", "buffers": "own", "predict_with": "student"}
NOISY_TEACHER = TEACHER | CENTRAL | {"consistency": 0.1, "noise_student": 0.0, "noise_teacher": 0.1, "noise_clip": 0.2}
FROM_ONE: Values = CENTRAL | {"segmentation": "dice", "ramp_first": 1}
AS_READ: Values = {"embedding_read": "head", "remember": "before", "width": 32}
MUTUAL = FROM_ONE | {
    "supervised": 0.5, "consistency": 1.0, "temperature": 0.1, "sharpening": "one_vs_rest", "detach_target": False,
}  # fmt: skip
SASSNET = CENTRAL | {
    "segmentation": "dice", "shape": 0.3, "head": "sigmoid", "width": 64, "discriminator": ADAM,
    "unlabeled": "discriminator", "adversarial": 0.01,
}  # fmt: skip
CAML = FROM_ONE | AS_READ | {
    "supervised": 0.5, "consistency": 1.0, "correlation": 0.05, "sharpening": 0.1, "temperature": 0.1,
    "normalize": False, "detach_target": False, "attention": "both", "attention_level": 3, "bank": 256, "fewest": 256,
    "slots": 32, "voxels": 12800,
}  # fmt: skip
ROOT_MEAN_SQUARE = 10 / (112 * 112 * 80) ** 0.5
"""SS-Net's disturbance of length 10 in the left-atrium patch, per voxel."""
ARMS: dict[str, Values] = {
    "supervised": {},
    "ua_mt": NOISY_TEACHER | {"passes": 8, "target": "separate", "monte_carlo": "doubled"},
    "tcse": CENTRAL | {
        "segmentation": "dice_ce", "consistency": 1.0, "consistency_on": "all", "second_pass": "network",
        "flips": [0], "rotations": "quarter", "zoom": 0.0, "noise": 0.1, "noise_clip": 0.2,
    },
    "sassnet": SASSNET,
    "sassnet~authors-weight-8-labels": SASSNET | {"adversarial": 0.015},
    "sassnet~V-Net-SDM": SASSNET | {"unlabeled": "unused", "adversarial": 0.015},
    "sassnet~V-Net-SDM-MT": SASSNET | {
        "unlabeled": "teacher", "adversarial": 0.015, "consistency": 0.1, "consistency_of": "segmentation",
        "decay": 0.99, "buffers": "own", "noise_teacher": 0.1, "noise_clip": 0.2,
    },
    "dap": {
        "segmentation": "bayesian", "likelihood": "previous", "epoch": 8, "gamma": 2.0, "weighting": "gaussian",
        "sigma": 0.25, "divide_by": "voxels", "alignment": "center", "self_training": 0.1, "start": 0.25,
        "self_training_loss": "plain", "adversarial_labeled": 0.01, "adversarial_unlabeled": 0.001, "confidence": 0.2,
        "width": 64, "discriminator": ADAM, "floor": 0.0, "atlas_of": "all",
    },
    "asdnet": {
        "segmentation": "generalized_dice", "attention": 2.0, "attention_by": "dice", "attention_floor": 0.0,
        "attention_scale": "absolute", "adversarial": 0.03, "region": 0.3, "region_loss": "dice", "threshold": 0.3,
        "ramp": 0, "judged": "prediction", "width": 32, "discriminator": ADAM_999,
    },
    "dtc": CENTRAL | {
        "segmentation": "dice", "absent": "surface", "head": "sigmoid", "distance": 0.3, "consistency": 1.0,
        "steepness": 1500.0, "consistency_on": "all", "noise": 0.0,
    },
    "mc_net": MUTUAL | {"upsampling": ["transposed", "trilinear"]},
    "mc_net_plus": MUTUAL | {"reduction": "sum", "upsampling": ["transposed", "trilinear", "nearest"]},
    "urpc": CENTRAL | {
        "consistency": 0.1, "uncertainty": 1.0, "scales": 4, "dice_from": 0, "detach_mean": False,
        "detach_weights": False, "predict_heads": "finest",
    },
    "ss_net": FROM_ONE | AS_READ | {
        "smoothness": 1.0, "separation": 0.1, "size": ROOT_MEAN_SQUARE, "probe": ROOT_MEAN_SQUARE, "iterations": 1,
        "target": "separate", "prototypes": 32, "prototype_order": "lowest", "normalize_by_present": False,
    },
    "caml": CAML,
    "caml~authors-ramp-8-labels": CAML | {"ramp": 3000},
    "caml~authors-ramp-16-labels": CAML | {"ramp": 2250},
    "dkuxnet": {
        "segmentation": "dice_ce_all", "branches": "dual", "distribution": 0.1, "deep": 0.1, "ramp": 6000,
        "segmentation_contrast": 0.5, "distribution_contrast": 0.5, "contrast": "channel", "likeness": "cosine",
        "temperature": 0.5, "smallest": 1e-3, "detach": "none", "consistency_on": "all", "jitter": 0.5,
        "jitter_share": 0.8, "noise": [0.1, 1.0], "noise_share": 0.2, "predict_by": "weak",
        "clusters": {
            "queries": 32, "width": 256, "hidden": 2048, "heads": 8, "levels": [3, 2], "layers": 2, "mask_level": 0,
            "classifier": "joint", "groups": None, "sizes": None, "momentum": 0.01, "gain": 0.1,
        },
    },
    "dkuxnet~L_seg": {"segmentation_contrast": 0.0, "distribution_contrast": 0.0},
    "dkuxnet~L_seg-L_qdc": {"segmentation_contrast": 0.0},
    "dkuxnet~L_seg-L_segc": {"distribution_contrast": 0.0},
    "embedding_matching": TEACHER | {
        "supervised_shares": [0.5, 0.5], "passes": 5, "uncertainty": "expected", "label_source": "mean",
        "reliable": 0.25, "matching": 0.125, "ramp": 1.0, "terms": ["nn", "en"], "kernel": "cosine", "reduce": "mean",
        "references": 16, "runs": 5, "band_mm": 3.0, "near": "uniform", "reference_pass": "training",
        "reference_scope": "batch", "en_region": "all", "en_runs": "averaged", "mask_sums": "batch",
        "least_uncertain": 0.0, "noise_student": 0.02, "noise_teacher": 0.01, "noise_clip": None, "noise_on": "all",
    },
    "embedding_matching~UA": {"terms": []},
    "embedding_matching~UA-NN": {"terms": ["nn"]},
    "embedding_matching~UA-EN": {"terms": ["en"]},
    "embedding_matching~euclidean-mean": {"kernel": "euclidean", "reduce": "mean"},
    "embedding_matching~euclidean-max": {"kernel": "euclidean", "reduce": "max"},
    "embedding_matching~cosine-max": {"kernel": "cosine", "reduce": "max"},
}  # fmt: skip
SAME_NOISE: Values = {"noise_student": 0.02, "noise_teacher": 0.01}
WHOLE_RUN: Values = {"ramp": None, "staircase": 1}
IN_A_TABLE: dict[str, dict[str, Values]] = {
    "midl-table-1": {  # the paper has one network, optimizer and noise for all, and says nothing else of the others
        "mean_teacher": NOISY_TEACHER | SAME_NOISE | WHOLE_RUN | {"consistency_on": "unlabeled"},
        "ua_mt": ARMS["ua_mt"] | SAME_NOISE | WHOLE_RUN | {"monte_carlo": "single"},
        "cct": {
            "segmentation": "dice_ce", "auxiliary": ["noise", "drop", "dropout"], "auxiliary_decoder": "transposed",
            "consistency": 1.43, "ramp": 0.1, "auxiliary_supervised": False, "detach_target": True, "noise": 0.3,
            "noise_student": 0.0, "drop_from": [0.7, 0.9], "dropout": 0.5, "dropout_of": "channel", "confidence": None,
        },
        "mtc": {
            "segmentation": "dice_ce", "strategy": "alternating", "reconstruction": 1.0, "attention": "prediction",
            "volume_weights": True, "detach_attention": False, "detach_weights": True, "activation": "sigmoid",
            "optimizers": "two", "rebuilding": ADAM, "noise": 0.02,
        },
        "dtc": ARMS["dtc"] | WHOLE_RUN | {"segmentation": "dice_ce", "absent": "far", "head": "softmax"},
    },
    "sassnet-table-2": {"sassnet": SASSNET | {"adversarial": 0.015}},
}  # fmt: skip
"""Table -> arms that have something else there."""

RECIPES: dict[str, Values] = {
    "sassnet/la-2020-8": SASSNET | {"adversarial": 0.015},
    "sassnet/la-2020-paper": SASSNET | {"adversarial": 0.001, "staircase": 1},
    "caml/la-2023-8": CAML | {"ramp": 3000},
    "caml/la-2023-16": CAML | {"ramp": 2250},
    "mean_teacher/la-2019": NOISY_TEACHER | {"consistency_on": "unlabeled"},
    "urpc/miccai-2021": ARMS["urpc"] | {"ramp": 60000},
    "cps/brats-2019": {
        "consistency": 0.1, "ramp": 30000, "staircase": 150, "consistency_on": "unlabeled", "dice_from": 0,
        "initial": "kaiming_xavier", "predict_networks": "first",
    },
    "bcp/la-2023": TEACHER | {
        "averaging": "constant", "labeled_stage": 2000 / 17000, "box": 2 / 3, "pseudo": 0.5, "component": True,
        "segmentation": "each_patch", "passes": "apart",
    },
    "ad_mt/la-2024": CENTRAL | {
        "consistency": 2.0, "period": 19, "kept": 0.99, "copied": 80, "threshold": 0.8, "override": True,
        "jitter": 0.5, "jitter_share": 0.8, "noise": [0.1, 1.0], "noise_share": 0.2, "teaching": "alternate",
        "dice_from": 0,
    },
    "crossmatch/la-2024": {
        "views": 0.25, "distillation": 1.0, "alike": 0.3, "weak": 0.25, "strong": 0.75, "threshold": 0.75,
        "threshold_ramp": 17000, "threshold_scale": 0.69314718, "view": "strong", "paste": 0.5, "smallest": 0.02,
        "largest": 0.4,
    },
    "tracoco/la-2024": {
        "teaching": 1.0, "translation": 0.3, "spread": 0.1, "crop": 0.75, "sure": 0.65, "unsure": 0.1, "noise": 0.2,
        "paste": True, "predict_networks": "first", "ramp": 40 * 8,
    },
    "tracoco/la-2024-8": {
        "teaching": 0.3, "translation": 0.09, "spread": 0.03, "crop": 0.75, "sure": 0.65, "unsure": 0.1, "noise": 0.2,
        "paste": True, "predict_networks": "first", "ramp": 40 * 4,
    },
    "unimatch_v2/la-numbers-of-2024": {
        "decay": 0.996, "averaging": "rising", "buffers": "ema", "predict_with": "teacher", "teacher_mode": "eval",
        "consistency": 1.0, "threshold": 0.95, "view": "strong", "paste": 0.5, "smallest": 0.02, "largest": 0.4,
        "drop": True, "spared": 0.5,
    },
    "cct/cvpr-2020": {
        "segmentation": "ce", "confidence": None, "auxiliary_decoder": "shallow", "consistency": 1.43, "ramp": 0.1,
        "auxiliary": ["adversarial"] * 2 + ["objects"] * 2 + ["context"] * 2
        + ["dropout", "cutout", "drop", "noise"] * 6,
        "auxiliary_supervised": False, "detach_target": True, "noise": 0.3, "noise_student": 0.0,
        "drop_from": [0.7, 0.9], "dropout": 0.5, "dropout_of": "channel", "adversarial_radius": 2e-2,
        "adversarial_probe": 1e-3, "adversarial_iterations": 1, "cutout_share": 0.4, "cutout_smallest": 50,
        "resizing": "nearest",
    },
    "mtc/brats-2019": {
        "segmentation": "dice", "strategy": "alternating", "reconstruction": 1.0, "attention": "prediction",
        "volume_weights": True, "detach_attention": False, "detach_weights": False, "activation": "sigmoid",
        "optimizers": "two", "noise": 0.0,
        "rebuilding": ADAM_999 | {"rate": 1e-3, "schedule": "steps", "drop_every": 500, "drop_to": 0.5},
    },
}  # fmt: skip
"""METHOD/RECIPE -> the same, of those whose values are no arm's."""
OF_RECIPE: dict[str, Values] = {
    "supervised/midl-2024": ADAM,
    "embedding_matching/midl-2024": ADAM,
    "ss_net/la-2022": SGD_STEPS,
    "bcp/la-2023": SGD_STEPS,
    "dkuxnet/la-2024": ADAM_W,
    "crossmatch/la-2024": ADAM_W | {"rate": 1e-3, "decay": 1e-4, "schedule": "poly"},
    "ad_mt/la-2024": SGD_POLY,
    "cps/brats-2019": SGD_POLY,
    "cct/cvpr-2020": SGD_POLY,
    "tracoco/la-2024": SGD_POLY | {"rate": 0.05},
    "tracoco/la-2024-8": SGD_POLY | {"rate": 0.05},
    "urpc/miccai-2021": SGD_POLY | {"rate": 0.1},
    "mtc/brats-2019": ADAM_999 | {"rate": 1e-2, "schedule": "steps", "drop_every": 500, "drop_to": 0.5},
}
"""METHOD/RECIPE -> its optimizer, where that is not its protocol's."""

IDLE: dict[str, set[str]] = {
    "sassnet": {"consistency", "consistency_of", "decay", "buffers", "noise_teacher", "noise_clip"},  # of the teacher
    "tcse": {"decay", "buffers"},  # of the second version
    "dap": {"power"},  # of the weighting by contradiction
    "asdnet": {"staircase"},  # without a ramp
    "ss_net": {"embedding_dropout"},  # the head's is read
    "caml": {"embedding_dropout"},
    "dkuxnet": {"decay", "anchors"},  # of the moving average; of contrasted voxels
    "cct": {"bootstrap_to", "bootstrap_ramp", "adversarial_radius", "adversarial_probe", "adversarial_iterations",
            "cutout_share", "cutout_smallest", "resizing"},
    "mtc": {"alpha"},  # of the joint strategy
    "unimatch_v2": set(),
}  # fmt: skip
"""Method -> fields that nothing reads in the readings above."""
IDLE_IN_CLUSTERS = {"recompute"}
"""Of DKUXNet's clusters: where memory is saved, with the same result."""

# --- patches, training, windows, scores ---------------------------------------------------------------------------
HALVES = [[2, 2, 2]] * 4
V_NET: Values = {
    "width": 16, "convolutions": [1, 2, 3, 3, 3], "strides": HALVES, "norm": "batch", "dropout": 0.5, "coarse": 0,
}  # fmt: skip
TWO_AND_TWO: Values = {"labeled_per_step": 2, "unlabeled_per_step": 2, "precision": "32-true"}
UNCHANGED: Values = {"intensity": [{"scheme": "none"}], "mirror": [True, True, True]}
"""Of images that are normalized as they are released, and whose classes have no sides."""


def left_atrium(steps: int, **predict: Any) -> Values:
    """The left-atrium protocol."""
    return {
        "plan": {
            "spacing": [0.625] * 3, "patch": [112, 112, 80], "network": "vnet", "steps": steps,
            "fields": TWO_AND_TWO | UNCHANGED | {"network": {"options": V_NET}},
        },
        "train": {"augmentation": "la", "clip": 1e6, "selection": "last"},
        "predict": {"stride": [18, 18, 4], "blend": "uniform", "largest_component": False} | predict,
        "legacy": {"voxels": True, "missed_is_zero": True},
    }  # fmt: skip


def changed(plans: Values, **parts: Values) -> Values:
    """The same with other values in some parts."""
    return merged(plans, parts)


LA_6000, LA_15000 = left_atrium(6000), left_atrium(15000)
LARGEST_OBJECT: Values = {"largest_component": True}
MIDL: Values = {
    "plan": {
        "spacing": [1.0] * 3, "patch": [96] * 3, "network": "unet3d", "steps": 40 * 6216 // 2,
        "fields": TWO_AND_TWO | {
            "intensity": [{"scheme": "zscore"}],
            "network": {"options": {
                "width": 16, "strides": HALVES[:3], "norm": "batch", "dropout": 0.15, "dropout_of": "element",
            }},
        },
    },
    "train": {"augmentation": "none", "clip": 1e6, "selection": "validation", "validate_every": 6216 // 2},
    "predict": {"blend": "uniform", "largest_component": False},
    "legacy": {},
}  # fmt: skip
BRATS_OF_SSL4MIS: Values = {
    "plan": {"patch": [96] * 3, "network": "unet3d", "steps": 30000, "fields": TWO_AND_TWO | UNCHANGED},
    "train": {"augmentation": "la", "clip": 1e6, "selection": "validation", "validate_every": 200},
    "predict": {"stride": [64] * 3, "blend": "uniform", "largest_component": False},
    "legacy": {},
}
TRACOCO = changed(
    LA_15000, plan={"steps": 9000, "fields": {"intensity": [{"scheme": "range"}]}}, train={"augmentation": "la_bright"}
)
_U_NET = {"width": 16, "strides": HALVES, "norm": "instance_plain", "dropout": 0.5}
_SMALL_V_NET = V_NET | {"convolutions": [2] * 5, "norm": "instance_plain", "dropout": 0.0}
PLANS: dict[str, Values] = {
    "supervised/la-2019": changed(LA_6000, train={"labeled_per_step": 4}),
    "supervised/midl-2024": MIDL,
    "embedding_matching/midl-2024": MIDL,
    **dict.fromkeys(("ua_mt/la-2019", "mean_teacher/la-2019", "tcse/la-2019"), LA_6000),
    **dict.fromkeys(("asdnet/la-2019", "dap/la-2020"), LA_6000),
    **dict.fromkeys(("sassnet/la-2020", "sassnet/la-2020-8", "sassnet/la-2020-paper"), LA_6000),
    "dtc/la-2021": left_atrium(6000, **LARGEST_OBJECT),
    **dict.fromkeys(("mc_net/la-2021", "mc_net_plus/la-2022", "unimatch_v2/la-numbers-of-2024"), LA_15000),
    **dict.fromkeys(("caml/la-2023", "caml/la-2023-8", "caml/la-2023-16"), LA_15000),
    "ss_net/la-2022": left_atrium(15000, **LARGEST_OBJECT),
    "ad_mt/la-2024": left_atrium(15000, **LARGEST_OBJECT),
    "bcp/la-2023": changed(
        left_atrium(2000 + 15000, **LARGEST_OBJECT),
        plan={"fields": {"labeled_per_step": 4, "unlabeled_per_step": 4}},
    ),
    "crossmatch/la-2024": left_atrium(14000),
    "tracoco/la-2024": TRACOCO,
    "tracoco/la-2024-8": TRACOCO,
    "cps/brats-2019": BRATS_OF_SSL4MIS,
    "urpc/miccai-2021": changed(
        BRATS_OF_SSL4MIS, plan={"network": "pyramid_unet", "fields": {"network": {"options": _U_NET}}}
    ),
    "cct/cvpr-2020": {"plan": {}, "train": {"clip": 1e6}, "predict": {}, "legacy": {}},
    "mtc/brats-2019": {
        "plan": {
            "patch": [128, 128, 32], "network": "vnet", "steps": 252 * 10,
            "fields": TWO_AND_TWO | {
                "labeled_per_step": 1, "unlabeled_per_step": 1, "network": {"options": _SMALL_V_NET},
            },
        },
        "train": {"augmentation": "none", "clip": 1e6, "selection": "validation", "validate_every": 200},
        "predict": {},
        "legacy": {},
    },
    "dkuxnet/la-2024": LA_15000 | {"plan": LA_15000["plan"] | {"network": "uxnet", "fields": TWO_AND_TWO | UNCHANGED}},
}  # fmt: skip
"""METHOD/RECIPE -> what it says beside its losses and its optimizer."""
TABLES: dict[str, Values] = {
    "sassnet-table-1": LA_6000 | {"cases": {"labeled": [8, 16, 80], "draws": 1}},
    "sassnet-table-1-nms": left_atrium(6000, **LARGEST_OBJECT) | {"cases": {"labeled": [8, 16], "draws": 1}},
    "sassnet-table-2": LA_6000 | {"cases": {"labeled": [8], "draws": 1}},
    "dkuxnet-table-1": LA_15000 | {"cases": {"labeled": [8], "draws": 1}},
    "dkuxnet-table-2": LA_15000 | {"cases": {"labeled": [4, 8, 16, 80], "draws": 1}},
    "midl-table-1": MIDL | {"cases": {"labeled": [50, 150, 300, 1000, 2500, 6266], "draws": 1}},
    "midl-appendix-a": MIDL | {"cases": {"labeled": [50], "draws": 1}},
    "midl-appendix-b": MIDL | {"cases": {"labeled": [50], "draws": 1}},
}
"""The same of the papers' tables, and how many scans or patches are labeled."""
ROWS: dict[str, list[str]] = {
    "sassnet-table-1": [
        "supervised", "dap", "asdnet", "tcse", "ua_mt", "sassnet", "sassnet~authors-weight-8-labels",
    ],
    "sassnet-table-1-nms": ["supervised", "ua_mt", "sassnet", "sassnet~authors-weight-8-labels"],
    "sassnet-table-2": ["supervised", "ua_mt", "sassnet", "sassnet~V-Net-SDM", "sassnet~V-Net-SDM-MT"],
    "dkuxnet-table-1": [
        "supervised", "supervised~uxnet", "dkuxnet", "dkuxnet~L_seg", "dkuxnet~L_seg-L_qdc", "dkuxnet~L_seg-L_segc",
    ],
    "dkuxnet-table-2": [
        "supervised", "supervised~uxnet", "ua_mt", "sassnet", "dtc", "mc_net", "urpc", "ss_net", "mc_net_plus", "caml",
        "caml~authors-ramp-8-labels", "caml~authors-ramp-16-labels", "dkuxnet",
    ],
    "midl-table-1": ["supervised", "mean_teacher", "ua_mt", "cct", "mtc", "dtc", "embedding_matching"],
    "midl-appendix-a": [
        "supervised", "embedding_matching", "embedding_matching~UA", "embedding_matching~UA-NN",
        "embedding_matching~UA-EN",
    ],
    "midl-appendix-b": [
        "supervised", "embedding_matching", "embedding_matching~euclidean-mean", "embedding_matching~euclidean-max",
        "embedding_matching~cosine-max",
    ],
}  # fmt: skip
"""Table -> its arms: the rows of the paper, and the supervised twins that they are compared with."""
PUBLISHED_FOR: dict[str, list[int]] = {
    "sassnet/la-2020": [16], "sassnet/la-2020-8": [8], "caml/la-2023": [4], "caml/la-2023-8": [8],
    "caml/la-2023-16": [16], "tracoco/la-2024": [16], "tracoco/la-2024-8": [8], "dap/la-2020": [16],
}  # fmt: skip
"""METHOD/RECIPE -> the numbers of labeled scans for which its values are; of all others, for any."""
