"""A training begins with all weights of a trained model of the same method: the next round of labeling does."""

from __future__ import annotations

from pathlib import Path

from semivox.core.errors import InputError
from semivox.core.plurals import plural
from semivox.core.split import Split
from semivox.methods.method import Method
from semivox.training.folder import RunFolder
from semivox.training.model import load_model
from semivox.training.start import trained_on


def take_over(method: Method, folder: Path, name: str) -> None:
    """Give a method the weights of a trained model of the same method and network. Raises InputError."""
    trained, card = load_model(_run_of(folder, name))
    if card.method != name:
        raise InputError(f"train.warm_start: {folder} holds a model of {card.method}, and {name} is to be trained")
    try:
        method.load_state_dict(trained.state_dict())
    except RuntimeError as error:
        raise InputError(
            f"train.warm_start: the weights in {folder} are of another network "
            f"({str(error).splitlines()[-1].strip()}); give the same --plan, or begin without them"
        ) from error


def require_unseen_by(folder: Path, name: str, split: Split) -> None:
    """Raise InputError where the run whose weights are taken over was trained on scans that are to be scored.

    Of a model without its run it is not known what it was trained on.
    """
    run = _run_of(folder, name)
    if not RunFolder(run).split.is_file():
        return
    if scored := {*split.test, *split.validation} & trained_on(run):
        raise InputError(
            f"train.warm_start: the model in {run} was trained on {plural(len(scored), 'scan')} to be scored here, "
            f"{min(scored)!r} among them: scores would flatter. Begin without it"
        )


def _run_of(folder: Path, name: str) -> Path:
    """The run of a method in a job, or the folder itself."""
    return folder / name if (folder / name / "model").is_dir() else folder
