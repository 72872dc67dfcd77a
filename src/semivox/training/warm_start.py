"""A training begins with all weights of a trained model of the same method: the next round of labeling does."""

from __future__ import annotations

from pathlib import Path

from semivox.core.errors import InputError
from semivox.methods.method import Method
from semivox.training.model import load_model


def take_over(method: Method, folder: Path, name: str) -> None:
    """Give a method the weights of a trained model of the same method and network. Raises InputError."""
    own = folder / name
    trained, card = load_model(own if (own / "model").is_dir() else folder)
    if card.method != name:
        raise InputError(f"train.warm_start: {folder} holds a model of {card.method}, and {name} is to be trained")
    try:
        method.load_state_dict(trained.state_dict())
    except RuntimeError as error:
        raise InputError(
            f"train.warm_start: the weights in {folder} are of another network "
            f"({str(error).splitlines()[-1].strip()}); give the same --plan, or begin without them"
        ) from error
