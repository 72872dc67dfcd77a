"""Every method trains on any batch, learns, and predicts patch by patch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch

from semivox.methods import find
from tests.contract.examples import (
    balls,
    batch,
    blueprint,
    build,
    odd_batch,
    odd_blueprint,
    train,
)
from tests.contract.known import KNOWN, NAMES, SHARP, differ, fields

pytestmark = pytest.mark.parametrize("name", NAMES)


@pytest.mark.parametrize(
    ("architecture", "labeled", "unlabeled"),
    [("vnet", 1, 1), ("vnet", 1, 3), ("vnet", 3, 1), ("vnet", 2, 2), ("unet3d", 1, 1)],
)
def test_any_number_of_labeled_and_unlabeled_patches(name, architecture, labeled, unlabeled):
    """Three classes, two channels, a patch of three different edges, anisotropic strides and spacing."""
    method = build(name, odd_blueprint(architecture), sharpness=SHARP)
    before = [p.detach().clone() for p in method.network.parameters()]
    seen = train(method, odd_batch(type(method), labeled, unlabeled), range(4, 6), 8)
    assert all(torch.isfinite(losses.total) for losses in seen)
    assert all(torch.isfinite(p).all() for p in method.parameters())
    assert any(not torch.equal(p, old) for p, old in zip(method.network.parameters(), before, strict=True))


@pytest.mark.parametrize("kind", ["background", "object", "unknown", "partly unknown"])
def test_labeled_patches_without_a_surface(name, kind):
    shape = (8, 16, 24)
    part = balls(shape, 3)
    match kind:
        case "background":
            part[:] = 0
        case "object":
            part[:] = 1
        case "unknown":
            part[:] = 255
        case _:
            part[:4] = 255
    clean = odd_batch(find(name))
    given = batch(find(name), 2, 2, shape, 2, 3, labels=[part] * 2 + [balls(shape, 3)] * 2)
    given = type(given)(clean.image, given.label, given.cases, given.targets)
    method = build(name, odd_blueprint(), sharpness=SHARP)
    seen = train(method, given, range(3, 7), 8)
    assert all(torch.isfinite(losses.total) for losses in seen)
    assert all(torch.isfinite(term) for losses in seen for term in losses.terms.values())
    assert all(torch.isfinite(p).all() for p in method.parameters())


def test_the_batch_is_left_as_it_was(name):
    given = odd_batch(find(name))
    kept = {"image": given.image.clone(), "label": given.label.clone()}
    kept |= {key: value.clone() for key, value in given.targets.items()}
    train(build(name, odd_blueprint()), given, range(2), 4)
    now = {"image": given.image, "label": given.label, **given.targets}
    assert not differ(kept, now)


def test_predictions_are_probabilities_that_ignore_batch_neighbors(name):
    options: Sequence[dict[str, Any]] = [{}]
    if "predict_with" in fields(name):
        options = [{"predict_with": who} for who in ("student", "teacher")]
    for option in options:
        method = build(name, odd_blueprint(), option, SHARP)
        train(method, odd_batch(type(method)), range(2), 4)
        method.eval()
        image = odd_batch(type(method), 2, 1, seed=7).image
        with torch.no_grad():
            together = method.predict(image)
            assert together.shape == (3, 3, *image.shape[2:])
            assert together.dtype == torch.float32
            assert together.min() >= 0
            torch.testing.assert_close(together.sum(1), torch.ones_like(together[:, 0]))
            assert torch.equal(together, method.predict(image))
            for i in range(3):
                torch.testing.assert_close(method.predict(image[[i]]), together[[i]], atol=1e-5, rtol=1e-4)


def test_predicting_changes_no_state(name):
    method = build(name, odd_blueprint()).eval()
    before = {key: value.clone() for key, value in method.state_dict().items()}
    with torch.no_grad():
        method.predict(odd_batch(type(method)).image)
    assert not differ(before, dict(method.state_dict()))


def test_it_finds_two_small_balls(name):
    """A tiny network, two labeled patches, at most 200 steps: Dice above 0.9 on both balls."""
    optimizer = {"kind": "adam", "rate": 0.02, "schedule": "constant"}
    optimizer |= getattr(KNOWN[name], "LEARNS", {})
    method = build(name, blueprint(classes=3, dropout=0.1, width=4), {"network": optimizer})
    given = batch(type(method), 1, 1, (8, 8, 16), classes=3)
    method.fit_labels(balls((8, 8, 16), 3, seed) for seed in range(3))
    for start in range(0, 200, 10):
        train(method, given, range(start, start + 10), 200)
        with torch.no_grad():
            found = method.eval().predict(given.image[:1]).argmax(1)
        method.train()
        both = [((found == k) & (given.label == k)).sum().item() for k in (1, 2)]
        sizes = [((found == k).sum() + (given.label == k).sum()).item() for k in (1, 2)]
        hits = [2 * hit / size for hit, size in zip(both, sizes, strict=True)]
        if min(hits) > 0.9:
            return
    pytest.fail(f"Dice {[round(hit, 3) for hit in hits]} after 200 steps")
