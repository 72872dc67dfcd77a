"""Parts of a step against numbers from the authors' code, where its network is another one and a whole step cannot be.

``gold_parts.json`` holds losses and lengths of gradients, with the repository and commit they were computed from. What
the networks say is made up; both sides ran in float64. The code itself is not here. Embedding matching is not among the
gold numbers, nor is DAP's atlas: no code of theirs is public. ASDNet's errors are not repeated: its discriminator takes
a softmax twice, and an epsilon outweighs large patches.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from semivox.core.batch import Batch
from semivox.core.progress import Progress
from semivox.functional.feature_perturbations import context_only, objects_only, without_strongest
from semivox.functional.transformations import Transformation
from semivox.methods import find
from semivox.methods.method import Method
from semivox.networks.architecture import Output
from semivox.networks.blueprint import Blueprint, architecture
from semivox.networks.discriminator import VoxelDiscriminator
from semivox.networks.kmax_layer import KMaXLayer
from semivox.networks.kmax_options import KMaX
from tests.methods.made_up import fill, in_float64, uniform

GOLD = json.loads((Path(__file__).parent / "gold_parts.json").read_text(encoding="utf-8"))
CUBE = (8, 8, 8)


@pytest.fixture(autouse=True)
def exact(monkeypatch):
    in_float64(monkeypatch)


def near(value: float) -> object:
    return pytest.approx(value, rel=1e-6)


def made(name: str, network: nn.Module, **options: object) -> Method:
    """The method, with a network that says what is made up."""
    kind = find(name)
    method = kind(
        kind.Config.model_validate({"balance": 0.0, **options}), Blueprint(architecture("vnet", {"width": 4}), 1, 2)
    )
    method.network = network
    return method.train()


def output(logits: Tensor, **extra: Tensor) -> Output:
    return Output(logits, logits, (), (), extra)


def wanted(seed: int, shape: tuple[int, ...], spread: float = 2) -> Tensor:
    """Made-up outputs, which learn."""
    return (spread * uniform(seed, shape)).requires_grad_()


def length(tensors: list[Tensor]) -> float:
    return math.sqrt(sum(float(value.detach().square().sum()) for value in tensors))


class Several(nn.Module):
    """Decoders whose logits are given."""

    def __init__(self, logits: list[Tensor]) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, image: Tensor, perturb: object = None, first: int | None = None) -> list[Output]:
        return [output(z) for z in self.logits]


@pytest.mark.parametrize(("kind", "confidence"), [("cross-entropy", None), ("bootstrapped", 0.8)])
def test_cct(kind, confidence):
    gold, shape = GOLD["cct"][kind], CUBE
    logits = [wanted(50, (4, 2, *shape)), *(wanted(60 + i, (2, 2, *shape)) for i in range(3))]
    label = (uniform(40, (2, *shape)) > 0.2).long()
    loss = "ce" if kind == "cross-entropy" else "bootstrapped"
    # the authors' 30, of which the mean over two classes is half of the sum that this weight is of
    method = made("cct", Several(logits), segmentation=loss, consistency=15.0, confidence=confidence)
    batch = Batch(torch.zeros(4, 1, *shape), label, tuple("abcd"))
    (losses,) = method.step(batch, Progress(200, 6000))
    losses.total.backward()
    assert float(losses.terms["supervised"].detach()) == near(gold["terms"]["supervised"])
    assert float(losses.terms["consistency"].detach()) == near(2 * gold["terms"]["consistency"])
    assert losses.weights["consistency"] == near(gold["weight"] / 2)
    assert float(losses.total.detach()) == near(gold["total"])
    assert [length([z.grad]) for z in logits] == near(gold["gradients"])


def test_what_cct_does_to_features():
    gold, features = GOLD["cct"], uniform(70, (2, 6, 8, 8)).abs().unsqueeze(-1)
    (dropped,) = without_strongest((features,), 0.8, 0.8)
    assert float(dropped.mean()) == near(gold["drop"]["mean"])
    assert float((dropped != 0).double().mean()) == near(gold["drop"]["kept"])
    assert float(dropped.square().mean()) == near(gold["drop"]["square"])
    objects = (uniform(71, (2, 2, 16, 16)).argmax(1) > 0).unsqueeze(-1)
    for name, function in (("objects", objects_only), ("context", context_only)):
        assert float(function((features,), objects)[0].square().sum()) == near(gold["masks"][name])


class Rebuilding(nn.Module):
    """A network that is asked first for a segmentation, then for one and a rebuilt image."""

    def __init__(self, labeled: Tensor, unlabeled: Tensor, rebuilt: Tensor) -> None:
        super().__init__()
        self.given = labeled, unlabeled, rebuilt

    def forward(self, image: Tensor, rebuild: str = "") -> Output:
        labeled, unlabeled, rebuilt = self.given
        foreground = unlabeled if rebuild else labeled  # one logit there, that of the foreground against 0
        return output(torch.cat([torch.zeros_like(foreground), foreground], 1), rebuilt=rebuilt)


def test_mtc():
    gold = GOLD["mtc"]
    labeled, unlabeled, rebuilt = (wanted(80 + i, (1, 1 + i // 2, *CUBE)) for i in range(3))
    image = uniform(83, (1, 1, *CUBE))
    image = (image - image.min()) / (image.max() - image.min())
    label = (uniform(84, (1, *CUBE)) > 0.2).long()
    options = {"segmentation": "dice", "detach_weights": False, "noise": 0.0, "optimizers": "two"}
    method = made("mtc", Rebuilding(labeled, unlabeled, rebuilt), **options)
    turns = method.step(Batch(torch.cat([image, image]), label, ("a", "b")), Progress(0, 100))
    first = next(turns)
    first.total.backward()
    assert float(first.total.detach()) == near(gold["supervised"])
    assert length([labeled.grad]) == near(gold["supervised_gradient"])
    second = next(turns)
    second.total.backward()
    assert second.optimizer == "rebuilding"
    assert float(second.total.detach()) == near(gold["reconstruction"])
    assert length([unlabeled.grad]) == near(gold["seg_gradient"])
    assert length([rebuilt.grad]) == near(gold["rebuilt_gradient"])


class OneConvolution(nn.Module):
    """A network that no turn leaves as it is."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv3d(1, 2, 3, padding=1)
        fill(self, 2000)
        self.double()

    def forward(self, image: Tensor) -> Output:
        return output(self.layer(image))


