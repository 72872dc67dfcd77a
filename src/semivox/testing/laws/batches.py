"""A method trains on any batch, learns, and predicts patch by patch."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from semivox.core.batch import Batch
from semivox.core.voxel_codes import any_of
from semivox.methods.method import Losses, Method
from semivox.testing.patches import ODD, SPACING, balls, batch, blueprint, odd_batch, odd_blueprint
from semivox.testing.steps import copied, differ, train
from semivox.testing.subject import SHARP, Subject

MIXTURES = (("vnet", 1, 1), ("vnet", 1, 3), ("vnet", 3, 1), ("vnet", 2, 2), ("unet3d", 1, 1))
"""Networks, and numbers of labeled and unlabeled patches."""
LEARNING = {"kind": "adam", "rate": 0.01, "schedule": "constant"}
"""Options of the optimizer with which two balls are found."""


def any_batch_gives_finite_losses(subject: Subject) -> None:
    """Any number of labeled and unlabeled patches; three classes, two channels, a patch of three different edges."""
    for architecture, labeled, unlabeled in MIXTURES:
        case = f"with {labeled} labeled and {unlabeled} unlabeled patches of three classes and two channels"
        method = subject.built(odd_blueprint(architecture), sharpness=SHARP)
        before = copied(dict(method.network.named_parameters()))
        _finite(method, train(method, odd_batch(subject.kind, labeled, unlabeled), range(4, 6), 8), case)
        assert differ(before, dict(method.network.named_parameters())), f"the network stood still {case}"


def labels_without_a_surface_give_finite_losses(subject: Subject) -> None:
    """Labeled patches that show background alone, one class alone, or voxels of which nothing is known."""
    cases = {"background alone": (slice(None), 0), "one class alone": (slice(None), 1),
             "unknown voxels alone": (slice(None), 255), "some unknown voxels": (slice(4), 255)}  # fmt: skip
    for case, (where, value) in cases.items():
        part = balls(ODD, 3)
        part[where] = value
        told = batch(subject.kind, 2, 2, ODD, 2, 3, labels=[part] * 2 + [balls(ODD, 3)] * 2)
        given = dataclasses.replace(told, image=odd_batch(subject.kind).image)
        method = subject.odd()
        _finite(method, train(method, given, (3, 6), 8), f"where labels show {case}")


def what_was_looked_for_is_learned_where_other_classes_were_not(subject: Subject) -> None:
    """In some scans only some classes were looked for: the rest of them is some other class, and teaches just that."""
    full, method = odd_batch(subject.kind), subject.odd()
    _finite(method, train(method, _left_open(subject, full, (0, 2)), (3, 6), 8), "where labels leave classes open")
    for step in (0, 4):
        known, left = (
            subject.turn(subject.odd(), given, step).terms for given in (full, _left_open(subject, full, (0,)))
        )
        if "supervised" in known:
            same = torch.allclose(known["supervised"], left["supervised"], rtol=1e-4, atol=1e-5)
            assert same, "the loss is blind to voxels that may be background alone; use semivox.functional.losses"


def _left_open(subject: Subject, given: Batch, classes: tuple[int, ...]) -> Batch:
    """The batch with labels that leave it open which of these classes a voxel has."""
    code = any_of(classes)
    label = torch.where(torch.isin(given.label, torch.tensor(classes)), code, given.label)
    targets = {
        name: torch.stack([torch.from_numpy(np.asarray(function(part.numpy(), SPACING, 3))) for part in label])
        for name, function in subject.kind.targets.items()
    }
    return dataclasses.replace(given, label=label, targets=targets)


def _finite(method: Method, seen: list[Losses], case: str) -> None:
    for losses in seen:
        for name, value in [*losses.terms.items(), ("the total", losses.total)]:
            assert value.ndim == 0, f"{name} is no scalar but {tuple(value.shape)}"
            assert torch.isfinite(value), f"{name} is {value.item()} {case}"
    for name, parameter in method.named_parameters():
        assert torch.isfinite(parameter).all(), f"{name} is not finite {case}"


def a_batch_is_left_as_it_was(subject: Subject) -> None:
    """Others read it too."""
    given = odd_batch(subject.kind)
    kept = copied({"image": given.image, "label": given.label, **given.targets})
    train(subject.built(odd_blueprint()), given, range(2), 4)
    assert not differ(kept, {"image": given.image, "label": given.label, **given.targets}), "step writes into its batch"


def predictions_are_probabilities(subject: Subject) -> None:
    """They sum to one over classes, are the same at each call, and depend on no neighbor in the batch."""
    choices = [{"predict_with": who} for who in ("student", "teacher")] if "predict_with" in subject.fields() else [{}]
    for options in choices:
        method = subject.odd(options)
        train(method, odd_batch(subject.kind), range(2), 4)
        method.eval()
        image = odd_batch(subject.kind, 2, 1, seed=7).image
        with torch.no_grad():
            found = method.predict(image)
            assert found.shape == (3, 3, *ODD), f"predict gives {tuple(found.shape)} for three patches of three classes"
            assert found.dtype == torch.float32, f"predict gives {found.dtype}, not float32"
            assert float(found.min()) >= 0, "predict gives negative probabilities"
            assert torch.allclose(found.sum(1), torch.ones(1), atol=1e-5), "probabilities do not sum to 1 over classes"
            assert torch.equal(found, method.predict(image)), "predict gives something else at a second call"
            for i in range(len(image)):
                alone = method.predict(image[[i]])
                said = "a prediction depends on its neighbors in the batch"
                assert torch.allclose(alone, found[[i]], atol=1e-5, rtol=1e-4), said


def predicting_changes_no_state(subject: Subject) -> None:
    """A model is the same after it was used."""
    method = subject.built(odd_blueprint()).eval()
    before = copied(method.state_dict())
    with torch.no_grad():
        method.predict(odd_batch(subject.kind).image)
    assert not differ(before, method.state_dict()), "predict changes a parameter or buffer"


def two_small_balls_are_learned(subject: Subject) -> None:
    """A tiny network, two patches, at most 200 steps: Dice above 0.9 on both balls of the labeled one."""
    shape = (8, 8, 16)
    plan = blueprint(classes=3, dropout=0.1, width=12)  # wide: it needs a third of the steps of four
    method = subject.built(plan, {"network": {**LEARNING, **subject.known.learns}})
    given = batch(subject.kind, 1, 1, shape, classes=3)
    method.fit_labels(balls(shape, 3, seed) for seed in range(3))
    hits = [0.0, 0.0]
    for start in range(0, 200, 10):
        train(method, given, range(start, start + 10), 200)
        with torch.no_grad():
            found = method.eval().predict(given.image[:1]).argmax(1)
        method.train()
        hits = [_dice((found == k).numpy(), (given.label == k).numpy()) for k in (1, 2)]
        if min(hits) > 0.9:
            return
    raise AssertionError(f"Dice {[round(hit, 3) for hit in hits]} after 200 steps on two balls that it was shown")


def _dice(one: np.ndarray, other: np.ndarray) -> float:
    return 2 * float((one & other).sum()) / float(one.sum() + other.sum())
