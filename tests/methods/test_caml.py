"""CAML, number by number, and one whole step against a slow restatement."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import Tensor

from semivox.core.batch import Batch
from semivox.methods.caml import CAML
from semivox.networks.architecture import Output
from semivox.networks.cross_sample import Views
from semivox.testing.patches import batch, blueprint, odd_batch, odd_blueprint
from semivox.testing.steps import gradients
from tests.contract.examples import build, logit, turn

STILL = {"segmentation": "dice", "attention": "none", "bank": 600, "voxels": 600}
"""Nothing is drawn at random: all that is offered is remembered, all that is remembered is drawn."""


def output(probability: list[float], labeled: int = 1) -> Output:
    """A labeled and an unlabeled patch, both with these foreground probabilities; an embedding that numbers voxels."""
    logits = torch.cat([logit(probability)] * (labeled + 1))
    numbers = 0.1 * torch.arange(1.0, len(probability) + 1).reshape(1, 1, 1, 1, -1).expand(len(logits), 2, -1, -1, -1)
    return Output(logits, numbers, (), (), {})


class Pair(torch.nn.Module):
    """Two networks that answer as they are told, and heads that change nothing."""

    def __init__(self, plain: list[float], mixing: list[float]) -> None:
        super().__init__()
        self.projections = torch.nn.ModuleList(torch.nn.Sequential(torch.nn.Identity()) for _ in range(2))
        self.answers = (output(plain), output(mixing))

    def forward(self, image: Tensor, alone: int) -> Views:
        plain, mixing = self.answers
        agreed = plain.logits[alone:].argmax(1) == mixing.logits[alone:].argmax(1)
        rows = [self.as_rows(one.embedding[alone:])[agreed] for one in self.answers]
        return Views(plain, mixing, agreed, (rows[0], rows[1]))

    def as_rows(self, embedding: Tensor) -> Tensor:
        return embedding.movedim(1, -1)


def scripted(plain: list[float], mixing: list[float], label: list[int], **options) -> tuple[CAML, Batch]:
    method = build("caml", blueprint(), {"width": 2, "bank": 4} | options)
    method.network = Pair(plain, mixing)
    given = Batch(torch.zeros(2, 1, 1, 1, len(plain)), torch.tensor(label).reshape(1, 1, 1, -1), ("l", "u"))
    return method, given


def test_the_mutual_consistency_of_a_voxel():
    method, given = scripted([0.6], [0.7], [1])
    assert turn(method, given).terms["consistency"].item() == pytest.approx(0.239896, abs=1e-6)


def test_the_total_of_the_authors_first_step():
    """Their log: 1.586921, 0.427246, 13.700855; printed total of these 0.800955."""
    method = build("caml", odd_blueprint(), {"ramp": 6000, "staircase": 150})
    losses = turn(method, odd_batch(CAML), 1, 15_000)
    weights = [losses.weights[name] for name in ("supervised", "consistency", "correlation")]
    values = (1.586921, 0.427246, 13.700855)
    assert sum(w * v for w, v in zip(weights, values)) == pytest.approx(0.800955, abs=1e-6)


def test_only_what_both_networks_recognize_is_remembered_background_included():
    #                              both right    one right     both wrong    unknown
    method, given = scripted([0.1, 0.9, 0.9, 0.1, 0.9], [0.2, 0.8, 0.4, 0.6, 0.8], [0, 1, 1, 0, 255])
    turn(method, given)
    assert method.memory.counts[0].tolist() == [1, 1]
    assert method.memory.vectors[0, :, 0, 0].tolist() == pytest.approx([0.1, 0.2])


def test_what_is_remembered_is_the_mean_of_both_projections_as_in_evaluation():
    method = build("caml", odd_blueprint(dropout=0.0), {"bank": 5000, "attention": "none"}, sharpness=8.0)
    given = odd_batch(CAML)
    network = copy.deepcopy(method.network)
    turn(method, given)
    views = network(given.image, alone=2)
    network.eval()
    rows = [o.embedding[:2].movedim(1, -1).flatten(1, 3) for o in (views.plain, views.mixing)]
    expected = (network.projections[0](rows[0].flatten(0, 1)) + network.projections[1](rows[1].flatten(0, 1))) / 2
    expected = expected.detach().reshape(2, -1, 32)
    assert method.memory.counts.sum() > 100
    for patch in range(2):
        for index, count in enumerate(method.memory.counts[patch].tolist()):
            kept = method.memory.vectors[patch, index, :count]
            distance = torch.cdist(
                kept,
                expected[patch][given.label[patch].flatten() == index],
                compute_mode="donot_use_mm_for_euclid_dist",
            )
            assert count == 0 or distance.amin(1).max() < 1e-4
    assert not method.memory.vectors.requires_grad


def test_a_class_of_which_too_little_is_remembered_takes_no_part():
    """With one of two classes left there is one vector, whose share is 1: nothing to disagree about."""
    probability, label = [0.1, 0.9, 0.9], [0, 1, 1]
    both, given = scripted(probability, probability, label)
    assert turn(both, given).terms["correlation"].item() > 1e-3
    one, given = scripted(probability, probability, label, fewest=2, bank=1)
    assert turn(one, given).terms["correlation"].item() == pytest.approx(0.0, abs=1e-6)
    none, given = scripted(probability, probability, label, fewest=3)
    assert turn(none, given).terms["correlation"].item() == 0.0


@pytest.mark.parametrize(("fewest", "columns"), [(256, 256), (1, 511)])
def test_a_class_with_255_remembered_voxels_has_no_columns_where_256_are_asked_for(fewest, columns):
    """Embeddings of nothing but zeros resemble all that is remembered alike: the loss counts the columns."""
    label = [0] * 255 + [1] * 256
    probability = [0.9 if drawn else 0.1 for drawn in label]
    method, given = scripted(probability, probability, label, fewest=fewest, bank=256)
    method.network.answers = [o._replace(embedding=0 * o.embedding) for o in method.network.answers]
    assert turn(method, given).terms["correlation"].item() == pytest.approx(math.log(columns), rel=1e-5)


def test_nothing_recognized_gives_zero():
    method, given = scripted([0.1, 0.9], [0.2, 0.8], [1, 0])
    losses = turn(method, given)
    assert losses.terms["correlation"].item() == 0.0
    assert torch.isfinite(losses.total)


def test_the_memory_is_of_scans_not_of_steps():
    method = build("caml", odd_blueprint(), sharpness=8.0)
    for seed in range(3):
        turn(method, odd_batch(CAML, seed=seed))
    assert (method.memory.owners >= 0).sum() == 2  # two labeled scans, three steps
    method = build("caml", odd_blueprint(), {"correlation": 0.0}, sharpness=8.0)
    turn(method, odd_batch(CAML))
    assert not (method.memory.owners >= 0).any()


def test_the_number_of_compared_voxels_follows_the_patch(monkeypatch):
    asked = []

    def watched(probabilities, number):
        asked.append(number)
        return most_confident(probabilities, number)

    from semivox.functional.correlation import most_confident

    monkeypatch.setattr("semivox.methods.caml.most_confident", watched)
    method = build("caml", odd_blueprint(), sharpness=8.0)
    for unlabeled in (1, 2):
        turn(method, odd_batch(CAML, 1, unlabeled))
    assert asked == [round(25_600 / 3 * 3072 / 2_007_040), round(25_600 / 3 * 6144 / 2_007_040)]  # three classes


@pytest.mark.parametrize("detach", [False, True])
def test_whom_the_terms_move(detach):
    """The plain network, its heads, and, unless targets are detached, the other one."""
    method = build("caml", odd_blueprint(), {"detach_target": detach}, sharpness=8.0)
    terms = turn(method, odd_batch(CAML)).terms
    moved = {
        term: {name.partition(".")[0] + "." + name.split(".")[1] for name, g in found.items() if g is not None}
        for term, found in ((term, gradients(method.network, value)) for term, value in terms.items())
    }
    plain = {"plain.encoder", "plain.decoders"}
    mixing = {"mixing.encoder", "mixing.decoders"}
    assert moved["supervised"] == moved["consistency"] == plain | mixing | {"plain.heads", "mixing.heads"}
    other = set() if detach else mixing | {"projections.1", "predictions.1"}
    assert moved["correlation"] == plain | {"projections.0", "predictions.0"} | other


def test_the_correlation_reaches_no_labeled_voxel():
    """What is remembered is detached: without batch statistics no labeled patch has a gradient of this term."""
    method = build("caml", odd_blueprint(norm="instance"), {"attention": "none"}, sharpness=8.0)
    given = odd_batch(CAML)
    given.image.requires_grad_()
    losses = turn(method, given)
    assert losses.terms["correlation"].item() > 0
    (gradient,) = torch.autograd.grad(losses.terms["correlation"], given.image)
    assert not gradient[:2].any()
    assert gradient[2:].any()


def test_the_plain_network_predicts_and_is_an_ordinary_one():
    method = build("caml", odd_blueprint()).eval()
    alone = odd_blueprint().segmenter().eval()
    alone.load_state_dict(method.network.plain.state_dict())
    image = odd_batch(CAML).image
    with torch.no_grad():
        assert torch.equal(method.predict(image), alone(image).logits.softmax(1))


def slow_dice(logits: Tensor, label: Tensor) -> Tensor:
    p = logits.softmax(1)
    terms = [
        1 - (2 * (p[:, k] * (label == k)).sum() + 1e-8) / (p[:, k].sum() + (label == k).sum() + 1e-8)
        for k in range(1, p.shape[1])
    ]
    return sum(terms) / len(terms)


@pytest.mark.parametrize("classes", [2, 3])
def test_one_step_against_a_restatement_in_float64(classes):
    options = STILL | {"correlation": 0.7}
    method = build("caml", blueprint(classes=classes, dropout=0.0), options, sharpness=4.0)
    slow = copy.deepcopy(method.network).double()
    given = batch(CAML, 2, 3, classes=classes)
    losses = turn(method, given, 30, 100)

    image, label = given.image.double(), given.label
    outputs = (slow.plain(image), slow.mixing(image)[0])
    p, s = ([(o.logits / t).softmax(1) for o in outputs] for t in (1.0, 0.1))
    supervised = slow_dice(outputs[0].logits[:2], label) + slow_dice(outputs[1].logits[:2], label)
    consistency = ((p[0] - s[1]) ** 2).mean() + ((p[1] - s[0]) ** 2).mean()

    agreed = p[0][2:].argmax(1) == p[1][2:].argmax(1)
    maps = [o.embedding.movedim(1, -1) for o in outputs]
    h = [predict(project(m[2:][agreed])) for m, project, predict in zip(maps, slow.projections, slow.predictions)]
    right = (p[0][:2].argmax(1) == label) & (p[1][:2].argmax(1) == label)
    slow.eval()
    with torch.no_grad():
        bank = sum(project(m[:2][right]) for m, project in zip(maps, slow.projections)) / 2
    r = [(rows @ bank.T / 0.1).softmax(1) for rows in h]
    correlation = -(r[1] * (r[0] + 1e-8).log()).sum(1).mean()
    assert agreed.sum() > 50
    assert len(bank) > 10

    ramp = math.exp(-5 * 0.7**2)
    total = 0.5 * supervised + ramp * (consistency + 0.7 * correlation)
    for name, value in (("supervised", supervised), ("consistency", consistency), ("correlation", correlation)):
        assert losses.terms[name].item() == pytest.approx(value.item(), rel=1e-4), name
    assert losses.total.item() == pytest.approx(total.item(), rel=1e-5)
    mine, expected = gradients(method.network, losses.total), gradients(slow, total)
    for name, gradient in expected.items():
        if gradient is not None:
            torch.testing.assert_close(mine[name].double(), gradient, atol=5e-5, rtol=2e-3)


def test_labeled_voxels_are_projected_with_the_statistics_of_the_steps_before():
    found = {}
    for order in ("before", "after"):
        method = build("caml", blueprint(dropout=0.0), {"remember": order, "attention": "none"}, sharpness=8.0)
        fresh = [copy.deepcopy(p).eval() for p in method.network.projections]
        given = batch(CAML)
        with torch.no_grad():
            embeddings = [net(given.image) for net in (method.network.plain, method.network.mixing)]
            first, (second,) = embeddings
            rows = [
                p(o.embedding[:2].movedim(1, -1).flatten(0, 3)) for p, o in zip(fresh, (first, second), strict=True)
            ]
        turn(method, given)
        most = int(method.memory.counts[0].argmax())  # the class that both networks recognize
        number = min(int(method.memory.counts[0, most]), method.memory.vectors.shape[2])
        kept = method.memory.vectors[0, most, :number]
        found[order] = float(
            torch.cdist(kept, torch.stack(rows).mean(0), compute_mode="donot_use_mm_for_euclid_dist").amin(1).max()
        )
    assert found["before"] < 1e-4
    assert found["after"] > 1e-2
