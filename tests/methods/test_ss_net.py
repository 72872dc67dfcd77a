"""SS-Net, number by number, and one whole step against a slow restatement."""

from __future__ import annotations

import copy
import math

import pytest
import torch

from semivox.core.progress import Progress
from semivox.methods.method import OptimizerConfig
from semivox.methods.ss_net import SSNet
from semivox.networks.blueprint import Blueprint
from semivox.networks.separable import SeparableNetwork
from semivox.networks.vnet import VNet
from semivox.testing.patches import batch, blueprint, odd_batch, odd_blueprint
from semivox.testing.steps import gradients
from tests.contract.examples import build, turn
from tests.functional.restatements import slow_dice_ce, slow_separation


def size(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def watched(method: SSNet) -> list[torch.Tensor]:
    """The images that the network is shown, in order."""
    seen: list[torch.Tensor] = []
    method.network.segmenter.register_forward_pre_hook(lambda m, image: seen.append(image[0].detach()))
    return seen


def test_sizes_of_the_paper():
    """9,457,318 parameters, of which three selectors of 1153 each have no effect for two classes."""
    with torch.device("meta"):
        network = SeparableNetwork(Blueprint(VNet(), 1, 2), 32)
    assert size(network.segmenter) == 9_448_866
    assert size(network) == 9_457_318 - 3 * 1153


def test_the_passes_of_a_step():
    """Losses, target, search, disturbed; the disturbance has the given root mean square in each patch."""
    method = build("ss_net", odd_blueprint(), {"size": 0.2, "probe": 0.03}, sharpness=8.0)
    seen, given = watched(method), odd_batch(SSNet)
    turn(method, given)
    assert len(seen) == 4
    moved = [(image - given.image).square().flatten(1).mean(1).sqrt() for image in seen]
    assert not moved[0].any()
    assert not moved[1].any()
    torch.testing.assert_close(moved[2], torch.full((4,), 0.03), atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(moved[3], torch.full((4,), 0.2), atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize(
    ("options", "passes"), [({"smoothness": 0.0}, 1), ({"target": "main"}, 3), ({"iterations": 0}, 3)]
)
def test_no_pass_without_use(options, passes):
    method = build("ss_net", odd_blueprint(), options, sharpness=8.0)
    seen = watched(method)
    turn(method, odd_batch(SSNet))
    assert len(seen) == passes


def test_the_authors_length():
    given = torch.zeros(1, 1, 112, 112, 80)
    assert SSNet.Config().size * math.sqrt(given.numel()) == pytest.approx(10, rel=1e-3)


def test_the_disturbance_points_where_the_answer_changes_most():
    """A network that answers by one weight per voxel: the direction is along those weights."""

    class Linear(torch.nn.Module):
        def forward(self, image):
            score = (image * weight).sum((1, 2, 3, 4), keepdim=True)
            logits = torch.cat([torch.zeros_like(score), score + 1.0], 1)
            return type("Output", (), {"logits": logits})()

    torch.manual_seed(0)
    weight = torch.randn(1, 1, 2, 3, 4)
    method = build("ss_net", blueprint(), {"size": 0.1, "probe": 0.1})
    method.network.segmenter = Linear()
    seen = watched(method)
    image = torch.zeros(2, 1, 2, 3, 4)
    method._smoothness(image, torch.zeros(2, 2, 1, 1, 1))
    cosine = torch.cosine_similarity(seen[-1].flatten(1), weight.flatten(1))
    torch.testing.assert_close(cosine.abs(), torch.ones(2), atol=1e-4, rtol=0)


def test_running_statistics_learn_from_plain_scans_only():
    """From the pass of the losses and from that of the target; the disturbed ones leave no trace, nor any gradient."""
    method = build("ss_net", odd_blueprint(dropout=0.0), {"separation": 0.0})
    slow, given = copy.deepcopy(method.network.segmenter), odd_batch(SSNet)
    turn(method, given)
    for _ in range(2):
        slow(given.image)
    for (name, mine), theirs in zip(method.network.segmenter.named_buffers(), slow.buffers()):
        assert torch.equal(mine, theirs), name
    assert all(p.grad is None for p in method.parameters())


def test_whom_the_terms_move():
    method = build("ss_net", odd_blueprint(dropout=0.0), sharpness=8.0)
    given = odd_batch(SSNet)
    turn(method, given)  # from now on there are prototypes
    terms = turn(method, given).terms
    moved = {
        term: {name.partition(".")[0] for name, g in gradients(method.network, value).items() if g is not None}
        for term, value in terms.items()
    }
    assert moved["supervised"] == moved["smoothness"] == {"segmenter"}
    assert moved["separation"] == {"segmenter", "projection", "prediction", "selectors"}
    assert terms["separation"].item() > 0


def test_selectors_do_not_reach_the_rows():
    network = build("ss_net", odd_blueprint()).network
    rows = torch.randn(6, 32, requires_grad=True)
    network.score(rows, 1).sum().backward()
    assert rows.grad is None
    assert network.selectors[0][0].weight.grad.any()


def test_prototypes_are_labeled_foreground_voxels_that_the_network_recognizes():
    method = build("ss_net", odd_blueprint(dropout=0.0), {"prototypes": 5000}, sharpness=8.0)
    given, network = odd_batch(SSNet), copy.deepcopy(method.network)
    turn(method, given)
    seen = network(given.image, given.label)
    network.eval()
    right = seen.output.logits[:2].argmax(1) == given.label
    assert method.memory.counts[0] == 0
    assert method.memory.counts.sum() > 0
    for index in (1, 2):
        of = right & (given.label == index)
        expected = network.projection(seen.embedding[:2][of]).detach()
        assert method.memory.counts[index] == len(expected)
        kept = method.memory.vectors[index, : len(expected)]
        torch.testing.assert_close(kept.sort(0).values, expected.sort(0).values, atol=1e-4, rtol=1e-3)


def test_a_class_that_is_not_recognized_keeps_its_prototypes():
    method = build("ss_net", odd_blueprint(dropout=0.0), sharpness=8.0)
    given = odd_batch(SSNet)
    turn(method, given)
    before = {name: value.clone() for name, value in method.memory.state_dict().items()}
    assert before["counts"].any()
    unknown = type(given)(given.image, torch.full_like(given.label, 255), given.cases, given.targets)
    losses = turn(method, unknown)
    assert torch.isfinite(losses.total)
    assert all(torch.equal(value, before[name]) for name, value in method.memory.state_dict().items())


@pytest.mark.parametrize(("step", "weight"), [(149, 0.0067379), (150, 0.0086247), (6000, 1.0)])
def test_weights_of_the_authors_code(step, weight):
    method = build("ss_net", blueprint(), {"ramp": 6000, "staircase": 150})
    weights = turn(method, batch(SSNet), step, 15_000).weights
    assert weights["smoothness"] == pytest.approx(weight, abs=5e-8)
    assert weights["separation"] == pytest.approx(0.1 * weight, abs=5e-9)


def test_rates_of_the_authors_code():
    optimizer = OptimizerConfig(kind="sgd", rate=0.01, schedule="steps", drop_every=2500, warmup=0)
    rates = [optimizer.rate_at(Progress(step, 15_000)) for step in (0, 2500, 5000, 7500)]
    assert rates == pytest.approx([1e-2, 1e-3, 1e-4, 1e-5])


@pytest.mark.parametrize(("present", "divisor"), [(False, 3), (True, 1)])
def test_classes_without_prototypes_count_unless_told_not_to(present, divisor):
    method = build("ss_net", odd_blueprint(dropout=0.0), {"normalize_by_present": present}, sharpness=8.0)
    vectors = torch.zeros(3, 32, 32)
    vectors[1, :2] = torch.randn(2, 32)
    method.memory.replace(vectors, torch.tensor([0, 2, 0]))
    seen = method.network(odd_batch(SSNet).image, odd_batch(SSNet).label)
    one = slow_separation(*seen.labeled[0], vectors[1, :2])
    assert method._separation(seen.labeled).item() == pytest.approx(one.item() / divisor, rel=1e-4)


@pytest.mark.parametrize("classes", [2, 3])
def test_one_step_against_a_restatement_in_float64(classes):
    options = {"smoothness": 0.8, "separation": 0.6, "iterations": 0, "size": 0.2, "prototypes": 600}
    method = build("ss_net", blueprint(classes=classes, dropout=0.0), options, sharpness=8.0)
    given = batch(SSNet, 2, 3, classes=classes)
    with torch.no_grad():  # no class is preferred
        logits = copy.deepcopy(method.network.segmenter)(given.image).logits
        method.network.segmenter.heads[0].heads["logits"].bias.sub_(logits.mean((0, 2, 3, 4)))
    slow = copy.deepcopy(method.network).double()
    shown = watched(method)
    losses = turn(method, given, 30, 100)

    logits = slow.segmenter(given.image.double()).logits
    p = logits.softmax(1)
    disturbed = slow.segmenter(shown[-1].double()).logits.softmax(1)
    smoothness = 1 - (disturbed * p.detach()).sum(1).mean()

    rows = slow.segmenter(given.image.double()).embedding.movedim(1, -1)
    classes_l, classes_u = given.label, p[2:].argmax(1)
    h_l, h_u = (slow.prediction(slow.projection(part.flatten(0, 3))) for part in (rows[:2], rows[2:]))
    right = p[:2].argmax(1) == given.label
    frozen = copy.deepcopy(slow.projection).eval()
    separation = 0.0
    for index in range(1, classes):
        prototypes = frozen(rows[:2][right & (given.label == index)]).detach()
        for h, of in ((h_l, classes_l.flatten()), (h_u, classes_u.flatten())):
            own = h[of == index]
            if len(own) > 1 and len(prototypes) > 1:
                score = slow.selectors[index - 1](own.detach()).squeeze(1).sigmoid()
                separation = separation + slow_separation(own, score, prototypes) / classes
    assert separation.item() > 0.01

    ramp = math.exp(-5 * 0.7**2)
    total = slow_dice_ce(logits[:2], given.label) + ramp * (0.8 * smoothness + 0.6 * separation)
    assert losses.terms["smoothness"].item() == pytest.approx(smoothness.item(), rel=1e-4)
    assert losses.terms["separation"].item() == pytest.approx(separation.item(), rel=1e-3)
    assert losses.total.item() == pytest.approx(total.item(), rel=1e-4)
    mine, expected = gradients(method.network, losses.total), gradients(slow, total)
    for name, gradient in expected.items():
        if gradient is not None:
            torch.testing.assert_close(mine[name].double(), gradient, atol=5e-5, rtol=5e-3, msg=name)


def test_prototypes_are_projected_with_the_statistics_of_the_steps_before():
    """In the first step the running statistics are still those of a new head: mean 0, variance 1."""
    found = {}
    for order in ("before", "after"):
        method = build("ss_net", blueprint(dropout=0.0), {"remember": order, "smoothness": 0.0}, sharpness=8.0)
        fresh = copy.deepcopy(method.network.projection).eval()
        given = batch(SSNet)
        with torch.no_grad():
            logits = method.network.segmenter(given.image).logits
            method.network.segmenter.heads[0].heads["logits"].bias.sub_(logits.mean((0, 2, 3, 4)))
            logits, embedding = method.network.segmenter(given.image)[:2]
        mask = (logits[:2].argmax(1) == given.label) & (given.label > 0)
        assert mask.any()
        rows = fresh(embedding[:2].movedim(1, -1)[mask])
        turn(method, given)
        kept = method.memory.vectors[1][: int(method.memory.counts[1])]
        found[order] = float(torch.cdist(kept, rows, compute_mode="donot_use_mm_for_euclid_dist").amin(1).max())
    assert found["before"] < 1e-4
    assert found["after"] > 1e-2


def test_compared_embeddings_miss_the_channels_that_the_head_misses():
    torch.manual_seed(0)
    network = SeparableNetwork(blueprint(width=6), 4, reading="head").train()
    given = batch(SSNet)
    seen = network(given.image, given.label)
    assert torch.equal(seen.embedding, seen.output.read.movedim(1, -1))
    assert not torch.equal(seen.embedding, seen.output.embedding.movedim(1, -1))
