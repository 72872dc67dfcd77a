"""Cross-consistency training: its numbers, what its gradients reach, and what its auxiliary decoders cost."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from semivox.core.batch import Batch
from semivox.functional.losses import dice_ce
from semivox.methods.cct import AUTHORS, CCT, Kind
from semivox.networks.architecture import Output
from semivox.networks.segmenter import Clean
from semivox.testing.patches import ODD, batch, blueprint, odd_batch, odd_blueprint
from semivox.testing.steps import gradients
from tests.contract.examples import build, turn

KINDS: tuple[Kind, ...] = ("noise", "drop", "dropout", "adversarial", "cutout", "objects", "context")
STILL = {"norm": "instance", "dropout": 0.0}


class Answers(nn.Module):
    """A network whose main decoder gives the first logits, and whose auxiliary ones give the others."""

    def __init__(self, main: torch.Tensor, *others: torch.Tensor) -> None:
        super().__init__()
        self.logits = [main, *others]
        self.seen: list[torch.Tensor] = []

    def forward(self, image, perturb=(), first=None) -> tuple[Output, ...]:
        self.seen.append(image)
        return tuple(Output(z, z, (), (), {}) for z in self.logits[:first])


def one_voxel(method: CCT, main: list[float], *others: list[float]) -> Batch:
    """One labeled and one unlabeled patch of one voxel; logits of the classes."""

    def logits(values, patches):
        return torch.tensor(values).reshape(1, -1, 1, 1, 1).repeat(patches, 1, 1, 1, 1)

    method.network = Answers(logits(main, 2), *(logits(z, 1) for z in others))
    return Batch(torch.zeros(2, 1, 1, 1, 1), torch.zeros(1, 1, 1, 1).long(), ("l", "u"))


def test_consistency_is_the_squared_difference_summed_over_classes():
    method = build("cct", blueprint(), {"auxiliary": ("noise",)})
    losses = turn(method, one_voxel(method, [0.0, 1.0], [1.0, 0.0]))
    assert losses.terms["consistency"].item() / 2 == pytest.approx(0.2135523, abs=3e-7)
    assert turn(method, one_voxel(method, [0.3, 1.0], [0.3, 1.0])).terms["consistency"].item() == 0
    three = build("cct", blueprint(classes=3), {"auxiliary": ("noise",)})
    losses = turn(three, one_voxel(three, [0.0, 1.0, 2.0], [2.0, 1.0, 0.0]))
    p = torch.tensor([0.0, 1.0, 2.0]).softmax(0)
    assert losses.terms["consistency"].item() == pytest.approx((p - p.flip(0)).square().sum().item(), rel=1e-6)


def test_auxiliary_decoders_count_alike():
    method = build("cct", blueprint(), {"auxiliary": ("noise",) * 3})
    given = one_voxel(method, [0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0])
    assert turn(method, given).terms["consistency"].item() == pytest.approx(2 * 0.2135523 / 3, abs=3e-7)


@pytest.mark.parametrize(
    ("options", "step", "weight"),
    [({}, 0, 1.43 * 0.0067379), ({}, 600, 1.43), ({}, 5999, 1.43), ({"ramp": 1.0, "consistency": 30}, 3000, 8.595144)],
)
def test_weight(options, step, weight):
    method = build("cct", blueprint(), {"auxiliary": ("noise",)} | options)
    losses = turn(method, one_voxel(method, [0.0, 1.0], [1.0, 0.0]), step, 6000)
    assert losses.weights["consistency"] == pytest.approx(weight, rel=1e-5)


def test_the_authors_decoders():
    counts = {kind: AUTHORS.count(kind) for kind in KINDS}
    assert list(counts.values()) == [6, 6, 6, 2, 6, 2, 2]
    assert len(AUTHORS) == 30


def moved(method: CCT, term: torch.Tensor) -> set[str]:
    """Which parts of the network a term moves: the encoder, and decoders with their heads by number."""
    found = set()
    for name, g in gradients(method.network, term).items():
        if g is not None and g.any():
            part, index, *_ = name.split(".")
            found.add("encoder" if part == "encoder" else f"decoder {index}")
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_consistency_moves_the_encoder_and_the_auxiliary_decoder_but_not_the_main_one(kind):
    method = build("cct", odd_blueprint(), {"auxiliary": (kind, kind)}, sharpness=8)
    losses = turn(method, odd_batch(CCT))
    assert losses.terms["consistency"].item() > 0
    assert moved(method, losses.terms["consistency"]) == {"encoder", "decoder 1", "decoder 2"}
    assert moved(method, losses.terms["supervised"]) == {"encoder", "decoder 0"}
    assert all(p.grad is None for p in method.parameters())


def test_as_in_the_medical_port_targets_move_and_auxiliary_decoders_see_labels():
    method = build("cct", odd_blueprint(), dict(CCT.ablations["2D medical port"]), sharpness=8)
    losses = turn(method, odd_batch(CCT))
    everything = {"encoder", *(f"decoder {i}" for i in range(4))}
    assert moved(method, losses.terms["consistency"]) == everything
    assert moved(method, losses.terms["supervised"]) == everything
    without = build("cct", odd_blueprint(), {"auxiliary_supervised": True, "consistency": 0.0}, sharpness=8)
    losses = turn(without, odd_batch(CCT))
    assert moved(without, losses.terms["supervised"]) == everything


def test_supervising_the_auxiliary_decoders_averages_over_all():
    plan = blueprint(norm="instance", dropout=0.0)
    method = build("cct", plan, {"auxiliary": ("noise",), "auxiliary_supervised": True, "noise": 0.0})
    with torch.no_grad():
        given = batch(CCT)
        outputs = method.network(given.image)
        expected = [dice_ce(o.logits[:2], given.label).item() for o in outputs]
    assert turn(method, given).terms["supervised"].item() == pytest.approx(sum(expected) / 2, rel=1e-5)


@pytest.mark.parametrize(("options", "patches"), [({}, 3), ({"auxiliary_supervised": True}, 5)])
def test_auxiliary_decoders_read_the_unlabeled_patches_only(options, patches):
    method = build("cct", odd_blueprint(), options)
    sizes: dict[int, list[int]] = {index: [] for index in range(4)}
    for index, decoder in enumerate(method.network.decoders):
        decoder.register_forward_pre_hook(lambda m, given, index=index: sizes[index].append(len(given[0][0])))
    encoded = []
    method.network.encoder.register_forward_hook(lambda *_: encoded.append(1))
    turn(method, odd_batch(CCT, 2, 3))
    assert encoded == [1], "the encoder runs once"
    assert sizes == {0: [5], 1: [patches], 2: [patches], 3: [patches]}


@pytest.mark.parametrize("options", [{"consistency": 0.0}, {"auxiliary": ()}])
def test_without_consistency_it_is_the_supervised_baseline(options):
    """Up to rounding, without statistics that patches share; and auxiliary decoders stay idle."""
    method, baseline = build("cct", blueprint(**STILL), options), build("supervised", blueprint(**STILL))
    baseline.network.load_state_dict(method.network.state_dict(), strict=False)
    calls = []
    for decoder in list(method.network.decoders)[1:]:
        decoder.register_forward_hook(lambda *_: calls.append(1))
    given = batch(CCT)
    mine, theirs = (gradients(m.network, turn(m, given).total) for m in (method, baseline))
    assert not calls
    for name, expected in theirs.items():
        torch.testing.assert_close(mine[name], expected, atol=1e-6, rtol=1e-4)


def test_predicting_needs_the_main_decoder_only():
    """The weights without those of auxiliary decoders are those of a plain network, which predicts the same."""
    method = build("cct", odd_blueprint()).eval()
    plain = odd_blueprint().segmenter().eval()
    state = method.network.state_dict()
    plain.load_state_dict({key: value for key, value in state.items() if key in plain.state_dict()}, strict=True)
    calls = []
    for decoder in list(method.network.decoders)[1:]:
        decoder.register_forward_hook(lambda *_: calls.append(1))
    image = odd_batch(CCT).image
    with torch.no_grad():
        assert torch.equal(method.predict(image), plain(image).logits.softmax(1))
    assert not calls


def test_every_level_is_disturbed_so_that_no_skip_gives_the_answer_away():
    method = build("cct", odd_blueprint(), sharpness=8)
    torch.manual_seed(0)
    features = tuple(f.detach() for f in method.network(odd_batch(CCT).image)[0].features)
    logits = torch.zeros(4, 3, *ODD)
    logits[:, 1, 2:6, 4:10, 6:20] = 1
    decoder, heads = method.network.decoders[1], method.network.heads[1]
    clean = Clean(features, logits, lambda maps: heads(decoder(maps)[0])[0]["logits"])
    for kind in KINDS:
        changed = method._perturb(kind, slice(2, None), clean)
        for z, disturbed in zip(features, changed):
            assert disturbed.shape == z[2:].shape
            assert not torch.equal(disturbed, z[2:]), kind


def test_objects_are_all_that_is_not_background():
    method = build("cct", blueprint(classes=3), {"auxiliary": ("context",)})
    logits = torch.zeros(1, 3, 8, 8, 8)
    logits[:, 0] = 1
    logits[:, 1, :4], logits[:, 2, 4:6] = 2, 3
    (left,) = method._perturb("context", slice(None), Clean((torch.ones(1, 2, 8, 8, 8),), logits, lambda maps: logits))
    assert not left[:, :, :6].any()
    assert left[:, :, 6:].all()


@pytest.mark.parametrize("kind", ["noise", "drop"])
def test_one_step_against_a_restatement_in_float64(kind):
    """Without chance: noise of no reach, and a fixed share that is dropped."""
    options = {"auxiliary": (kind, kind), "noise": 0.0, "drop_from": (0.8, 0.8), "ramp": 0.0}
    method = build("cct", odd_blueprint(**STILL), options)
    network = copy.deepcopy(method.network).double()
    given = odd_batch(CCT, 1, 2)
    losses = turn(method, given)
    features = network.encoder(given.image.double())
    read = []
    for z in features:
        activity = z[1:].mean(1, keepdim=True)
        limit = 0.8 * torch.stack([a.max() for a in activity]).reshape(-1, 1, 1, 1, 1)
        read.append(z[1:] if kind == "noise" else torch.where(activity < limit, z[1:], 0))
    target = network.heads[0](network.decoders[0](features)[0])[0]["logits"][1:].softmax(1).detach()
    apart = []
    for index in (1, 2):
        p = network.heads[index](network.decoders[index](tuple(read))[0])[0]["logits"].softmax(1)
        apart.append(sum((p[:, k] - target[:, k]).square().mean() for k in range(3)))
    expected = sum(apart) / 2
    assert losses.terms["consistency"].item() == pytest.approx(expected.item(), rel=1e-4)
    mine, slow = gradients(method.network, losses.terms["consistency"]), gradients(network, expected)
    assert {name for name, g in mine.items() if g is None} == {name for name, g in slow.items() if g is None}
    for name, g in slow.items():
        if g is not None:
            torch.testing.assert_close(mine[name].double(), g, atol=1e-5, rtol=1e-3)


def test_consistency_counts_where_the_main_decoder_is_sure():
    """Probabilities of the main decoder 0.9 and 0.6; both voxels are 0.5 for the auxiliary one."""
    main = torch.tensor([[0.1, 0.4], [0.9, 0.6]]).log().reshape(1, 2, 1, 1, 2).repeat(2, 1, 1, 1, 1)
    given = Batch(torch.zeros(2, 1, 1, 1, 2), torch.zeros(1, 1, 1, 2, dtype=torch.long), ("l", "u"))
    for limit, expected in ((None, 0.4**2 + 0.1**2), (0.5, 0.4**2 + 0.1**2), (0.8, 2 * 0.4**2), (0.95, 0.0)):
        method = build("cct", blueprint(), {"confidence": limit, "auxiliary": ("noise",)})
        method.network = Answers(main, torch.zeros(1, 2, 1, 1, 2))
        assert turn(method, given).terms["consistency"].item() == pytest.approx(expected, abs=1e-6)


def test_the_limit_of_learned_voxels_rises_from_one_over_the_classes():
    """All voxels have probability 0.7 of their class: learned at first, and no more when the limit is 0.9."""
    given = Batch(torch.zeros(2, 1, 1, 1, 4), torch.ones(1, 1, 1, 4, dtype=torch.long), ("l", "u"))
    p = torch.tensor([0.7, 0.6, 0.55, 0.45])
    main = torch.stack([1 - p, p]).log().reshape(1, 2, 1, 1, 4).repeat(2, 1, 1, 1, 1)
    for step, hard in ((0, p[3:]), (5, p[1:]), (1000, p)):
        method = build("cct", blueprint(), {"segmentation": "bootstrapped", "consistency": 0.0, "auxiliary": ()})
        method.network = Answers(main)
        expected = float(-hard.log().mean())
        assert turn(method, given, step, 1000 if step == 1000 else 100).terms["supervised"].item() == pytest.approx(
            expected, rel=1e-5
        ), step
