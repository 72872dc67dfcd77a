"""UniMatch V2, number by number."""

from __future__ import annotations

import pytest
import torch

from semivox.functional.feature_perturbations import complementary
from semivox.methods.unimatch_v2 import UniMatchV2, agreement
from semivox.testing.patches import batch, blueprint
from semivox.testing.steps import train
from tests.contract.examples import build, logit, turn


def test_the_divisor_is_all_voxels():
    """Of four voxels the teacher is sure of three."""
    confidence = torch.tensor([0.97, 0.96, 0.80, 0.99]).reshape(1, 1, 1, 4)
    label = torch.ones(1, 1, 1, 4, dtype=torch.long)
    loss = agreement(logit([0.9, 0.5, 0.4, 0.99]), label, confidence >= 0.95)
    assert loss.item() == pytest.approx(0.202140, abs=1e-5)
    assert agreement(logit([0.9]), label[..., :1], torch.zeros(1, 1, 1, 1, dtype=torch.bool)).item() == 0


def test_views_miss_complementary_channels_and_spared_ones_none():
    torch.manual_seed(0)
    levels = (torch.ones(2 + 8, 32, 2, 2, 2), torch.ones(2 + 8, 64, 1, 1, 1))
    fine, coarse = complementary(levels, first=2, spared=0.5)
    for level in (fine, coarse):
        labeled, one, other = level[:2], level[2:6], level[6:]
        assert (labeled == 1).all()
        assert torch.equal(one + other, torch.full_like(one, 2))
        whole = [bool((view == 1).all()) for view in one]
        assert sum(whole) == 2
        for view, spared in zip(one, whole):
            assert spared or set(view.unique().tolist()) == {0.0, 2.0}
            assert spared or 0.2 < (view == 0).float().mean() < 0.8
        assert (level == level[:, :, :1, :1, :1]).all()  # whole channels
    assert [bool((v == 1).all()) for v in fine[2:6]] == [bool((v == 1).all()) for v in coarse[2:6]]
    same = complementary(levels, first=2, spared=1.0)
    assert all(torch.equal(a, b) for a, b in zip(same, levels))


def seen(options, given=None):
    """What student and teacher see in a step, and its losses."""
    method = build("unimatch_v2", blueprint(), {"threshold": 0.0} | options)
    given = given or batch(UniMatchV2)
    images = {}
    for name in ("network", "teacher"):
        module = getattr(method, name)
        module.register_forward_pre_hook(lambda m, arguments, name=name: images.update({name: arguments[0].clone()}))
    return images["network"] if turn(method, given) is None else images, given


def test_the_teacher_sees_the_patch_and_the_student_other_views_of_it():
    images, given = seen({"paste": 0.0})
    labeled, unlabeled = given.split(given.image)
    assert torch.equal(images["teacher"], unlabeled)
    student_l, one, other = images["network"].split(2)
    assert torch.equal(student_l, labeled)
    assert not torch.equal(one, unlabeled)
    assert not torch.equal(one, other)
    images, _ = seen({"paste": 0.0, "view": "none"})
    assert torch.equal(images["network"], torch.cat([labeled, unlabeled, unlabeled]))


def test_a_box_comes_from_the_next_patch_with_its_label():
    images, given = seen({"paste": 1.0, "view": "none"})
    _, unlabeled = given.split(given.image)
    for view in images["network"][2:].split(2):
        for index in (0, 1):
            changed = (view[index] != unlabeled[index]).any(0)
            share = changed.float().mean()
            assert 0.005 < share < 0.5
            assert torch.equal(view[index][:, changed], unlabeled[1 - index][:, changed])


def test_labels_are_pasted_alike():
    """A student that copies its image, on a teacher that does: pasted labels fit pasted images, so nothing is lost."""
    given = batch(UniMatchV2, labeled=2, unlabeled=2)

    class Copy(torch.nn.Module):
        def forward(self, image, read=None):
            from semivox.networks.architecture import Output

            z = torch.cat([-500 * image, 500 * image], 1)
            return Output(z, z, (), (), {})

    method = build("unimatch_v2", blueprint(), {"paste": 1.0, "view": "none", "threshold": 0.6})
    method.network = Copy()
    method.teacher.network = Copy()
    assert turn(method, given).terms["consistency"].item() < 1e-2


def test_teacher_after_the_first_step_is_the_student_and_its_buffers_too():
    method = build("unimatch_v2", blueprint())
    train(method, batch(UniMatchV2), range(1), 4)
    for mine, theirs in zip(method.teacher.network.state_dict().values(), method.network.state_dict().values()):
        torch.testing.assert_close(mine, theirs)


def test_the_teacher_labels_without_dropout_and_moves_no_statistics_of_its_own():
    method = build("unimatch_v2", blueprint(dropout=0.5))
    before = {key: value.clone() for key, value in method.teacher.state_dict().items()}
    turn(method, batch(UniMatchV2))
    assert not method.teacher.training
    assert all(torch.equal(value, before[key]) for key, value in method.teacher.state_dict().items())


def test_nothing_sure_is_exactly_nothing():
    losses = turn(build("unimatch_v2", blueprint(), {"threshold": 1.0}), batch(UniMatchV2))
    assert losses.terms["consistency"].item() == 0
    assert losses.log["sure"] == 0