def test_tcse(monkeypatch):
    gold, network = GOLD["tcse"], OneConvolution()
    poses = [Transformation(flips=(0,) if flip else (), turns=turns) for turns, flip in enumerate((1, 0, 1, 1))]
    monkeypatch.setattr("semivox.methods.tcse.drawn", lambda *_: poses)
    method = made("tcse", network, segmentation="ce", noise=0.0, rotations="quarter")
    image, label = uniform(90, (4, 1, 8, 8, 6)), (uniform(91, (2, 8, 8, 6)) > 0.1).long()
    (losses,) = method.step(Batch(image, label, tuple("abcd")), Progress(3000, 6000))
    losses.total.backward()
    assert {name: float(value.detach()) for name, value in losses.terms.items()} == near(gold["terms"])
    assert float(losses.total.detach()) == near(gold["total"])
    assert length([p.grad for p in network.parameters()]) == near(gold["gradient"])


def test_dkuxnet_updates_its_centers():
    gold = GOLD["dkuxnet"]
    layer = KMaXLayer(6, KMaX(queries=8, momentum=0.01))
    fill(layer, 3000)
    layer.double().train()
    pixels, centers = uniform(95, (2, 6, 4, 4, 4)).requires_grad_(), uniform(96, (2, 256, 8)).requires_grad_()
    found, masks = layer(pixels, centers)
    drawn = (masks * uniform(97, tuple(masks.shape))).sum()
    (found.square().mean() + drawn).backward()
    assert float(found.detach().square().mean()) == near(gold["centers"])
    assert float(drawn.detach()) == near(gold["masks"])
    assert length([pixels.grad]) == near(gold["pixel_gradient"])
    assert length([centers.grad]) == near(gold["center_gradient"])


