"""What scores were made from: the digests of both label files, and of the scan and model behind the prediction.

A prediction of this program has a record beside it (``origins/``, see ``data.origins``). A label that is the result of
another case is refused, since its score would be another scan's; what else is odd is said, and stands in scores.json.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from semivox.core.errors import InputError
from semivox.core.frozen import Frozen
from semivox.data.dataset import some
from semivox.data.formats.sources import digest_of, files_of
from semivox.data.formats.volume import stem
from semivox.data.origins import FOLDER, Origin, path_of
from semivox.evaluation.pairs import Pair


class MadeFrom(Frozen):
    """What the scores of one case were made from; SHA-256 each, empty where no record tells."""

    prediction: str
    """Of the label file that was scored."""
    reference: str
    scan: str = ""
    """Of the scan that the prediction was made of."""
    model: str = ""
    options: str = ""
    """How the model was asked, as text."""
    changed: bool = False
    """Whether the prediction is another file than its record says: corrected, or replaced."""


def made_from(pairs: Sequence[Pair]) -> dict[str, MadeFrom]:
    """Case -> what its scores are made from. Reads all bytes of the label files.

    Raises InputError for a prediction that is, by its record, the label of another case.
    """
    results = {folder: _results(folder) for folder in {pair.prediction.parent for pair in pairs}}
    return {pair.case: _of_pair(pair, results[pair.prediction.parent]) for pair in pairs}


def oddities(found: Mapping[str, MadeFrom]) -> list[str]:
    """Sentences on predictions that may not be what they are taken for."""
    said = []
    if changed := [case for case, made in found.items() if made.changed]:
        said.append(
            f"Changed since the model made them, so the scores are not the model's alone: {some(changed)}. "
            "Predict again into another folder to score the model."
        )
    recorded = [made for made in found.values() if made.model and not made.changed]
    if recorded and (bare := [case for case, made in found.items() if not made.model]):
        said.append(f"Without a record of what made them, unlike the other predictions: {some(bare)}.")
    models = Counter(made.model[:12] for made in recorded)
    if len(models) > 1:
        listed = ", ".join(f"{model} ({count})" for model, count in models.most_common(4))
        said.append(f"The predictions were made by {len(models)} models, and are scored together: {listed}.")
    elif len({made.options for made in recorded}) > 1:
        said.append("The predictions were made by one model in different ways (windows, mirroring, precision).")
    return said


def _of_pair(pair: Pair, results: Mapping[str, str]) -> MadeFrom:
    """``results``: digest -> the result that has it, by the records of the prediction's folder."""
    prediction, reference = _digest(pair.prediction), _digest(pair.reference)
    plain = MadeFrom(prediction=prediction, reference=reference)
    try:
        record = Origin.load(path_of(pair.prediction, stem(pair.prediction)))
    except InputError:
        record = None
    own = record is not None and record.files.get(pair.prediction.name) == prediction
    if not own and (other := results.get(prediction)) not in (None, pair.prediction.name):
        raise InputError(
            f"{pair.prediction} is, bit by bit, the label that was made as {other}; it is another case's. Predict "
            f"{pair.case!r} again, with --overwrite"
        )
    if record is None:
        return plain
    options = ", ".join(f"{key}={value}" for key, value in sorted(record.options.items()))
    return plain.model_copy(update={"scan": record.scan, "model": record.model, "options": options, "changed": not own})


def _results(folder: Path) -> dict[str, str]:
    """Digest -> file name of every label that the records of a folder tell of; of those only one case has."""
    found: dict[str, list[str]] = {}
    for path in sorted((folder / FOLDER).glob("*.json")):
        try:
            record = Origin.load(path)
        except InputError:
            continue
        for name, digest in record.files.items():
            found.setdefault(digest, []).append(name)
    return {digest: names[0] for digest, names in found.items() if len(names) == 1}


def _digest(path: Path) -> str:
    """SHA-256 of a label file; of several files, of their digests."""
    files = files_of(path)
    return digest_of(path) if files == (path,) else " ".join(digest_of(file) for file in files)
