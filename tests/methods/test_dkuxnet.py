"""DKUXNet: who is moved by what, the laws of its two branches, and the options of its centers."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from torch import nn

from semivox.core.errors import InputError
from semivox.functional.losses import dice_ce
from semivox.functional.perturb import jittered, noisy_some
from semivox.networks.branches import Branches
from semivox.networks.kmax_options import KMaX
from semivox.testing.patches import batch, blueprint, odd_batch, odd_blueprint
from semivox.testing.steps import gradients, train
from tests.contract.examples import build, turn
from tests.contract.fields.dkuxnet import TESTED

STILL = {"jitter_share": 0.0, "noise_share": 0.0}
"""Both branches see the same."""


def method(plan=None, **options):
    return build("dkuxnet", plan or odd_blueprint(dropout=0.0), options)


@cache
def after(**options):
    """The last total and the prediction of a short training, which the same options give again."""
    one = method(clusters=options)
    given = odd_batch(type(one))
    total = train(one, given, range(3), 8)[-1].total  # steps, for some branches of a layer start at zero
    return total.item(), one.eval().predict(given.image)


def branch(name):
    return name.split(".")[1]


def test_labels_and_contrasts_move_both_branches():
    one = method()
    losses = turn(one, odd_batch(type(one)))
    for term, value in losses.terms.items():
        found = gradients(one.network, value)
        for which in ("0", "1"):
            assert any(g is not None and g.any() for n, g in found.items() if branch(n) == which), (term, which)


@pytest.mark.parametrize("term", ["segmentation_contrast", "distribution_contrast"])
def test_a_detached_branch_is_not_moved_by_the_contrast(term):
    one = method(detach="weak")
    found = gradients(one.network, turn(one, odd_batch(type(one))).terms[term])
    moved = {branch(n) for n, g in found.items() if g is not None and g.any()}
    assert moved == {"0"}


def mask_heads_of_updates(found):
    return {n: g for n, g in found.items() if ".layers." in n and ".mask." in n}


def test_only_deep_supervision_reaches_the_masks_of_the_updates():
    one = method()
    losses = turn(one, odd_batch(type(one)))
    rest = sum(value for name, value in losses.terms.items() if name != "deep")
    assert all(g is None for g in mask_heads_of_updates(gradients(one.network, rest)).values())
    deep = mask_heads_of_updates(gradients(one.network, losses.terms["deep"]))
    assert deep
    assert all(g is not None for g in deep.values())


def test_swapping_the_branches_leaves_every_term_as_it_was():
    one = method(**STILL)
    given = odd_batch(type(one))
    before = turn(one, given).terms
    one.network.networks = nn.ModuleList(reversed(list(one.network.networks)))
    after = turn(one, given).terms
    for name, value in before.items():
        torch.testing.assert_close(after[name], value)


def test_two_branches_start_apart_and_one_shared_does_not():
    dual, shared = method(), method(branches="shared")
    first, second = (list(n.parameters()) for n in dual.network.networks)
    assert any(not torch.equal(a, b) for a, b in zip(first, second))
    assert not {id(p) for p in first} & {id(p) for p in second}
    assert len(shared.network.networks) == 1
    one, other = shared.network(odd_batch(type(shared)).image, odd_batch(type(shared)).image)
    torch.testing.assert_close(one.logits, other.logits)


def test_only_the_strong_branch_sees_changed_intensities():
    one = method(jitter_share=1.0, noise_share=1.0)
    given, seen = odd_batch(type(one)), []
    for network in one.network.networks:
        network.register_forward_pre_hook(lambda module, images: seen.append(images[0]))
    turn(one, given)
    assert len(seen) == 2
    assert not torch.equal(seen[0], given.image)
    assert torch.equal(seen[1], given.image)


def test_the_supervised_term_is_the_mean_of_the_branches():
    one = method(**STILL)
    given = odd_batch(type(one))
    found = turn(one, given).terms["supervised"]
    outputs = one.network(given.image, given.image)
    expected = sum(dice_ce(output.logits[:2], given.label) for output in outputs) / 2
    torch.testing.assert_close(found, expected)


def test_the_loss_on_groups_is_a_mean_of_logarithms_of_sums():
    one = method(**STILL)
    given = odd_batch(type(one))
    given.label[0, :2] = 255
    found = turn(one, given).terms["distribution"]
    losses = []
    for output in one.network(given.image, given.image):
        q = output.extra["groups"].exp()[:2]
        right = torch.where(given.label > 0, q[:, 1], q[:, 0])
        losses.append(-right.log()[given.label != 255].mean())
    torch.testing.assert_close(found, sum(losses) / 2, atol=1e-5, rtol=1e-4)


def test_fresh_centers_know_nothing_of_groups():
    """Masks are almost equal at first, so that groups start at their share of the centers."""
    one = method(clusters={"sizes": (16, 16)})
    q = one.network(None, odd_batch(type(one)).image)[0].extra["groups"].exp()
    torch.testing.assert_close(q.mean((0, 2, 3, 4)), torch.tensor([0.5, 0.5]), atol=0.05, rtol=0)
    three = method(clusters={"sizes": (16, 4, 12)})
    q = three.network(None, odd_batch(type(three)).image)[0].extra["groups"].exp()
    torch.testing.assert_close(q.mean((0, 2, 3, 4)), torch.tensor([0.5, 0.125, 0.375]), atol=0.05, rtol=0)


def test_labels_are_left_as_they_are():
    one = method()
    given = odd_batch(type(one))
    kept = given.label.clone()
    turn(one, given)
    assert torch.equal(given.label, kept)


def test_a_weight_of_zero_leaves_the_term_out():
    one = method(segmentation_contrast=0.0, deep=0.0)
    losses = turn(one, odd_batch(type(one)))
    assert set(losses.terms) == {"supervised", "distribution", "distribution_contrast"}
    assert set(losses.weights) == {"distribution", "distribution_contrast"}


@pytest.mark.parametrize("contrast", ["channel", "voxel", "voxel_all", "view"])
@pytest.mark.parametrize("patches", ["all", "unlabeled"])
def test_every_reading_of_the_contrast_is_finite_and_learns(contrast, patches):
    one = method(contrast=contrast, consistency_on=patches, anchors=32)
    for network in one.network.networks:  # so sure that more than one class is seen
        nn.init.constant_(network.clusters.mask.scale.weight, 5.0)
    losses = turn(one, odd_batch(type(one)))
    assert torch.isfinite(losses.total)
    found = gradients(one.network, losses.terms["segmentation_contrast"])
    assert any(g is not None and g.any() for g in found.values())


def test_views_of_a_single_unlabeled_patch_have_nothing_to_be_told_from():
    one = method(contrast="view", consistency_on="unlabeled")
    losses = turn(one, odd_batch(type(one), 1, 1))
    assert losses.terms["segmentation_contrast"].item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("who", ["weak", "strong", "both"])
def test_the_branch_asked_for_predicts_and_the_other_is_spared(who):
    one = method(predict_by=who).eval()
    calls = []
    for index, network in enumerate(one.network.networks):
        network.register_forward_hook(lambda module, given, output, index=index: calls.append(index))
    image = odd_batch(type(one)).image
    found = one.predict(image)
    assert calls == {"weak": [1], "strong": [0], "both": [0, 1]}[who]
    outputs = one.network(image, image)
    each = [output.logits.softmax(1) for output in outputs]
    expected = {"weak": each[1], "strong": each[0], "both": (each[0] + each[1]) / 2}[who]
    torch.testing.assert_close(found, expected)


def test_branches_skip_the_views_that_are_missing():
    network = Branches([nn.Identity(), nn.Flatten()])
    image = torch.zeros(2, 1, 2, 2, 2)
    assert [o.shape for o in network(None, image)] == [(2, 8)]
    assert [o.shape for o in network(image, None)] == [image.shape]


def test_the_foreground_of_unlabeled_patches_is_logged():
    one = method(**STILL)
    given = odd_batch(type(one))
    losses = turn(one, given)
    p = one.network(None, given.image)[0].logits.softmax(1)
    assert losses.log["foreground"].item() == pytest.approx(p[2:, 1:].sum(1).mean().item(), abs=1e-5)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("queries", 16),
        ("width", 32),
        ("hidden", 8),
        ("heads", 4),
        ("levels", (1, 0)),
        ("layers", 2),
        ("mask_level", 1),
        ("classifier", "shared"),
        ("groups", (0, 1, 2)),
        ("sizes", (8, 24)),
        ("momentum", 0.5),
        ("gain", 1.0),
    ],
)
def test_every_option_of_the_centers_changes_something(option, value):
    (plain, before), (changed, found) = after(), after(**{option: value})
    assert plain != changed or not torch.equal(before, found)
    assert set(KMaX.model_fields) == set(OPTIONS)


OPTIONS = [
    *("queries", "width", "hidden", "heads", "levels", "layers", "mask_level"),
    *("classifier", "groups", "sizes", "momentum", "gain", "recompute"),
]


def test_groups_for_another_number_of_classes_are_refused_when_it_is_built():
    with pytest.raises(InputError, match="for each of 3 classes"):
        method(clusters={"groups": (0, 1)})


def test_the_small_preset_is_small():
    plan = blueprint(strides=((2, 2, 2),) * 3, width=8)
    small = build("dkuxnet", plan, {"clusters": {}} | dict(find_ablation("small")))
    assert sum(p.numel() for p in small.network.networks[0].clusters.parameters()) < 90_000
    assert small.network.networks[0].skipped == 1
    masks = [m for n, m in small.network.named_modules() if n.endswith("mask.scale")]
    assert {m.weight.item() for m in masks} == {1.0}
    given = batch(type(small), 1, 1, (16, 16, 16))
    assert turn(small, given).total.isfinite()


def find_ablation(name):
    from semivox.methods.dkuxnet import DKUXNet

    return DKUXNet.ablations[name]


def test_what_is_tested_small_is_what_is_offered_large():
    assert set(TESTED["clusters"]) <= set(KMaX.model_fields)


@pytest.mark.parametrize("change", ["jitter", "noise"])
def test_only_a_share_of_the_patches_is_changed(change):
    torch.manual_seed(0)
    image = torch.randn(200, 1, 4, 4, 4)
    changed = jittered(image, 0.5, 0.8) if change == "jitter" else noisy_some(image, (0.1, 1.0), 0.2)
    share = (changed != image).flatten(1).any(1).float().mean().item()
    assert share == pytest.approx(0.8 if change == "jitter" else 0.2, abs=0.1)


def test_jitter_stays_within_the_range_of_each_channel_and_leaves_a_constant_alone():
    torch.manual_seed(0)
    image = torch.randn(5, 2, 4, 4, 4) * torch.tensor([1.0, 50.0]).view(1, 2, 1, 1, 1)
    changed = jittered(image, 0.5, 1.0)
    assert (changed <= image.amax((2, 3, 4), keepdim=True) + 1e-4).all()
    assert (changed >= image.amin((2, 3, 4), keepdim=True) - 1e-4).all()
    assert torch.allclose(jittered(torch.full((1, 1, 2, 2, 2), 3.0), 0.5, 1.0), torch.tensor(3.0))
    torch.testing.assert_close(jittered(image, 0.0, 1.0), image, atol=1e-4, rtol=1e-5)


def test_noise_has_the_deviation_it_should_and_no_tails():
    torch.manual_seed(0)
    drawn = noisy_some(torch.zeros(50, 1, 8, 8, 8), (0.5, 0.5), 1.0)
    assert drawn.abs().max() <= 1.0
    assert drawn.std().item() == pytest.approx(0.5 * 0.96, abs=0.02)


def test_a_moving_average_teaches_what_it_sees_and_is_not_taught():
    one = method(branches="average", decay=0.5, **STILL)
    given = odd_batch(type(one))
    losses = turn(one, given)
    assert {branch(n) for n, _ in one.network.named_parameters()} == {"0"}
    losses.total.backward()
    assert all(p.grad is None for p in one.average.parameters())
    before = [p.clone() for p in one.average.parameters()]
    train(one, given, range(2), 4)
    assert not all(map(torch.equal, before, one.average.parameters()))
    one.eval()
    with torch.no_grad():
        both = {who: build_predict(one, given, who) for who in ("weak", "strong", "both")}
    torch.testing.assert_close(both["both"], (both["weak"] + both["strong"]) / 2)
    assert not torch.equal(both["weak"], both["strong"])


def build_predict(one, given, who):
    one.config = one.config.model_copy(update={"predict_by": who})
    return one.predict(given.image)
