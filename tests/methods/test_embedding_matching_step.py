"""Embedding matching: one whole step against a slow restatement."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from semivox.core.randomness import seed_step
from semivox.functional.references import draw_references
from semivox.methods.embedding_matching import EmbeddingMatching
from semivox.testing.patches import SPACING, batch, blueprint
from semivox.testing.steps import gradients
from tests.contract.examples import build, turn
from tests.functional.restatements import slow_depth, slow_dice_ce
from tests.methods.matching import QUIET, output, scripted


def slow_similarity(f: Tensor, references: Tensor, kernel: str, reduce: str) -> Tensor:
    """(U, E, X, Y, Z) and (l, k, E) -> (U, X, Y, Z), run by run and reference by reference."""
    runs = []
    for run in references:
        each = []
        for r in run:
            r = r.reshape(1, -1, 1, 1, 1)
            if kernel == "cosine":
                lengths = f.square().sum(1).sqrt().clamp_min(1e-8) * r.square().sum().sqrt().clamp_min(1e-8)
                each.append((f * r).sum(1) / lengths)
            else:
                each.append(1 / (1 + (f - r).square().sum(1).sqrt()))
        runs.append(torch.stack(each).mean(0) if reduce == "mean" else torch.stack(each).amax(0))
    return torch.stack(runs).mean(0)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(
    ("kernel", "reduce", "share"),
    [("cosine", "mean", 0.0), ("cosine", "max", 0.0), ("euclidean", "mean", 1.0), ("euclidean", "max", 0.9)],
)
def test_one_step_against_a_restatement_in_float64(classes, kernel, reduce, share):
    """Without dropout and noise only the drawing of references is random; it is drawn again from the same seed.

    For two classes the restatement is the paper's own, in words of object and background.
    """
    matching = {"kernel": kernel, "reduce": reduce, "reliable": 0.6, "matching": 0.4, "band_mm": 2.0}
    counts = {"references": 4, "runs": 3, "passes": 2, "least_uncertain": share, "en_region": "all"}
    plan = blueprint(classes=classes, dropout=0.0, width=4, norm="instance")
    method = build("embedding_matching", plan, QUIET | matching | counts, sharpness=4.0 / classes)
    with torch.no_grad():
        for p in method.teacher.parameters():
            p.mul_(1.3)
        for net in (method.network, method.teacher.network):  # no voxel of zeros: its cosine has no slope
            net.decoders[0].blocks[0][0][1].bias.add_(2.0)
    student, teacher = copy.deepcopy(method.network).double(), copy.deepcopy(method.teacher.network).double()
    given = batch(EmbeddingMatching, 2, 2, classes=classes, shape=(8, 8, 12))
    step, steps = 30, 100
    losses = turn(method, given, step, steps)

    ramp = math.exp(-5 * 0.7**2)
    out = student(given.image.double())
    with torch.no_grad():
        q = teacher(given.image[2:].double()).logits.softmax(1)
        f_l = teacher(given.image[:2].double()).embedding
    entropy = -(q * q.log()).sum(1)
    certain = (entropy < (0.75 + 0.25 * ramp) * math.log(classes)).double()
    assert 0.05 < certain.mean() < 0.95
    log_p = out.logits[2:].log_softmax(1)
    ce = -log_p.gather(1, q.argmax(1, keepdim=True)).squeeze(1)
    reliable = (certain * ce).sum() / certain.sum()

    seed_step(0, step, 0)
    depth = np.stack([slow_depth(part.numpy(), SPACING) for part in given.label])
    s = []
    for c in range(classes):
        band = torch.from_numpy((depth <= 2.0) & (given.label.numpy() == c))
        s.append(slow_similarity(out.embedding[2:], draw_references(f_l.movedim(1, -1)[band], 4, 3), kernel, reduce))
    uncertain = 1 - certain
    if classes == 2:
        background, object_ = s
        y = (object_ > background).double()
        ce_nn = -(y * log_p[:, 1] + (1 - y) * log_p[:, 0])
        d = object_ - background
        en = (torch.log1p(d.exp()) - d * d.sigmoid()).mean()
    else:
        y = torch.stack(s).argmax(0)
        ce_nn = -log_p.gather(1, y[:, None]).squeeze(1)
        en = torch.special.entr(torch.stack(s).softmax(0)).sum(0).mean()
    nn = (uncertain * ce_nn).sum() / max(float(uncertain.sum()), share * uncertain.numel())
    total = slow_dice_ce(out.logits[:2], given.label) + ramp * (0.6 * reliable + 0.4 * (nn + en))

    for name, value in {"reliable": reliable, "nn": nn, "en": en}.items():
        assert losses.terms[name].item() == pytest.approx(value.item(), rel=1e-4), name
    assert losses.total.item() == pytest.approx(total.item(), rel=1e-5)
    mine, slow = gradients(method.network, losses.total), gradients(student, total)
    for name in mine:
        torch.testing.assert_close(mine[name].double(), slow[name], atol=2e-5, rtol=2e-3)


def test_matching_stays_in_float32_under_autocast():
    """The loop may put autocast around a step; here the networks answer in bfloat16, so that no convolution runs."""
    method, given = scripted([0.7] * 2, [[0.5, 0.99]], [[3.0, 4.0]] * 2, [[0.0, 1.0], [1.0, 0.0]], label=[0, 1])
    plain = turn(method, given, 0, 6000)
    mixed, given = scripted([0.7] * 2, [[0.5, 0.99]], [[3.0, 4.0]] * 2, [[0.0, 1.0], [1.0, 0.0]], label=[0, 1])
    for network in (mixed.network, mixed.teacher):
        network.answers = [output(a.logits.bfloat16(), a.embedding.bfloat16()) for a in network.answers]
    with torch.autocast("cpu", torch.bfloat16):
        losses = turn(mixed, given, 0, 6000)
    for name, term in losses.terms.items():
        assert term.dtype == torch.float32, name
        assert term.item() == pytest.approx(plain.terms[name].item(), rel=0.02), name
    assert losses.terms["en"].item() == pytest.approx(0.6881721, abs=1e-5)  # 3, 4, 0 and 1 are exact in bfloat16


def test_without_matching_and_reliability_it_is_supervised():
    plan = blueprint(norm="instance", dropout=0.0)
    given = batch(EmbeddingMatching)
    method = build("embedding_matching", plan, QUIET | {"reliable": 0.0, "matching": 0.0})
    baseline = build("supervised", plan)
    mine, theirs = (gradients(m.network, turn(m, given).total) for m in (method, baseline))
    for name in mine:
        torch.testing.assert_close(mine[name], theirs[name], atol=1e-6, rtol=1e-4)
