"""Options, and files of our own."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from semivox.core.plan import Plan
from semivox.core.split import Split
from semivox.data.formats import volume
from semivox.data.planning.options import PlanOptions
from semivox.pipeline.assignments import parse_overrides, parse_triple
from semivox.pipeline.options import checked
from semivox.pipeline.stages import load_dataset
from semivox.training.model import load_model
from semivox.training.settings import TrainSettings, configure
from tests.corpus.data_set import SIZE, image
from tests.corpus.register import add

SPLIT = '{"labeled": ["a"], "unlabeled": ["u"]'


def reading(kind: type, text: str) -> Callable[[Path], object]:
    def make(root: Path) -> object:
        (root / "value.json").write_text(text)
        return kind.load(root / "value.json")

    return make


def model_of(**changes: object) -> Callable[[Path], object]:
    def make(root: Path) -> object:
        card = {"semivox": "0.1.0", "method": "supervised", "options": {}, "selection": "last", "steps": 1, "seed": 1}
        from tests.training import tiny

        plan = json.loads(tiny.plan().model_dump_json())
        (root / "model.json").write_text(json.dumps({**card, "plan": plan, "split": "x", **changes}))
        return load_model(root)

    return make


def parse(words: Sequence[str]) -> object:
    return parse_overrides(words)


for name, make, words in (
    ("split_with_a_case_on_two_sides", reading(Split, SPLIT + ', "test": ["a"]}'), "is in both"),
    ("split_with_an_unknown_part", reading(Split, SPLIT + ', "tset": ["t"]}'), "tset"),
    ("split_cut_short", reading(Split, SPLIT), "not a valid split"),
    ("split_of_numbers", reading(Split, '{"labeled": [1]}'), "labeled"),
    ("split_without_labeled", reading(Split, '{"unlabeled": ["u"]}'), "labeled"),
    ("split_of_cases_that_do_not_exist", lambda root: load_dataset(root, Split(labeled=("nobody",))), "lacks"),
    ("split_that_labels_an_unlabeled_case", lambda root: load_dataset(root, Split(labeled=("u",))), "no label"),
    ("split_file_that_is_missing", lambda root: load_dataset(root, root / "gone.json"), "gone.json does not exist"),
    ("excluding_nobody", lambda root: load_dataset(root, None, ("nobody",)), "excluded"),
    ("excluding_all_labeled", lambda root: load_dataset(root, None, ("a", "b", "c")), "no labeled case is left"),
    ("plan_that_is_empty", reading(Plan, "{}"), "not a valid plan"),
    ("plan_of_infinite_spacing", reading(Plan, '{"spacing": [Infinity, 1, 1]}'), "not a valid plan"),
    ("plan_that_nests_without_end", reading(Plan, "[" * 9999), "not a valid plan"),
    ("option_that_does_not_exist", lambda _: configure("mean_teacher", {"decai": 1}, TrainSettings()), "decai"),
    ("option_beyond_its_bounds", lambda _: configure("mean_teacher", {"decay": 2}, TrainSettings()), "decay"),
    ("method_that_does_not_exist", lambda _: configure("mean_teecher", {}, TrainSettings()), "mean_teecher"),
    ("method_that_is_an_import", lambda _: configure("os.system", {}, TrainSettings()), "os.system"),
    ("ablation_that_does_not_exist", lambda _: configure("mean_teacher", {}, TrainSettings(), "nothing"), "ablation"),
    ("setting_that_does_not_exist", lambda _: checked(TrainSettings, "train", **{"sted": 1}), "did you mean 'seed'"),
    ("negative_steps", lambda _: checked(TrainSettings, "train", **{"steps": -5}), "steps"),
    ("negative_workers", lambda _: checked(TrainSettings, "train", **{"workers": -1}), "workers"),
    ("device_that_does_not_exist", lambda _: checked(TrainSettings, "train", **{"device": "tpu"}), "device"),
    ("rate_that_is_not_a_number", lambda _: checked(TrainSettings, "train", **{"clip": float("nan")}), "clip"),
    ("set_without_a_section", lambda _: parse(["decay=0.9"]), "section.field=value"),
    ("set_of_an_unknown_section", lambda _: parse(["metod.decay=0.9"]), "did you mean 'method'"),
    ("set_that_contradicts_itself", lambda _: parse(["method.network=1", "method.network.rate=2"]), "contradicts"),
    ("set_of_what_the_data_decide", lambda _: parse(["plan.fingerprint=1"]), "fingerprint"),
    ("spacing_of_zero", lambda _: parse_triple("0,1,1", "--spacing"), "three positive numbers"),
    ("spacing_of_two_numbers", lambda _: parse_triple("1,1", "--spacing"), "three positive numbers"),
    ("spacing_that_is_not_a_number", lambda _: parse_triple("nan,1,1", "--spacing"), "three positive numbers"),
    ("spacing_without_end", lambda _: parse_triple("inf", "--spacing"), "three positive numbers"),
    ("memory_of_nothing", lambda _: checked(PlanOptions, "plan", memory_gb=0), "memory_gb"),
    ("model_of_an_unknown_method", model_of(method="builtins.eval"), "builtins.eval"),
    ("model_with_a_surplus_field", model_of(path="../../weights"), "path"),
    ("model_without_weights", model_of(), "weights.safetensors"),
    ("model_with_unknown_options", model_of(options={"x": 1}), "x"),
    ("model_folder_of_nothing", lambda root: load_model(root), "no model in"),
    ("model_folder_that_is_not_there", lambda root: load_model(root / "nosuch"), "nosuch does not exist"),
    ("label_with_negative_values_to_write", lambda root: volume.write_label(
        root / "x.nii.gz", np.full((2, 2, 2), -1), volume.read_grid(image(root))), "as a label"),
    ("label_to_write_on_another_grid", lambda root: volume.write_label(
        root / "x.nii.gz", np.zeros((2, 2, 2), np.uint8), volume.read_grid(image(root))), "its grid"),
    ("label_to_write_in_a_picture_format", lambda root: volume.write_label(
        root / "x.png", np.zeros((SIZE,) * 3, np.uint8), volume.read_grid(image(root))), "suffix"),
):  # fmt: skip
    add(name, words, "option", make)
