"""TCSE: what the two passes see, how they are compared, and whom the comparison moves."""

from __future__ import annotations

import copy
import dataclasses
import math

import pytest
import torch
from torch import nn

from semivox.core.batch import Batch
from semivox.core.errors import InputError
from semivox.functional.losses import cross_entropy
from semivox.functional.transformations import Transformation
from semivox.methods import tcse
from semivox.methods.tcse import TCSE
from semivox.networks.architecture import Output
from semivox.testing.patches import batch, blueprint, odd_batch, odd_blueprint
from semivox.testing.steps import gradients, train
from tests.contract.examples import Scripted, build, logit, turn

STILL = {"norm": "none", "dropout": 0.0}
QUIET = {"noise": 0.0}
POSES = [Transformation(flips=flips, turns=turns) for flips in ((), (0,)) for turns in range(4)]
"""All that the default draws in a square patch."""


def fixed(monkeypatch: pytest.MonkeyPatch, *poses: Transformation) -> None:
    """Every patch is transformed as its place says."""
    monkeypatch.setattr(tcse, "drawn", lambda number, *_: [poses[i % len(poses)] for i in range(number)])


class Local(nn.Module):
    """One convolution from image to logits."""

    def __init__(self, edge: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Conv3d(1, 2, edge, padding=edge // 2)

    def forward(self, image: torch.Tensor) -> Output:
        logits = self.layer(image)
        return Output(logits, logits, (), (), {})


@pytest.mark.parametrize("pose", POSES, ids=str)
def test_what_commutes_is_consistent_and_what_does_not_is_not(pose, monkeypatch):
    fixed(monkeypatch, pose)
    method = build("tcse", blueprint(), QUIET)
    method.network = Local(1)
    assert turn(method, batch(TCSE)).terms["consistency"].item() < 1e-12
    method.network = Local(3)
    found = turn(method, batch(TCSE)).terms["consistency"].item()
    assert (found < 1e-12) == (pose == Transformation())


def test_consistency_is_the_mean_over_classes():
    method = build("tcse", blueprint(), QUIET)
    method.network = Scripted(logit([0.5]).repeat(2, 1, 1, 1, 1), logit([0.75]).repeat(2, 1, 1, 1, 1))
    given = Batch(torch.zeros(2, 1, 1, 1, 1), torch.zeros(1, 1, 1, 1).long(), ("l", "u"))
    assert turn(method, given).terms["consistency"].item() == pytest.approx(0.0625)


@pytest.mark.parametrize("options", [{"rotations": "none", "flips": ()}, {}])
def test_without_noise_dropout_and_transformation_both_passes_agree(options):
    method = build("tcse", blueprint(**STILL), QUIET | options)
    found = turn(method, batch(TCSE)).terms["consistency"].item()
    assert (found == 0) == bool(options)


@pytest.mark.parametrize(
    ("options", "step", "weight"),
    [({}, 0, 6.738e-3), ({}, 3000, 0.286505), ({"staircase": 150}, 3149, 0.286505), ({"ramp": 3000}, 3000, 1.0)],
)
def test_weight(options, step, weight):
    losses = turn(build("tcse", blueprint(), options), batch(TCSE), step, 6000)
    assert losses.weights["consistency"] == pytest.approx(weight, rel=1e-4)


def test_at_the_last_step_of_the_benchmarks_staircase():
    losses = turn(build("tcse", blueprint(), {"staircase": 150}), batch(TCSE), 5999, 6000)
    assert losses.weights["consistency"] == pytest.approx(0.996880, rel=1e-5)


def test_the_second_pass_sees_transformed_patches_under_noise_of_its_own(monkeypatch):
    fixed(monkeypatch, *POSES)
    method = build("tcse", blueprint())
    seen = []
    method.network.register_forward_pre_hook(lambda m, image: seen.append(image[0]))
    given = batch(TCSE, 4, 4)
    turn(method, given)
    first, second = seen
    back = torch.stack([s.rot90(-p.turns, (1, 2)).flip([a + 1 for a in p.flips]) for s, p in zip(second, POSES)])
    noise = [first - given.image, back - given.image]
    for n in noise:
        assert n.abs().max().item() == pytest.approx(0.2, abs=1e-5)
        assert n.std().item() == pytest.approx(0.0959, rel=0.1)
    assert (noise[0] * noise[1]).mean().abs() < 0.1 * noise[0].var()


@pytest.mark.parametrize(("where", "patches"), [("all", 5), ("unlabeled", 3)])
def test_patches_on_which_the_passes_should_agree(where, patches):
    method = build("tcse", blueprint(), {"consistency_on": where})
    sizes = []
    method.network.register_forward_pre_hook(lambda m, image: sizes.append(len(image[0])))
    turn(method, batch(TCSE, 2, 3))
    assert sizes == [5, patches]


@pytest.mark.parametrize("second", ["network", "detached", "teacher"])
def test_one_step_against_a_restatement_in_float64(second, monkeypatch):
    """Both passes move the network, unless the second is a constant or a teacher's."""
    fixed(monkeypatch, *POSES[3:])
    method = build("tcse", blueprint(classes=3, **STILL), QUIET | {"second_pass": second})
    if method.teacher is not None:
        with torch.no_grad():
            for p in method.teacher.parameters():
                p.mul_(1.3)
    network = copy.deepcopy(method.network).double()
    other = network if method.teacher is None else copy.deepcopy(method.teacher.network).double()
    given = batch(TCSE, 2, 2, classes=3)
    image = given.image.double()
    p = network(image).logits.softmax(1)
    apart = []
    for index in range(4):
        pose = POSES[3:][index]
        moved = image[index].flip([a + 1 for a in pose.flips]).rot90(pose.turns, (1, 2))
        q = other(moved[None]).logits.softmax(1)[0]
        q = q.rot90(-pose.turns, (1, 2)).flip([a + 1 for a in pose.flips])
        apart.append((p[index] - (q if second == "network" else q.detach())).square().mean())
    expected = torch.stack(apart).mean()
    losses = turn(method, given)
    assert losses.terms["consistency"].item() == pytest.approx(expected.item(), rel=1e-4)
    mine, slow = gradients(method.network, losses.terms["consistency"]), gradients(network, expected)
    for name, g in slow.items():
        torch.testing.assert_close(mine[name].double(), g, atol=1e-7, rtol=1e-3)
    assert any(g.abs().max() > 1e-5 for g in slow.values())


@pytest.mark.parametrize(("second", "gradient"), [("network", 1.0), ("detached", -2.0)])
def test_the_gradient_of_a_model_of_one_weight(second, gradient, monkeypatch):
    """f(x) = w x at w = 2, on inputs 1 and 1.5: (2 - 3)^2, whose slope is +1 through both passes and -2 through one."""
    weight = torch.tensor(2.0, requires_grad=True)
    inputs = iter([1.0, 1.5])

    class Linear(nn.Module):
        def forward(self, image):
            z = weight * next(inputs) * torch.ones(2, 2, 1, 1, 1)
            return Output(z, z, (), (), {})

    method = build("tcse", blueprint(), QUIET | {"second_pass": second})
    method.network = Linear()
    monkeypatch.setattr(torch.Tensor, "softmax", lambda z, dim: z)
    given = Batch(torch.zeros(2, 1, 1, 1, 1), torch.zeros(1, 1, 1, 1).long(), ("l", "u"))
    consistency = turn(method, given).terms["consistency"]
    (slope,) = torch.autograd.grad(consistency, weight)
    assert consistency.item() == pytest.approx(1.0)
    assert slope.item() == pytest.approx(gradient)


def test_voxels_that_leave_the_view_do_not_count(monkeypatch):
    fixed(monkeypatch, Transformation(zoom=2.0))
    method = build("tcse", blueprint(), QUIET)
    p, q = logit([0.5] * 8), logit([0.75] * 8)
    p[..., :2] = p[..., -2:] = 9 * torch.tensor([1.0, -1.0]).reshape(1, 2, 1, 1, 1)  # sure, but out of view
    both = [z.repeat(2, 1, 8, 8, 1) for z in (p, q)]
    method.network = Scripted(*both)
    given = Batch(torch.zeros(2, 1, 8, 8, 8), torch.zeros(1, 8, 8, 8).long(), ("l", "u"))
    assert turn(method, given).terms["consistency"].item() == pytest.approx(0.0625, rel=1e-5)


def test_quarter_turns_where_they_fit(monkeypatch):
    asked = []
    original = tcse.drawn
    monkeypatch.setattr(tcse, "drawn", lambda *given: asked.append(given[2]) or original(*given))
    for rotations, square, other in (
        ("fitting", (0, 1, 2, 3), (0, 2)),
        ("half", (0, 2), (0, 2)),
        ("none", (0,), (0,)),
    ):
        asked.clear()
        turn(build("tcse", blueprint(), {"rotations": rotations}), batch(TCSE))
        turn(build("tcse", odd_blueprint(), {"rotations": rotations}), odd_batch(TCSE))
        assert asked == [square, other]
    method = build("tcse", odd_blueprint(), {"rotations": "quarter"})
    fixed(monkeypatch, Transformation(turns=1))
    with pytest.raises(InputError, match=r"8 x 16 .* 'half' or 'fitting'"):
        turn(method, odd_batch(TCSE))


def test_no_axis_is_reversed_along_which_sides_are_classes(monkeypatch):
    asked = []
    original = tcse.drawn
    monkeypatch.setattr(tcse, "drawn", lambda *given: asked.append(list(given[1])) or original(*given))
    plan = dataclasses.replace(blueprint(), mirror=(False, True, True))
    for flips in ((0,), (0, 1, 2)):
        turn(build("tcse", plan, {"flips": flips}), batch(TCSE))
    turn(build("tcse", blueprint()), batch(TCSE))
    assert asked == [[], [1, 2], [0]]


@pytest.mark.parametrize("mirror", [(True, False, True), (False, True, True), (True, True, False)])
def test_half_a_turn_reverses_two_axes_and_is_as_forbidden_as_they_are(monkeypatch, mirror):
    asked = []
    original = tcse.drawn
    monkeypatch.setattr(tcse, "drawn", lambda *given: asked.append(tuple(given[2])) or original(*given))
    for shape in ((8, 8, 8), (8, 16, 8)):
        turn(build("tcse", dataclasses.replace(blueprint(), mirror=mirror)), batch(TCSE, shape=shape))
    assert asked == ([(0, 1, 2, 3), (0, 2)] if all(mirror[:2]) else [(0,), (0,)])


def test_there_is_a_teacher_in_the_second_version_only():
    assert build("tcse", blueprint()).teacher is None
    options = dict(TCSE.ablations["version 2"])
    method = build("tcse", blueprint(), options)
    losses = turn(method, batch(TCSE))
    losses.total.backward()
    assert all(p.grad is None and not p.requires_grad for p in method.teacher.parameters())
    assert all(p.grad is not None for p in method.network.parameters())


@pytest.mark.parametrize("decay", [0.99, 0.3])
def test_the_teacher_follows(decay):
    optimizer = {"kind": "sgd", "rate": 0.1}
    method = build("tcse", blueprint(), {"second_pass": "teacher", "decay": decay, "network": optimizer})
    expected = []
    for step in range(4):
        train(method, batch(TCSE), [step], 4)
        alpha = min(1 - 1 / (step + 1), decay)
        student = [p.detach().clone() for p in method.network.parameters()]
        expected = [alpha * e + (1 - alpha) * s for e, s in zip(expected or student, student)]
    for mine, law in zip(method.teacher.network.parameters(), expected):
        torch.testing.assert_close(mine, law, atol=1e-6, rtol=1e-5)


def test_without_consistency_there_is_one_pass():
    calls = []
    method = build("tcse", blueprint(), {"consistency": 0.0})
    method.network.register_forward_hook(lambda *_: calls.append(1))
    losses = turn(method, batch(TCSE))
    assert len(calls) == 1
    assert set(losses.terms) == {"supervised"}
    assert math.isfinite(losses.total.item())


def test_the_papers_loss_is_cross_entropy_alone():
    given = batch(TCSE)
    found = {}
    for kind in ("dice_ce", "ce"):
        method = build("tcse", blueprint(dropout=0.0, norm="instance"), {"segmentation": kind, "noise": 0.0})
        found[kind] = turn(method, given).terms["supervised"].item()
        logits = method.network(given.image).logits[:2]
    assert found["ce"] == pytest.approx(cross_entropy(logits, given.label).item(), rel=1e-6)
    assert found["dice_ce"] != found["ce"]


def test_the_papers_turns_refuse_an_oblong_patch_at_the_first_step_whatever_is_drawn(monkeypatch):
    fixed(monkeypatch, Transformation())
    one = build("tcse", odd_blueprint(), {"rotations": "quarter"})
    with pytest.raises(InputError, match=r"quarter turns in a patch of \d+ x \d+ voxels would change"):
        turn(one, odd_batch(TCSE))
    turn(build("tcse", odd_blueprint(), {"rotations": "fitting"}), odd_batch(TCSE))
