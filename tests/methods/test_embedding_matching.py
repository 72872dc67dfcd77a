"""Embedding matching, number by number, and one whole step against a slow restatement."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from semivox.core.batch import Batch
from semivox.core.randomness import seed_step
from semivox.functional.references import draw_references
from semivox.methods.embedding_matching import EmbeddingMatching
from semivox.networks.architecture import Output
from semivox.testing.patches import SPACING, balls, batch, blueprint
from semivox.testing.steps import gradients, train
from tests.contract.examples import Scripted, build, logit, turn
from tests.functional.restatements import slow_depth, slow_dice_ce

QUIET = {"noise_student": 0.0, "noise_teacher": 0.0}
UNSURE = [0.5]


def voxels(values: list[list[float]]) -> Tensor:
    """Embeddings of V voxels -> (1, E, 1, 1, V)."""
    return torch.tensor(values).T.reshape(1, -1, 1, 1, len(values))


def output(logits: Tensor, embedding: Tensor | None = None) -> Output:
    return Output(logits, logits if embedding is None else embedding, (), (), {})


def scripted(
    student: list[float],
    passes: list[list[float]],
    embedding_u: list[list[float]] | None = None,
    embedding_l: list[list[float]] | None = None,
    label: list[int] | None = None,
    **options,
) -> tuple[EmbeddingMatching, Batch]:
    """Networks that answer with these foreground probabilities and embeddings on one labeled and one unlabeled patch.

    All labeled voxels lie 1 mm from a surface. Unless given, the student looks like class 0 everywhere, and NN and EN
    have the paper's regions and denominators.
    """
    number = len(student)
    label = label or [0, 1] * (number // 2) + [0] * (number % 2)
    embedding_l = embedding_l or [[1.0, 0.0] if c == 0 else [0.0, 1.0] for c in label]
    embedding_u = embedding_u or [[1.0, 0.0]] * number
    count = len(passes) - (options.get("label_source") == "single_pass")
    method = build(
        "embedding_matching", blueprint(), {"passes": count, "least_uncertain": 0.0, "en_region": "all", **options}
    )
    both = torch.cat([voxels(embedding_l), voxels(embedding_u)]).requires_grad_()
    method.network = Scripted(output(torch.cat([logit(student)] * 2).requires_grad_(), both))
    answers = [output(logit(p)) for p in passes]
    method.teacher = Scripted(*answers, output(logit(student), voxels(embedding_l)))
    shape = (1, 1, 1, number)
    targets = {"depth": torch.ones(shape)}
    return method, Batch(
        torch.zeros(2, *shape[:1], *shape[1:]), torch.tensor(label).reshape(shape), ("l", "u"), targets
    )


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


def one_hot(label: Tensor, classes: int) -> Tensor:
    return torch.nn.functional.one_hot(label, classes).movedim(-1, 1).float()


def on_truth(shown: tuple[int, ...], teacher: int | None, classes: int = 3) -> tuple[EmbeddingMatching, Batch, Tensor]:
    """Networks whose embedding is the one-hot truth; labeled patches show some classes; an unsure teacher leaning
    towards one class (None: the truth). The student is unsure of everything. Returns the unlabeled truth too."""
    shape = (4, 4, 6)
    rng = np.random.default_rng(0)
    label = torch.from_numpy(rng.choice(shown, (1, *shape)))
    truth = torch.from_numpy(rng.integers(0, classes, (1, *shape)))
    lean = one_hot(truth if teacher is None else torch.full_like(truth, teacher), classes) * 0.1
    method = build("embedding_matching", blueprint(classes=classes), {"passes": 2})
    embedding = one_hot(torch.cat([label, truth]), classes)
    logits = torch.zeros(2, classes, *shape).requires_grad_()
    method.network = Scripted(output(logits, embedding))
    method.teacher = Scripted(output(lean), output(lean), output(logits[:1].detach(), embedding[:1]))
    image = torch.zeros(2, 1, *shape)
    return method, Batch(image, label, ("l", "u"), {"depth": torch.ones(1, *shape)}), truth


def pull(method: EmbeddingMatching, given: Batch) -> Tensor:
    """(1, K, X, Y, Z): where a step along the votes' gradient raises the student's logits."""
    losses = turn(method, given, 0, 100)
    (found,) = torch.autograd.grad(losses.terms["nn"], method.network.answers[0].logits)
    return -found[1:]


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


def test_the_depth_target_is_what_batches_bring():
    given = batch(EmbeddingMatching)
    for label, depth in zip(given.label, given.targets["depth"], strict=True):
        np.testing.assert_allclose(depth, slow_depth(label.numpy(), SPACING), rtol=1e-5)


def test_without_matching_and_reliability_it_is_supervised():
    plan = blueprint(norm="instance", dropout=0.0)
    given = batch(EmbeddingMatching)
    method = build("embedding_matching", plan, QUIET | {"reliable": 0.0, "matching": 0.0})
    baseline = build("supervised", plan)
    mine, theirs = (gradients(m.network, turn(m, given).total) for m in (method, baseline))
    for name in mine:
        torch.testing.assert_close(mine[name], theirs[name], atol=1e-6, rtol=1e-4)


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


def test_cross_entropy_and_dice_in_other_shares():
    found = {}
    for shares in ((0.5, 0.5), (1.0, 1.0), (0.0, 1.0)):
        method, given = scripted([0.8, 0.8], [[0.9, 0.9]], supervised_shares=shares)
        found[shares] = turn(method, given).terms["supervised"].item()
    assert found[1.0, 1.0] == pytest.approx(2 * found[0.5, 0.5], rel=1e-6)
    assert found[0.0, 1.0] < found[1.0, 1.0]


def test_the_entropy_limit_rises_until_the_end_whatever_the_ramp_of_the_weights():
    """An entropy of 0.6 lies above the limit in the middle of the run (0.5695) and below it near the end."""
    p = 0.285  # its entropy is 0.598
    for ramp in (0.25, 1.0):
        for step, uncertain in ((3000, 1.0), (5000, 0.0)):
            method, given = scripted([0.8], [[p]], label=[0], ramp=ramp)
            losses = turn(method, given, step, 6000)
            assert float(losses.log["uncertain"]) == uncertain, (ramp, step)
            assert losses.weights["reliable"] == pytest.approx(0.25) if ramp == 0.25 else True


def test_the_denominator_of_the_vote_entropy_has_the_same_floor():
    """One uncertain voxel of 200, on which the vote is 0.6881721 unsure."""
    looks = [[3.0, 4.0]] * 200
    references = [[0.0, 1.0], [1.0, 0.0]] * 100
    for share, voxels in ((0.0, 1), (0.01, 2), (1.0, 200)):
        options = {"label": [0, 1] * 100, "en_region": "uncertain", "least_uncertain": share}
        method, given = scripted([0.7] * 200, [[0.5] + [0.99] * 199], looks, references, **options)
        assert turn(method, given, 0, 6000).terms["en"].item() == pytest.approx(0.6881721 / voxels, abs=1e-6)


def test_vote_entropy_counts_voxels_whose_teachers_class_has_no_references():
    """NN leaves them out: they could only be voted into a wrong class. EN takes every uncertain voxel. With one-hot
    embeddings a voxel of class 0 or 1 has D = 1 or -1, one of class 2, without references, D = 0."""
    method, given, truth = on_truth((0, 1), teacher=None)
    found = turn(method, given, 0, 100).terms["en"].item()
    sure, unsure = 0.5822031, 0.6931472
    assert (truth == 2).any()
    assert found == pytest.approx(float(torch.where(truth == 2, unsure, sure).mean()), abs=1e-5)
