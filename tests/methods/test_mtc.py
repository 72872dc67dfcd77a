"""MTC, number by number, and one whole step against a slow restatement."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from semivox.core.batch import Batch
from semivox.core.case import IGNORE
from semivox.core.progress import Progress
from semivox.core.randomness import seed_step
from semivox.methods.method import Losses
from semivox.methods.mtc import MTC, split_error, unit_range
from semivox.networks.architecture import Output
from semivox.testing.patches import batch, blueprint
from semivox.testing.steps import train
from tests.contract.examples import build, logit
from tests.functional.restatements import slow_dice_ce

QUIET = {"noise": 0.0}


def voxels(values: list[float]) -> torch.Tensor:
    """(1, 1, 1, 1, V)."""
    return torch.tensor(values).reshape(1, 1, 1, 1, -1)


def attention(foreground: list[float]) -> torch.Tensor:
    """(1, 2, 1, 1, V)."""
    return torch.cat([1 - voxels(foreground), voxels(foreground)], 1)


def turns(method: MTC, given: Batch, seed: int = 0) -> list[Losses]:
    """All turns of a step, nothing minimized."""
    seed_step(seed, 0, 0)
    return list(method.step(given, Progress(0, 8)))


IMAGE = [1.0, 0.5, 0.0, 0.2]
SPLIT = [1.0, 0.0, 0.5, 0.5]


def test_the_split_of_four_voxels():
    target = torch.stack([voxels([0, 0.5, 0, 0.1]), voxels([1, 0, 0, 0.1])], 1)  # (1, K, C, 1, 1, V)
    shares = attention(SPLIT).mean((0, 2, 3, 4))
    assert shares.tolist() == [0.5, 0.5]
    assert split_error(target, voxels(IMAGE), attention(SPLIT), shares).item() == 0
    torch.testing.assert_close(target.sum(1), voxels(IMAGE))


def test_its_error_by_hand():
    parts = torch.stack([voxels(IMAGE), voxels([0.0] * 4)], 1)
    for shares in (torch.tensor([0.5, 0.5]), None):
        assert split_error(parts, voxels(IMAGE), attention(SPLIT), shares).item() == pytest.approx(0.2525)


def test_classes_count_by_their_volume():
    split = attention([1.0, 1.0, 1.0, 0.0])
    shares = split.mean((0, 2, 3, 4))
    assert shares.tolist() == [0.25, 0.75]
    parts = torch.stack([voxels([0.0] * 4), voxels([0.0] * 4)], 1)
    expected = 0.25 * 0.04 / 4 + 0.75 * (1 + 0.25) / 4
    assert split_error(parts, voxels(IMAGE), split, shares).item() == pytest.approx(expected)


def test_without_foreground_the_whole_image_is_rebuilt():
    parts = torch.stack([voxels([0.3, 0.1, 0.9, 0.0]), voxels([5.0] * 4)], 1)
    split = attention([0.0] * 4)
    found = split_error(parts, voxels(IMAGE), split, split.mean((0, 2, 3, 4)))
    assert found.item() == pytest.approx(((0.7**2) + 0.4**2 + 0.9**2 + 0.2**2) / 4)


def test_a_wrong_pairing_of_patches_costs_more():
    torch.manual_seed(0)
    image, split = torch.rand(2, 1, 2, 3, 4), torch.rand(2, 3, 2, 3, 4).softmax(1)
    right = split.unsqueeze(2) * image.unsqueeze(1)
    assert split_error(right, image, split, None).item() == 0
    assert split_error(right.flip(0), image, split, None).item() > 0.01
    noise = right + torch.rand_like(right)
    turned = split_error(noise.flip(0), image.flip(0), split.flip(0), None).item()
    assert split_error(noise, image, split, None).item() == pytest.approx(turned, rel=1e-6)


def test_each_channel_of_the_image_is_split():
    torch.manual_seed(0)
    image, split, parts = torch.rand(2, 2, 2, 3, 4), torch.rand(2, 3, 2, 3, 4).softmax(1), torch.rand(2, 3, 2, 2, 3, 4)
    slow = sum(
        (parts[:, k, c] - split[:, k] * image[:, c]).square().mean() / 2 * split[:, k].mean()
        for k in range(3)
        for c in range(2)
    )
    assert split_error(parts, image, split, split.mean((0, 2, 3, 4))).item() == pytest.approx(slow.item(), rel=1e-6)


def test_each_channel_of_each_patch_is_scaled_to_its_range():
    image = torch.tensor([[-2.0, 0, 2], [7, 7, 7]]).reshape(1, 2, 1, 1, 3)
    assert unit_range(image).flatten().tolist() == [0, 0.5, 1, 0, 0, 0]


class Answering(nn.Module):
    """Logits and rebuilt maps as given, whatever the image; tells what it was asked for."""

    def __init__(self, logits: torch.Tensor, rebuilt: torch.Tensor) -> None:
        super().__init__()
        self.output, self.asked = Output(logits, logits, (), (), {"rebuilt": rebuilt}), []

    def forward(self, image: torch.Tensor, rebuild: str = "no") -> Output:
        self.asked.append((len(image), rebuild))
        return self.output


def answering(foreground: list[float], rebuilt: torch.Tensor, **options) -> tuple[MTC, Batch]:
    method = build("mtc", blueprint(), QUIET | {"activation": "linear"} | options)
    method.network = Answering(logit(foreground).requires_grad_(), rebuilt)
    label = torch.zeros(1, 1, 1, len(foreground)).long()
    return method, Batch(torch.cat([voxels(IMAGE)] * 2), label, ("l", "u"))


def reconstruction(foreground: list[float], rebuilt: torch.Tensor, **options) -> tuple[torch.Tensor, torch.Tensor]:
    """The term, and its gradient to the foreground probabilities."""
    method, given = answering(foreground, rebuilt, **options)
    loss = turns(method, given)[1].terms["reconstruction"]
    if not loss.requires_grad:
        return loss, torch.zeros(len(foreground))
    (gradient,) = torch.autograd.grad(loss, method.network.output.logits)
    p = torch.tensor(foreground)
    return loss, gradient[0, 1, 0, 0] / (p * (1 - p))


def test_gradient_through_the_attention_but_not_through_the_volumes():
    p, x = torch.tensor([0.9, 0.2, 0.6, 0.3]), torch.tensor(IMAGE)
    torch.manual_seed(0)
    rebuilt = torch.rand(1, 2, 1, 1, 4)
    r0, r1 = rebuilt.flatten(2)[0]
    share = p.mean()
    loss, found = reconstruction(p.tolist(), rebuilt)
    errors = [((1 - p) * x - r0).square().mean(), (p * x - r1).square().mean()]
    assert loss.item() == pytest.approx(((1 - share) * errors[0] + share * errors[1]).item(), rel=1e-5)
    expected = (share * 2 * (p * x - r1) * x - (1 - share) * 2 * ((1 - p) * x - r0) * x) / 4
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-4)
    moving = reconstruction(p.tolist(), rebuilt, detach_weights=False)[1]
    torch.testing.assert_close(moving, expected + (errors[1] - errors[0]) / 4, atol=1e-6, rtol=1e-4)
    held = reconstruction(p.tolist(), rebuilt, detach_attention=True, detach_weights=False)
    assert held[0].item() == pytest.approx(loss.item(), rel=1e-6)
    assert not held[1].any()
    alike = reconstruction(p.tolist(), rebuilt, volume_weights=False)[0].item()
    assert alike == pytest.approx((sum(errors) / 2).item(), rel=1e-5)


def test_without_attention_the_image_is_rebuilt_by_the_first_class():
    rebuilt = torch.rand(1, 2, 1, 1, 4)
    loss, gradient = reconstruction([0.9, 0.2, 0.6, 0.3], rebuilt, attention="none")
    assert loss.item() == pytest.approx((rebuilt[0, 0] - torch.tensor(IMAGE)).square().mean().item(), rel=1e-6)
    assert not gradient.any()


def test_the_networks_passes():
    """Labeled patches are not rebuilt, unlabeled ones leave the segmentation decoder alone; no pass is in vain."""
    rebuilt = torch.rand(1, 2, 1, 1, 4)
    for options, asked in [
        ({}, [(1, "no"), (1, "held")]),
        ({"detach_attention": True}, [(1, "no"), (1, "constant")]),
        ({"attention": "none"}, [(1, "no"), (1, "constant")]),
        ({"reconstruction": 0.0}, [(1, "no")]),
    ]:
        method, given = answering([0.5] * 4, rebuilt, **options)
        turns(method, given)
        assert method.network.asked == asked


@pytest.mark.parametrize("optimizer", [{"kind": "adamw"}, {"kind": "sgd", "rate": 0.01}])
def test_each_turn_moves_the_encoder_and_its_own_decoder(optimizer):
    """Also when optimizer states are warm: momentum and weight decay must not move the decoder that rests."""
    method = build("mtc", blueprint(), {"network": optimizer})
    given = batch(MTC)
    train(method, given, range(3), 8)
    built = method.config.network.build(method.network)
    seed_step(0, 3, 0)
    for _ in range(2):
        for losses, resting in zip(method.step(given, Progress(3, 8)), ("rebuilding", "decoders"), strict=True):
            before = {name: p.detach().clone() for name, p in method.network.named_parameters()}
            built.zero_grad()
            losses.total.backward()
            built.step()
            now = dict(method.network.named_parameters())
            moved = {name.split(".")[0] for name in now if not torch.equal(now[name], before[name])}
            assert moved == {"encoder", "rebuilding", "decoders", "heads"} - {
                resting,
                "heads" if resting == "decoders" else "",
            }


def test_joint_the_labels_split_labeled_patches_where_they_are_known():
    options = QUIET | {"strategy": "joint", "activation": "linear", "volume_weights": False}
    method = build("mtc", blueprint(), options)
    label = torch.tensor([1, 0, 1, IGNORE]).reshape(1, 1, 1, 4)
    rebuilt = torch.zeros(2, 2, 1, 1, 4)
    method.network = Answering(torch.cat([logit([0.9, 0.2, 0.6, 0.3])] * 2), rebuilt)
    (losses,) = turns(method, Batch(torch.cat([voxels(IMAGE)] * 2), label, ("l", "u")))
    p = torch.tensor([[1, 0, 1, 0.3], [0.9, 0.2, 0.6, 0.3]])
    x = torch.tensor(IMAGE)
    expected = (((1 - p) * x).square().mean() + (p * x).square().mean()) / 2
    assert losses.terms["reconstruction"].item() == pytest.approx(expected.item(), rel=1e-5)
    assert losses.weights == pytest.approx({"supervised": 0.9, "reconstruction": 0.1})
    assert method.network.asked == [(2, "yes")]


def test_an_auto_encoder_learns_one_patch():
    method = build("mtc", blueprint(width=4, dropout=0.0), QUIET | {"network": {"rate": 0.02, "kind": "adam"}})
    seen = train(method, batch(MTC, 1, 1), range(150), 400)
    errors = [losses.terms["reconstruction"].item() for losses in seen[1::2]]
    assert errors[-1] < errors[0] / 5


@pytest.mark.parametrize("classes", [2, 3])
def test_one_step_against_a_restatement_in_float64(classes):
    options = QUIET | {"reconstruction": 0.7}
    method = build("mtc", blueprint(classes=classes, channels=2, dropout=0.0), options, sharpness=4.0)
    slow = copy.deepcopy(method.network).double()
    given = batch(MTC, 2, 3, channels=2, classes=classes)
    first, second = turns(method, given)
    assert first.total.item() == pytest.approx(slow_dice_ce(slow(given.image[:2].double()).logits, given.label).item())
    image = given.image[2:].double()
    output = slow(image, rebuild="yes")
    p = output.logits.softmax(1)
    r = output.extra["rebuilt"].sigmoid()
    total = torch.zeros((), dtype=torch.float64)
    for k in range(classes):
        for c in range(2):
            low, high = image[:, c].amin((1, 2, 3)), image[:, c].amax((1, 2, 3))
            x = (image[:, c] - low[:, None, None, None]) / (high - low)[:, None, None, None]
            total = total + 0.7 * p[:, k].mean().detach() * (r[:, 2 * k + c] - p[:, k] * x).square().mean() / 2
    assert second.total.item() == pytest.approx(total.item(), rel=1e-5)
    names = [n for n, _ in method.network.named_parameters() if n.startswith(("encoder", "rebuilding"))]
    mine, theirs = dict(method.network.named_parameters()), dict(slow.named_parameters())
    found = torch.autograd.grad(second.total, [mine[n] for n in names])
    expected = torch.autograd.grad(total, [theirs[n] for n in names])
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one.double(), other, atol=1e-5, rtol=1e-3)
    with pytest.raises(RuntimeError, match="not have been used"):  # the segmentation decoder is left alone
        torch.autograd.grad(turns(method, given)[1].total, list(method.network.decoders.parameters()))


def test_two_optimizers_are_two_momenta_of_one_encoder():
    """A turn of one optimizer leaves the other's momentum alone, and each has seen the encoder."""
    method = build("mtc", blueprint(), {"optimizers": "two", "rebuilding": {"kind": "sgd", "rate": 0.5}})
    assert method.players == ("network",)
    assert method.further_optimizers == {"rebuilding": "network"}
    first, second = list(method.step(batch(MTC), Progress(0, 8)))
    assert (first.moved_by, second.moved_by, second.player) == ("network", "rebuilding", "network")
    before = {n: p.detach().clone() for n, p in method.network.named_parameters()}
    train(method, batch(MTC), range(1), 8)
    moved = {n.split(".")[0] for n, p in method.network.named_parameters() if not torch.equal(p, before[n])}
    assert moved == {"encoder", "decoders", "heads", "rebuilding"}
    joint = build("mtc", blueprint(), {"optimizers": "two", "strategy": "joint"})
    assert not joint.further_optimizers