class TwoThatAnswer(nn.Module):
    """Two networks: what they say of the whole patches, of its crop, to each other, and when they are taught."""

    def __init__(self, whole: list[Tensor], said: list[Tensor], taught: list[Tensor]) -> None:
        super().__init__()
        self.answers = iter([whole, whole, said, taught])

    def forward(self, *views: Tensor) -> tuple[Output, ...]:
        return tuple(
            output(z[..., : v.shape[-3], : v.shape[-2], : v.shape[-1]])
            for z, v in zip(next(self.answers), views, strict=True)
        )


def test_tracoco():
    gold, shape = GOLD["tracoco"], CUBE
    whole = [wanted(110 + i, (4, 2, *shape)) for i in range(2)]
    said = [3 * uniform(112 + i, (2, 2, *shape)) for i in range(2)]
    taught = [wanted(114 + i, (2, 2, *shape)) for i in range(2)]
    options = {"noise": 0.0, "paste": False, "translation": 0.0, "spread": 0.0, "ramp": 320}
    method = made("tracoco", TwoThatAnswer(whole, said, taught), **options)
    label = (uniform(40, (2, *shape)) > 0.2).long()
    (losses,) = method.step(Batch(torch.zeros(4, 1, 16, 16, 16), label, tuple("abcd")), Progress(200, 9000))
    losses.total.backward()
    assert float(losses.terms["supervised"].detach()) == near(gold["supervised"])
    assert float(losses.terms["teaching"].detach()) == near(gold["teaching"])
    assert losses.weights["teaching"] == near(gold["weight"])
    assert float(losses.total.detach()) == near(gold["total"])
    assert [length([z.grad]) for z in (*whole, *taught)] == near(gold["gradients"])


