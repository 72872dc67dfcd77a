"""A study folder as its runs would leave it, with scores that were made up."""

import numpy as np

from semivox.core.plan import CaseFacts, ChannelFacts, ClassInfo, Fingerprint, Intensity, NetworkChoice, Plan
from semivox.core.split import Split
from semivox.evaluation.score import Row
from semivox.evaluation.tables import write_scores
from semivox.experiments.arms import config_of, plan_of
from semivox.experiments.cost import Cost
from semivox.experiments.labeled_sets import LabeledSet, Part
from semivox.experiments.record import Record
from semivox.experiments.runs import runs_of
from semivox.experiments.study_file import CaseChoice, StudyFile

CASES = tuple(f"case_{index:02d}" for index in range(12))
FACTS = ChannelFacts(minimum=0, maximum=1, mean=0.5, std=0.1, lower=0, upper=1, zeros=0)
PLAN = Plan(
    dataset="invented",
    classes=(ClassInfo(name="background", value=0), ClassInfo(name="organ", value=1)),
    channels=("CT",),
    spacing=(1.0, 1.0, 2.5),
    patch=(32, 32, 16),
    intensity=(Intensity(scheme="zscore"),),
    network=NetworkChoice(name="vnet", options={"width": 4}),
    steps=10,
    fingerprint=Fingerprint(
        dataset="invented",
        channels=("CT",),
        classes=(ClassInfo(name="background", value=0), ClassInfo(name="organ", value=1)),
        cases=(CaseFacts(name="a", shape=(9, 9, 9), spacing=(1, 1, 1), labeled=True, channels=(FACTS,)),),
    ),
    reasons={"patch": "as large as it may be"},
)


def study_file(**changes):
    values = {
        "title": "Made up",
        "methods": ("supervised", "mean_teacher", "ua_mt"),
        "cases": CaseChoice(labeled=(4, 8), draws=(0, 1, 2), test=12),
        "method": {"ua_mt": {"ablations": ["one pass"], "options": {"passes": 4}}},
    }
    return StudyFile.model_validate(values | changes)


def labeled_set(name, draw, split):
    return LabeledSet(name, draw, split, (Part(None, split),))


def row(case, dice, miss=False):
    values = {"dice": 0.0, "jaccard": 0.0, "nsd_1mm": 0.0} if miss else {
        "dice": dice, "jaccard": dice / (2 - dice), "nsd_1mm": dice, "hd95_mm": 40 * (1 - dice),
        "hd95_max_mm": 44 * (1 - dice), "assd_mm": 9 * (1 - dice), "asd_mm": 8 * (1 - dice), "volume_error_ml": 1.0,
    }  # fmt: skip
    empty = "prediction" if miss else "neither"
    return Row(case=case, class_name="organ", empty=empty, prediction_ml=1, reference_ml=1, diagonal_mm=99, **values)


GAINS = {"supervised": 0.0, "mean_teacher": 0.05, "ua_mt": -0.04, "ua_mt~one-pass": 0.0}


def study(folder, asked=None, skip=(), cases=CASES):
    """Write it; ``skip``: names of runs that are not finished."""
    asked = asked or study_file()
    folder.mkdir(parents=True, exist_ok=True)
    Record(study_file=asked, data=str(folder / "nowhere"), files="0").save_in(folder)
    PLAN.save(folder / "plan.json")
    counts = asked.cases.labeled
    labeled_sets = [
        labeled_set(
            f"labeled-{count}",
            draw,
            Split(
                labeled=tuple(f"l{draw}_{index}" for index in range(count)),
                unlabeled=tuple(f"u_{index}" for index in range(20 - count)),
                test=cases,
            ),
        )
        for draw in asked.cases.draws
        for count in counts
    ]
    splits = {one.folder: one.split for one in labeled_sets}
    for one in runs_of(asked, labeled_sets):
        place = one.place
        run, random = folder / one.name, np.random.default_rng([place.draw, one.seed, len(place.labeled_set)])
        run.mkdir(parents=True)
        config_of(asked, one.arm, one.seed, 0).save(run / "config.json")
        plan_of(one.arm, PLAN).save(run / "plan.json")
        splits[one.frame].save(run / "split.json")
        if one.name in skip:
            continue
        labeled = len(splits[one.frame].labeled)
        base = 0.5 + 0.02 * labeled + random.normal(0, 0.01) + np.linspace(-0.1, 0.1, len(cases))
        noise = np.random.default_rng([place.draw, one.seed, len(one.arm.name)]).normal(0, 0.01, len(cases))
        dice = base + GAINS.get(one.arm.name, 0.0) + noise
        rows = [row(case, float(d), case == cases[0] and one.arm.method == "ua_mt") for case, d in zip(cases, dice)]
        write_scores(run, rows)
        Cost(train_seconds=90.0, predict_seconds=3.0, memory_mb=2048, gpu_memory_mb=None, device="cpu", threads=1).save(
            run / "cost.json"
        )
        lines = [
            f'{{"step": {step}, "player": "network", "total": {1 / (1 + step)}, "terms": {{}}, "log": {{}}}}\n'
            for step in range(10)
        ]
        (run / "log.jsonl").write_text("".join(lines))
        (run / "done").write_text("10 steps\n")
    return folder
