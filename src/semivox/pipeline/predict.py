"""From a trained run to labels of scans, and to their scores on the scans' own grids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import torch
from torch import Tensor

from semivox.core.errors import InputError
from semivox.core.files import make_folder
from semivox.core.plan import ClassInfo, Plan, Precision
from semivox.core.spelling import suggestion
from semivox.data.dataset import CaseFiles
from semivox.data.formats.volume import read, write_label
from semivox.data.origins import Origin, Standing, forget, origin_of, path_of, recorder, standing
from semivox.evaluation.made_from import MadeFrom, made_from
from semivox.evaluation.pairs import Pair, load_pair
from semivox.evaluation.score import Row, score_classes
from semivox.evaluation.voxel_scores import VoxelRow, voxel_rows
from semivox.inference.averaging import averaged
from semivox.inference.confidence_table import expected_by_class
from semivox.inference.jobs import safe_name
from semivox.inference.predictor import ScanPredictor
from semivox.inference.window import Predict
from semivox.methods.method import Method
from semivox.pipeline.entropy_maps import write_entropy
from semivox.pipeline.progress import ProgressDisplay, Quiet
from semivox.training.device import device_here
from semivox.training.ensemble import load_models, models_digest
from semivox.training.formats import computes_bfloat16

BACKENDS = ("torch", "onnxruntime")
PRECISIONS: dict[str, Precision] = {name: name for name in get_args(Precision)}


def predictor_by(
    backend: str, run: Path, device: str = "auto", precision: str | None = None, **options: Any
) -> ScanPredictor:
    """The predictor of a model by ``torch`` or, from an exported file, ``onnxruntime``. Raises InputError."""
    if backend not in BACKENDS:
        raise InputError(
            f"there is no backend {backend!r}{suggestion(backend, BACKENDS)}; there are {', '.join(BACKENDS)}"
        )
    if backend == "torch" and run.suffix != ".onnx":
        return predictor_of(run, device, precision, **options)
    if device not in ("auto", "cpu") or precision not in (None, "32-true"):
        raise InputError("the backend onnxruntime computes on the CPU in 32-true; leave out --device and --precision")
    from semivox.pipeline.model_export import onnx_predictor

    return onnx_predictor(run, **options)


def predictor_of(run: Path, device: str = "auto", precision: str | None = None, **options: Any) -> ScanPredictor:
    """The predictor of a run, model or job folder; of several models, their average. ``options``: the predictor's own.

    Raises InputError.

    ``precision``: None: the one that the run was trained with. No timing decides anything here: the same model and
    scan give the same bits at each call, with the same number of threads.
    """
    if precision is not None and precision not in PRECISIONS:
        near = suggestion(precision, PRECISIONS)
        raise InputError(f"there is no precision {precision!r}{near}; choose from {' and '.join(PRECISIONS)}")
    place = torch.device(device_here(device))
    methods, card = load_models(run)
    if place.type == "cuda":
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
    methods = tuple(method.to(place) for method in methods)
    others = [other for method in methods if (other := second_network(method)) is not None]
    return ScanPredictor(
        card.plan,
        averaged([method.predict for method in methods]),
        averaged(others) if len(others) == len(methods) else None,
        device=place,
        model=models_digest(run),
        precision=PRECISIONS[precision or card.plan.precision],
        **options,
    )


def slow_precision(predictor: ScanPredictor) -> str:
    """A sentence where the processor has no instructions for the model's precision; empty where it has."""
    if predictor.precision != "bf16-mixed" or computes_bfloat16(predictor.device):
        return ""
    return (
        "The model predicts in bf16-mixed, as it was trained; this processor has no instructions for it and is slow. "
        "--precision 32-true is faster here; a few voxels at edges may get another label."
    )


def second_network(method: Method) -> Predict | None:
    """The one of teacher and student that ``predict`` does not use; None for a method without teacher."""
    teacher = getattr(method, "teacher", None)
    if teacher is None:
        return None
    other = method.network if getattr(method.config, "predict_with", "student") == "teacher" else teacher

    def predict(image: Tensor) -> Tensor:
        """(B, C, X, Y, Z) -> probabilities (B, K, X, Y, Z)."""
        return other(image).logits.float().softmax(1)  # pyrefly: ignore[not-callable]

    return predict