class Saying(nn.Module):
    """A network that says what it is given, and follows nobody."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, image: Tensor, read: object = None) -> Output:
        return output(self.logits)

    def follow(self, network: nn.Module, decay: float) -> None:
        pass


def test_unimatch_v2(monkeypatch):
    gold, shape = GOLD["unimatch_v2"], CUBE
    views, boxes = (
        wanted(121, (4, 2, *shape), 3),
        iter([uniform(122, (2, *shape)) > 0.3, uniform(123, (2, *shape)) > 0.5]),
    )
    monkeypatch.setattr("semivox.methods.unimatch_v2.boxes_in", lambda *_: next(boxes))
    labeled = uniform(124, (2, 2, *shape))
    method = made("unimatch_v2", Saying(torch.cat([labeled, views])), view="none", drop=False)
    method.teacher = Saying(4 * uniform(120, (2, 2, *shape)))
    label = torch.zeros(2, *shape, dtype=torch.long)
    (losses,) = method.step(Batch(torch.zeros(4, 1, *shape).double(), label, tuple("abcd")), Progress(200, 6000))
    losses.terms["consistency"].backward()
    assert float(losses.terms["consistency"].detach()) == near(gold["consistency"])
    assert float(losses.log["sure"]) == near(gold["sure"])
    assert length([views.grad]) == near(gold["gradient"])


class Judging(nn.Module):
    """A discriminator whose verdicts are given, turn by turn."""

    def __init__(self, *verdicts: Tensor) -> None:
        super().__init__()
        self.verdicts = iter(verdicts)

    def forward(self, shown: Tensor) -> Tensor:
        return next(self.verdicts)


def test_asdnet():
    gold, shape = GOLD["asdnet"], CUBE
    logits, verdict, judged = wanted(130, (4, 2, *shape)), wanted(131, (4, *shape)), wanted(132, (4, *shape))
    weights = {"attention": 0.0, "adversarial": 0.05, "region": 0.5, "threshold": 0.5, "ramp": 0}
    losses = {"segmentation": "generalized_dice", "attention_scale": "absolute", "region_loss": "ce"}
    method = made("asdnet", Saying(logits), **weights, **losses)
    method.discriminator = Judging(verdict, judged)
    method.double()
    label = (uniform(40, (2, *shape)) > 0.2).long()
    first, second = method.step(Batch(torch.zeros(4, 1, *shape), label, tuple("abcd")), Progress(0, 100))
    first.total.backward()
    assert {name: float(value.detach()) for name, value in first.terms.items()} == near(gold["terms"])
    assert float(first.total.detach()) == near(gold["total"])
    assert [length([each.grad]) for each in (logits, verdict)] == near(gold["gradients"])
    second.total.backward()
    assert float(second.total.detach()) == near(gold["discrimination"])
    assert length([judged.grad]) == near(gold["judged_gradient"])


def test_dap():
    """The part that it has of Hung et al.; no code of its atlas is public."""
    gold, shape = GOLD["dap"], CUBE
    logits, verdict, judged = wanted(140, (4, 2, *shape)), wanted(141, (4, *shape)), wanted(142, (6, *shape))
    method = made("dap", Saying(logits), segmentation="bayesian", weighting="none", confidence=0.6, start=0.0)
    method.discriminator = Judging(verdict, judged)
    label = (uniform(40, (2, *shape)) > 0.2).long()
    first, second = method.step(Batch(torch.zeros(4, 1, *shape), label, tuple("abcd")), Progress(10, 100))
    terms = {name: value for name, value in first.terms.items() if name != "supervised"}
    assert {name: float(value.detach()) for name, value in terms.items()} == near(gold["terms"])
    weighted = sum(first.weights[name] * value for name, value in terms.items())
    weighted.backward()
    assert float(weighted.detach()) == near(gold["weighted"])
    assert [length([each.grad]) for each in (logits, verdict)] == near(gold["gradients"])
    second.total.backward()
    assert float(second.total.detach()) == near(gold["discrimination"])
    assert length([judged.grad]) == near(gold["judged_gradient"])


def test_daps_discriminator_is_that_of_its_comparison_on_the_left_atrium():
    gold, discriminator = GOLD["dap"], VoxelDiscriminator(2, 8)
    fill(discriminator, 4000)
    discriminator.double()
    maps = wanted(143, (2, 2, 32, 16, 16), 1)
    confidence = discriminator(maps).sigmoid().unsqueeze(1)
    assert float(confidence.detach().square().mean()) == near(gold["confidence"])
    (confidence * uniform(144, tuple(confidence.shape))).sum().backward()
    assert length([maps.grad]) == near(gold["maps_gradient"])
    assert length([p.grad for p in discriminator.parameters()]) == near(gold["weights_gradient"])


def test_what_asdnet_lets_a_patch_count_by_confidence():
    method = made("asdnet", nn.Identity(), attention_by="confidence", attention_scale="absolute")
    for doubt, expected in zip((0.0, 0.1, 0.3, 0.5), GOLD["asdnet"]["importance"], strict=True):
        sure = torch.tensor([1 - doubt, doubt]).reshape(1, 2, 1, 1, 1)
        assert float(method._importance(sure, torch.zeros(1))) == near(expected)


def test_every_part_names_its_source():
    assert set(GOLD) == {"asdnet", "cct", "dap", "mtc", "tcse", "dkuxnet", "tracoco", "unimatch_v2"}
    assert all(re.match(r"github\.com/[\w-]+/[\w.-]+ [0-9a-f]{12}, ", gold["source"]) for gold in GOLD.values())
