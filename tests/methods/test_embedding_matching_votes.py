"""Embedding matching: how uncertain voxels vote, by the labeled voxels that they look like."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from semivox.core.batch import Batch
from semivox.methods.embedding_matching import EmbeddingMatching
from semivox.testing.patches import SPACING, balls, batch, blueprint
from semivox.testing.steps import gradients, train
from tests.contract.examples import Scripted, build, turn
from tests.functional.restatements import slow_depth
from tests.methods.matching import UNSURE, on_truth, output, pull, scripted, voxels


def test_uncertain_voxels_take_the_class_they_look_like():
    """References (1, 0) for the object, (0, 1) for the background; the voxel (3, 4) looks like background."""
    references = [[0.0, 1.0], [1.0, 0.0]]
    method, given = scripted([0.7, 0.7], [[0.5, 0.99]], [[3.0, 4.0]] * 2, references, label=[0, 1])
    losses = turn(method, given, 0, 6000)
    assert losses.terms["nn"].item() == pytest.approx(-math.log(0.3), abs=1e-6)  # the first voxel alone
    assert losses.terms["en"].item() == pytest.approx(0.6881721, abs=1e-6)  # all voxels
    (slope,) = torch.autograd.grad(losses.terms["en"], method.network.answers[0].embedding)
    assert slope[1].any()
    assert not slope[0].any()


@pytest.mark.parametrize(("kernel", "voted"), [("cosine", 1), ("euclidean", 0)])
def test_kernels_disagree(kernel, voted):
    references = [[0.0, 1.0], [4.0, 0.0]]
    method, given = scripted([0.7] * 2, [UNSURE * 2], [[1.0, 0.8]] * 2, references, label=[0, 1], kernel=kernel)
    expected = -math.log(0.7 if voted else 0.3)
    assert turn(method, given).terms["nn"].item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("reduce", "voted"), [("mean", 0), ("max", 1)])
def test_reductions_disagree(reduce, voted):
    references = [[0.6, 0.8], [1.0, 0.0], [-1.0, 0.0]]
    method, given = scripted(
        [0.7] * 3, [UNSURE * 3], [[1.0, 0.0]] * 3, references, label=[0, 1, 1], reduce=reduce, references=2
    )
    expected = -math.log(0.7 if voted else 0.3)
    assert turn(method, given).terms["nn"].item() == pytest.approx(expected, abs=1e-6)


def test_votes_move_the_head_and_vote_entropy_does_not():
    method = build("embedding_matching", blueprint(), sharpness=8.0)
    losses = turn(method, batch(EmbeddingMatching))
    found = {term: gradients(method.network, losses.terms[term]) for term in ("nn", "en")}
    head = [name for name in found["nn"] if name.startswith("heads.")]
    trunk = [name for name in found["nn"] if name.startswith("encoder.")]
    assert len(head) == 2
    assert all(found["nn"][name].any() for name in head)
    assert all(found["en"][name] is None for name in head)
    for term in ("nn", "en"):
        assert any(found[term][name] is not None and found[term][name].any() for name in trunk)
    assert all(p.grad is None for p in method.teacher.parameters())


def test_votes_send_no_gradient_into_embeddings():
    looks = [[3.0, 4.0]] * 2
    method, given = scripted([0.7] * 2, [UNSURE * 2], looks, [[0.0, 1.0], [1.0, 0.0]], label=[0, 1])
    losses = turn(method, given)
    embedding = method.network.answers[0].embedding
    (found,) = torch.autograd.grad(losses.terms["nn"], embedding, allow_unused=True, retain_graph=True)
    assert found is None or not found.any()
    (found,) = torch.autograd.grad(losses.terms["en"], method.network.answers[0].logits, allow_unused=True)
    assert found is None


def test_embeddings_of_the_truth_vote_for_the_truth():
    method, given, truth = on_truth((0, 1, 2), teacher=None)
    assert torch.equal(pull(method, given).argmax(1), truth)


def test_an_absent_class_is_never_voted_for_and_its_voxels_are_left_out():
    method, given, truth = on_truth((0, 1), teacher=None)
    pulled = pull(method, given)
    left_out = truth == 2  # the teacher leans to the truth
    assert left_out.any()
    assert not pulled.movedim(1, -1)[left_out].any()
    assert torch.equal(pulled.argmax(1)[~left_out], truth[~left_out])
    method, given, truth = on_truth((0, 1), teacher=0)
    assert not (pull(method, given).argmax(1) == 2).any()


def test_one_class_alone_does_not_vote():
    method, given, _ = on_truth((1,), teacher=1)
    losses = turn(method, given, 0, 100)
    assert losses.terms["nn"].item() == 0
    assert losses.terms["en"].item() == 0


def test_paired_references_come_from_the_partner_alone():
    """Two labeled patches with opposite embeddings: each unlabeled patch must be voted by its own partner."""
    shape = (1, 1, 2)
    label = torch.tensor([0, 1]).reshape(1, *shape).repeat(2, 1, 1, 1)
    mine, other = voxels([[1.0, 0.0], [0.0, 1.0]]), voxels([[0.0, 1.0], [1.0, 0.0]])
    labeled, unlabeled = torch.cat([mine, other]), voxels([[1.0, 0.0]] * 2).repeat(3, 1, 1, 1, 1)
    method = build("embedding_matching", blueprint(), {"passes": 1, "reference_scope": "paired"})
    logits = torch.zeros(5, 2, *shape).requires_grad_()
    method.network = Scripted(output(logits, torch.cat([labeled, unlabeled])))
    method.teacher = Scripted(output(torch.zeros(3, 2, *shape)), output(torch.zeros(2, 2, *shape), labeled))
    given = Batch(torch.zeros(5, 1, *shape), label, tuple("abcde"), {"depth": torch.ones(2, *shape)})
    losses = turn(method, given, 0, 100)
    (found,) = torch.autograd.grad(losses.terms["nn"], logits)
    voted = (-found[2:]).argmax(1)  # (3, 1, 1, 2)
    assert voted.flatten(1).tolist() == [[0, 0], [1, 1], [0, 0]]


def test_a_batch_whose_labels_show_background_only():
    empty = [np.zeros((8, 8, 8), np.uint8)] * 2
    given = batch(EmbeddingMatching, labels=[*empty, balls((8, 8, 8), 2), balls((8, 8, 8), 2, 1)])
    method = build("embedding_matching", blueprint(), sharpness=8.0)
    losses = turn(method, given)
    assert losses.terms["nn"].item() == 0
    assert losses.terms["en"].item() == 0
    assert losses.terms["reliable"].item() > 0
    found = gradients(method.network, losses.total)
    assert all(g is None or torch.isfinite(g).all() for g in found.values())
    for seen in train(method, given, range(5), 5):
        assert torch.isfinite(seen.total)


def test_vote_entropy_of_the_mean_or_mean_of_the_vote_entropies():
    """Two runs of one reference each: the object looks like (1, 0) in one and (0, 1) in the other."""
    found = {}
    for runs in ("averaged", "each"):
        options = {"references": 1, "runs": 200, "en_runs": runs, "terms": ("en",)}
        references = [[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]
        method, given = scripted([0.7] * 3, [UNSURE * 3], [[1.0, 0.0]] * 3, references, label=[0, 1, 1], **options)
        found[runs] = turn(method, given).terms["en"].item()
    sure, unsure = 0.5822031, 0.6931472  # D = 1 and D = 0
    assert found["each"] == pytest.approx((sure + unsure) / 2, abs=0.01)
    assert found["averaged"] == pytest.approx(0.6628473, abs=0.005)  # D = 1/2
    assert found["averaged"] - found["each"] > 0.015


def test_the_denominator_of_the_vote_entropy_has_the_same_floor():
    """One uncertain voxel of 200, on which the vote is 0.6881721 unsure."""
    looks = [[3.0, 4.0]] * 200
    references = [[0.0, 1.0], [1.0, 0.0]] * 100
    for share, count in ((0.0, 1), (0.01, 2), (1.0, 200)):
        options = {"label": [0, 1] * 100, "en_region": "uncertain", "least_uncertain": share}
        method, given = scripted([0.7] * 200, [[0.5] + [0.99] * 199], looks, references, **options)
        assert turn(method, given, 0, 6000).terms["en"].item() == pytest.approx(0.6881721 / count, abs=1e-6)


def test_vote_entropy_counts_voxels_whose_teachers_class_has_no_references():
    """NN leaves them out: they could only be voted into a wrong class. EN takes every uncertain voxel. With one-hot
    embeddings a voxel of class 0 or 1 has D = 1 or -1, one of class 2, without references, D = 0."""
    method, given, truth = on_truth((0, 1), teacher=None)
    found = turn(method, given, 0, 100).terms["en"].item()
    sure, unsure = 0.5822031, 0.6931472
    assert (truth == 2).any()
    assert found == pytest.approx(float(torch.where(truth == 2, unsure, sure).mean()), abs=1e-5)


def test_the_depth_target_is_what_batches_bring():
    given = batch(EmbeddingMatching)
    for label, depth in zip(given.label, given.targets["depth"], strict=True):
        np.testing.assert_allclose(depth, slow_depth(label.numpy(), SPACING), rtol=1e-5)