def label_entries(
    run: Path,
    entries: Sequence[CaseFiles],
    device: str = "auto",
    progress: ProgressDisplay | None = None,
    options: Mapping[str, Any] | None = None,
    out: Path | None = None,
) -> None:
    """Label cases into ``out``; those that this model made of these very scans are left alone.

    ``options`` are the ScanPredictor's own; ``out``: by default the run's ``predictions/``, with the entropy beside it
    (``entropy_maps``); in another folder labels that somebody changed, or made, are left alone too.
    """
    kept = (Standing.SAME,) if out is None else (Standing.SAME, Standing.CHANGED, Standing.FOREIGN)
    maps = ("entropy",) if out is None else ()
    out = run / "predictions" if out is None else out
    make_folder(out)
    asked = tuple(sorted((options or {}).items()))
    model = models_digest(run)
    wanted = {entry.name: origin_of(entry.name, entry.images, model, dict(asked)) for entry in entries}
    missing = [entry for entry in entries if _standing(out, entry, wanted[entry.name]) not in kept]
    if not missing:
        return
    predictor = predictor_of(run, device, **dict(asked))
    with torch.inference_mode(), (progress or Quiet()).bar(f"labeling with {run.name}") as count:
        for done, entry in enumerate(missing, 1):
            volume, label = read(entry.images), label_in(out, entry)
            record = path_of(label, safe_name(entry.name))
            prediction = predictor(volume, maps)
            forget(record)
            if prediction.entropy is not None:
                write_entropy(run, entry.name, prediction.entropy, len(predictor.plan.classes), volume.source)
            expected = expected_by_class(prediction, predictor.plan)
            ready = recorder(wanted[entry.name], record, label, (), expected, prediction.unlike)
            write_label(label, prediction.label, volume.source, ready)
            count(done, len(missing))


def _standing(folder: Path, entry: CaseFiles, wanted: Origin) -> Standing:
    """What stands in the place of a label."""
    label = label_in(folder, entry)
    return standing(wanted, path_of(label, safe_name(entry.name)), label)


def score_entries(run: Path, entries: Sequence[CaseFiles], plan: Plan) -> list[Row]:
    """The scores of the run's predictions, a row per case and class, on the scans' own grids."""
    rows = []
    for entry in entries:
        assert entry.label is not None
        classes = looked_for(entry, plan)
        loaded = load_pair(Pair(entry.name, entry.label, prediction_of(run, entry)), plan.classes)
        values = [info.value for info in classes]
        scores = score_classes(loaded.prediction, loaded.reference, loaded.spacing, values, plan.ignore)
        for info, score in zip(classes, scores, strict=True):
            rows.append(
                Row(case=entry.name, class_name=info.name, diagonal_mm=loaded.diagonal_mm, **score.model_dump())
            )
    return rows


def origins_of(run: Path, entries: Sequence[CaseFiles]) -> dict[str, MadeFrom]:
    """Case -> digests of its prediction, reference, scan and model. Raises InputError for another case's prediction."""
    return made_from(
        [Pair(entry.name, entry.label, prediction_of(run, entry)) for entry in entries if entry.label is not None]
    )


def score_entries_in_voxels(
    run: Path, entries: Sequence[CaseFiles], plan: Plan, missed_is_zero: bool
) -> list[VoxelRow]:
    """The same predictions scored as the left-atrium tables are."""
    rows = []
    for entry in entries:
        assert entry.label is not None
        classes = [(info.name, info.value) for info in looked_for(entry, plan)]
        loaded = load_pair(Pair(entry.name, entry.label, prediction_of(run, entry)), plan.classes)
        rows += voxel_rows(entry.name, loaded.prediction, loaded.reference, classes, plan.ignore, missed_is_zero)
    return rows


def looked_for(entry: CaseFiles, plan: Plan) -> list[ClassInfo]:
    """The classes that an expert looked for in a case: the others cannot be scored there."""
    return [info for info in plan.classes[1:] if entry.annotated is None or info.name in entry.annotated]


def prediction_of(run: Path, entry: CaseFiles) -> Path:
    """Where the label of a scored case is written."""
    return label_in(run / "predictions", entry)


def label_in(folder: Path, entry: CaseFiles) -> Path:
    """The label of a case in a folder of labels."""
    return folder / f"{safe_name(entry.name)}.nii.gz"
