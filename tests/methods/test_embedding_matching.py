"""Embedding matching: which voxels are certain, what they learn from, how terms are weighted."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from semivox.core.batch import Batch
from semivox.methods.embedding_matching import EmbeddingMatching
from semivox.testing.patches import batch, blueprint
from tests.contract.examples import Scripted, build, logit, turn
from tests.methods.matching import scripted


def test_weights():
    method, given = scripted([0.8, 0.8], [[0.9, 0.9]])
    for step, ramp in ((0, 0.0067379), (500, 0.2865048), (1000, 1.0)):
        method.network.calls.clear()
        method.teacher.calls.clear()
        weights = turn(method, given, step, 1000).weights
        assert set(weights) == {"reliable", "nn", "en"}
        assert weights["reliable"] == pytest.approx(0.25 * ramp, abs=5e-8)
        assert weights["nn"] == weights["en"] == pytest.approx(0.125 * ramp, abs=5e-8)


@pytest.mark.parametrize(
    ("uncertainty", "step", "uncertain"),
    [("expected", 0, 1.0), ("expected", 3000, 0.0), ("predictive", 0, 1.0), ("predictive", 3000, 1.0)],
)
def test_mean_of_entropies_or_entropy_of_the_mean(uncertainty, step, uncertain):
    five = [[p] for p in (0.9, 0.8, 0.6, 0.7, 0.5)]
    method, given = scripted([0.8], five, label=[0], uncertainty=uncertainty)
    assert float(turn(method, given, step, 6000).log["uncertain"]) == uncertain


def test_a_voxel_exactly_at_the_limit_is_uncertain():
    method, given = scripted([0.8], [[0.5]], label=[0])
    assert float(turn(method, given, 6000, 6000).log["uncertain"]) == 1.0  # ln 2 is not below ln 2


def test_passes_that_contradict_are_reliable_in_the_paper_and_not_in_ua_mt():
    for uncertainty, uncertain in (("expected", 0.0), ("predictive", 1.0)):
        method, given = scripted([0.8], [[0.9], [0.1]], label=[0], uncertainty=uncertainty)
        assert float(turn(method, given, 0, 6000).log["uncertain"]) == uncertain


def test_certain_voxels_take_the_teachers_class():
    sure = [[0.99, 0.01, 0.5]] * 2
    method, given = scripted([0.7, 0.4, 0.9], sure, label=[0, 1, 0])
    losses = turn(method, given, 0, 6000)
    assert float(losses.log["uncertain"]) == pytest.approx(1 / 3)
    assert losses.terms["reliable"].item() == pytest.approx(0.4338, abs=5e-5)


def test_the_class_is_that_of_the_mean_or_of_one_further_pass():
    passes = [[0.99], [0.97]]
    method, given = scripted([0.7], passes, label=[0])
    assert turn(method, given).terms["reliable"].item() == pytest.approx(-math.log(0.7), abs=1e-6)
    method, given = scripted([0.7], [*passes, [0.4]], label=[0], label_source="single_pass")
    assert turn(method, given).terms["reliable"].item() == pytest.approx(-math.log(0.3), abs=1e-6)


def test_entropy_of_all_voxels_or_of_the_uncertain_ones():
    references = [[0.0, 1.0], [1.0, 0.0]]
    looks = [[3.0, 4.0], [1.0, 0.0]]  # D = -0.2 and 1
    found = {}
    for region in ("all", "uncertain"):
        method, given = scripted([0.7] * 2, [[0.5, 0.99]], looks, references, label=[0, 1], en_region=region)
        found[region] = turn(method, given, 0, 6000).terms["en"].item()
    assert found["uncertain"] == pytest.approx(0.6881721, abs=1e-6)
    assert found["all"] == pytest.approx((0.6881721 + 0.5822031) / 2, abs=1e-6)


def test_the_denominator_is_not_let_below_a_share_of_the_patch():
    passes = [[0.5] + [0.99] * 199]
    found = {}
    for share in (0.0, 0.01, 1.0):
        method, given = scripted([0.7] * 200, passes, least_uncertain=share)
        found[share] = turn(method, given, 0, 6000).terms["nn"].item()
    one = -math.log(0.3)
    assert found[0.0] == pytest.approx(one, abs=1e-6)
    assert found[0.01] == pytest.approx(one / 2, abs=1e-6)
    assert found[1.0] == pytest.approx(one / 200, abs=1e-6)


def test_no_uncertain_voxel_gives_zero():
    method, given = scripted([0.7] * 2, [[0.99, 0.99]], least_uncertain=0.0)
    losses = turn(method, given)
    assert losses.terms["nn"].item() == 0
    (gradient,) = torch.autograd.grad(losses.total, method.network.answers[0].logits)
    assert torch.isfinite(gradient).all()


def test_teacher_passes_and_noise():
    given = batch(EmbeddingMatching, 2, 3, shape=(16, 16, 16))
    image_l, image_u = given.split(given.image)
    for source in ("mean", "single_pass"):
        method = build("embedding_matching", blueprint(), {"label_source": source})
        seen: dict[str, list[Tensor]] = {"network": [], "teacher": []}
        for who in seen:
            getattr(method, who).register_forward_pre_hook(lambda m, image, to=seen[who]: to.append(image[0]))
        turn(method, given)
        assert len(seen["teacher"]) == 5 + (source == "single_pass") + 1
        noises = [image - image_u for image in seen["teacher"][:-1]] + [seen["teacher"][-1] - image_l]
        assert len({float(noise.sum()) for noise in noises}) == len(noises)
        assert [noise.std().item() for noise in noises] == pytest.approx([0.01] * len(noises), rel=0.05)
        (student,) = seen["network"]
        parts = given.split(student - given.image)
        assert [part.std().item() for part in parts] == pytest.approx([0.02] * 2, rel=0.05)
        assert max(part.abs().max().item() for part in parts) > 0.06  # not clipped


@pytest.mark.parametrize("terms", [("nn",), ("en",), ()])
def test_terms_can_be_left_out(terms):
    method = build("embedding_matching", blueprint(), {"terms": terms}, sharpness=8.0)
    losses = turn(method, batch(EmbeddingMatching))
    assert set(losses.terms) == {"supervised", "reliable", *terms}
    assert set(losses.weights) == {"reliable", *terms}


def test_noise_is_clipped_in_deviations_and_can_leave_labeled_patches_out():
    given = batch(EmbeddingMatching, shape=(16, 16, 16))
    method = build("embedding_matching", blueprint(), {"noise_clip": 2.0, "noise_on": "unlabeled"})
    seen: dict[str, list[Tensor]] = {"network": [], "teacher": []}
    for who in seen:
        getattr(method, who).register_forward_pre_hook(lambda m, image, to=seen[who]: to.append(image[0]))
    turn(method, given)
    (student,) = seen["network"]
    labeled, unlabeled = given.split(student - given.image)
    assert not labeled.any()
    assert unlabeled.abs().max().item() == pytest.approx(0.04, rel=1e-4)
    _, image_u = given.split(given.image)
    assert (seen["teacher"][0] - image_u).abs().max().item() == pytest.approx(0.02, rel=1e-4)


@pytest.mark.parametrize("mode", ["training", "evaluation"])
def test_how_the_teacher_sees_the_labeled_patches(mode):
    method = build("embedding_matching", blueprint(), {"reference_pass": mode})
    seen: list[bool] = []
    method.teacher.register_forward_pre_hook(lambda m, image: seen.append(m.training))
    turn(method, batch(EmbeddingMatching))
    assert seen == [True] * 5 + [mode == "training"]
    assert method.teacher.training


def test_means_of_each_patch_weigh_patches_alike():
    """Two unlabeled patches with 1 and 3 certain voxels of four."""
    passes = [[0.99, 0.5, 0.5, 0.5], [0.99, 0.99, 0.99, 0.5]]
    student = [[0.8] * 4, [0.6] * 4]
    found = {}
    for sums in ("batch", "patch"):
        method = build("embedding_matching", blueprint(), {"passes": 1, "terms": (), "mask_sums": sums})
        method.network = Scripted(torch.cat([logit([0.5] * 4), *map(logit, student)]))
        method.teacher = Scripted(torch.cat([logit(p) for p in passes]))
        given = Batch(torch.zeros(3, 1, 1, 1, 4), torch.zeros(1, 1, 1, 4, dtype=torch.long), tuple("abc"))
        found[sums] = turn(method, given).terms["reliable"].item()
    one, other = -math.log(0.8), -math.log(0.6)
    assert found["batch"] == pytest.approx((one + 3 * other) / 4, rel=1e-5)
    assert found["patch"] == pytest.approx((one + other) / 2, rel=1e-5)


def test_the_first_share_is_of_the_cross_entropy_and_the_second_of_dice():
    """Of one voxel of each class, both taken for the foreground's with 0.8."""
    cross_entropy = (-math.log(0.2) - math.log(0.8)) / 2
    dice = 1 - 2 * 0.8 / (2 * 0.8**2 + 1)
    for shares in ((0.5, 0.5), (1.0, 0.0), (0.0, 1.0), (0.75, 0.25)):
        method, given = scripted([0.8, 0.8], [[0.9, 0.9]], supervised_shares=shares)
        expected = shares[0] * cross_entropy + shares[1] * dice
        assert turn(method, given).terms["supervised"].item() == pytest.approx(expected, rel=1e-4), shares


def test_the_entropy_limit_rises_until_the_end_whatever_the_ramp_of_the_weights():
    """An entropy of 0.6 lies above the limit in the middle of the run (0.5695) and below it near the end."""
    p = 0.285  # its entropy is 0.598
    for ramp in (0.25, 1.0):
        for step, uncertain in ((3000, 1.0), (5000, 0.0)):
            method, given = scripted([0.8], [[p]], label=[0], ramp=ramp)
            losses = turn(method, given, step, 6000)
            assert float(losses.log["uncertain"]) == uncertain, (ramp, step)
            assert losses.weights["reliable"] == pytest.approx(0.25) if ramp == 0.25 else True
