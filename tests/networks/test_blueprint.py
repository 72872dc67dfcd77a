"""The blueprint: from a plan's words to networks, with further heads and decoders as arguments."""

from __future__ import annotations

import pytest
import torch

from semivox.core.errors import InputError
from semivox.core.plan import ClassInfo, Fingerprint, Intensity, NetworkChoice, Plan
from semivox.networks.blueprint import ARCHITECTURES, Blueprint, architecture
from semivox.networks.vnet import VNet
from semivox.testing.patches import ODD, blueprint, odd_blueprint

KINDS = sorted(ARCHITECTURES)


def plan(name: str, options: dict) -> Plan:
    classes = tuple(ClassInfo(name=n, value=v) for n, v in [("background", 0), ("a", 1), ("b", 4)])
    return Plan(
        dataset="d",
        classes=classes,
        channels=("t1", "t2"),
        spacing=(1, 1, 1),
        patch=ODD,
        intensity=(Intensity(scheme="none"),) * 2,
        network=NetworkChoice(name=name, options=options),
        steps=1,
        fingerprint=Fingerprint(dataset="d", channels=("t1", "t2"), classes=classes, cases=()),
        reasons={},
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_plan_decides_channels_classes_and_options(kind):
    saved = Plan.model_validate_json(plan(kind, {"width": 2, "dropout": 0.25}).model_dump_json())
    found = Blueprint.of(saved)
    assert isinstance(found.architecture, ARCHITECTURES[kind])
    assert (found.channels, found.classes) == (2, 3)
    assert (found.architecture.width, found.architecture.dropout) == (2, 0.25)


def test_a_plan_says_which_axes_may_be_reflected():
    sides = plan("vnet", {}).model_copy(update={"mirror": (False, True, True)})
    assert Blueprint.of(sides).mirror == (False, True, True)
    assert Blueprint.of(plan("vnet", {})).mirror == (True, True, True)


@pytest.mark.parametrize("kind", KINDS)
def test_options_survive_the_plans_json(kind):
    options = blueprint(kind, strides=((1, 2, 2), (2, 2, 1))).architecture.model_dump()
    saved = Plan.model_validate_json(plan(kind, options).model_dump_json())
    assert Blueprint.of(saved).architecture.model_dump() == options


def test_an_unknown_network_is_named_with_those_there_are():
    with pytest.raises(InputError, match=r"'resnet'.*unet3d, uxnet, vnet"):
        architecture("resnet", {})


@pytest.mark.parametrize("options", [{"widht": 4}, {"width": 0}, {"dropout": 1.0}, {"norm": "layer"}])
def test_an_option_that_is_wrong_is_named(options):
    with pytest.raises(InputError, match=next(iter(options))):
        architecture("vnet", options)


@pytest.mark.parametrize("kind", KINDS)
def test_further_heads_read_the_same_dropped_embedding(kind):
    torch.manual_seed(0)
    network = odd_blueprint(kind).segmenter({"distance": 3}).train()
    output = network(torch.randn(1, 2, *ODD))
    assert list(output.extra) == ["distance"]
    assert output.extra["distance"].shape == (1, 3, *ODD)
    assert output.logits.shape == (1, 3, *ODD)
    heads = network.heads[0].heads
    with torch.no_grad():  # the same weights must give the same maps, whichever channels were dropped
        heads["distance"].weight.copy_(heads["logits"].weight)
        heads["distance"].bias.copy_(heads["logits"].bias)
    output = network(torch.randn(1, 2, *ODD))
    assert torch.equal(output.extra["distance"], output.logits)


@pytest.mark.parametrize("kind", KINDS)
def test_a_head_more_draws_no_other_weights_for_the_trunk(kind):
    torch.manual_seed(0)
    plain = blueprint(kind).segmenter()
    torch.manual_seed(0)
    more = blueprint(kind).segmenter({"extra": 2})
    for name, value in plain.state_dict().items():
        assert torch.equal(more.state_dict()[name], value), name


@pytest.mark.parametrize("kind", KINDS)
def test_several_decoders_share_one_encoder(kind):
    network = odd_blueprint(kind, dropout=0.0).segmenters(("transposed", "trilinear", "nearest"), {"extra": 1})
    outputs = network.eval()(torch.randn(2, 2, *ODD))
    assert len(outputs) == 3
    assert len({id(output.features[0]) for output in outputs}) == 1
    for output in outputs:
        assert output.logits.shape == (2, 3, *ODD)
        assert output.extra["extra"].shape == (2, 1, *ODD)
    assert not torch.allclose(outputs[0].logits, outputs[1].logits)


@pytest.mark.parametrize("kind", KINDS)
def test_perturbed_features_reach_their_decoder_only(kind):
    network = odd_blueprint(kind).segmenters(("transposed",) * 3).eval()
    image = torch.randn(1, 2, *ODD)
    clean = network(image)

    def silence(given):
        return tuple(torch.zeros_like(f) for f in given.features)

    first, second, third = network(image, [silence])
    assert torch.equal(first.logits, clean[0].logits)
    assert not torch.equal(second.logits, clean[1].logits)
    assert torch.equal(third.logits, clean[2].logits)
    assert not second.features[0].any()
    assert first.features[0].any()


@pytest.mark.parametrize("kind", KINDS)
def test_decoders_have_weights_of_their_own(kind):
    network = blueprint(kind).segmenters(("transposed", "transposed"))
    mine, other = (dict(d.named_parameters()) for d in network.decoders)
    assert any(not torch.equal(mine[name], other[name]) for name in mine)
    assert not {p.data_ptr() for p in mine.values()} & {p.data_ptr() for p in other.values()}


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_decoders_can_run_alone_and_say_the_same(kind):
    network = odd_blueprint(kind).segmenters(("transposed", "trilinear", "nearest")).eval()
    image = torch.randn(1, 2, *ODD)
    idle = []
    network.decoders[2].register_forward_pre_hook(lambda m, given: idle.append(m))
    few = network(image, first=2)
    assert not idle
    for alone, among in zip(few, network(image)[:2], strict=True):
        assert torch.equal(alone.logits, among.logits)


@pytest.mark.parametrize("kind", KINDS)
def test_a_perturbation_sees_features_the_first_prediction_and_its_own_decoder(kind):
    network = odd_blueprint(kind, dropout=0.0).segmenters(("transposed",) * 3).eval()
    image = torch.randn(2, 2, *ODD)
    seen = []

    def look(given):
        seen.append((given, given.decode(given.features)))
        return tuple(f[1:] for f in given.features)

    first, second, third = network(image, [look, look])
    for (given, decoded), output in zip(seen, (second, third)):
        assert torch.equal(given.logits, first.logits)
        assert not given.logits.requires_grad
        assert all(f.requires_grad for f in given.features)
        assert output.logits.shape == (1, 3, *ODD), "a decoder reads the samples that it is given"
        torch.testing.assert_close(decoded[1:], output.logits, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(seen[0][1], seen[1][1])


@pytest.mark.parametrize("kind", KINDS)
def test_a_shallow_decoder_reads_the_deepest_features_only(kind):
    network = odd_blueprint(kind, dropout=0.0).segmenters(("transposed", "shallow")).eval()
    image = torch.randn(2, 2, *ODD)

    def only_deepest(given):
        return *(torch.zeros_like(f) for f in given.features[:-1]), given.features[-1]

    clean, deepest = network(image), network(image, [only_deepest])
    assert clean[1].logits.shape == (2, 3, *ODD)
    assert clean[1].logits.std() > 0
    assert torch.equal(clean[1].logits, deepest[1].logits)
    full, shallow = (sum(p.numel() for p in d.parameters()) for d in network.decoders)
    assert shallow < full / 3


def test_a_sigmoid_head_has_one_logit_for_two_classes_and_no_background():
    """Two heads of one map are as large as one of two: the authors' 9,448,866 of SASSNet and DTC."""
    with torch.device("meta"):
        one = Blueprint(VNet(), 1, 2).segmenter({"distance": 1}, head="sigmoid")
    assert sum(p.numel() for p in one.parameters()) == 9_448_866
    torch.manual_seed(0)
    network = odd_blueprint("vnet").segmenter(head="sigmoid").eval()
    logits = network(torch.randn(2, 2, *ODD)).logits
    assert logits.shape == (2, 3, *ODD)
    assert not logits[:, 0].any()
    two = blueprint("vnet").segmenter(head="sigmoid").eval()(torch.randn(1, 1, 8, 8, 8)).logits
    torch.testing.assert_close(two.softmax(1)[:, 1], two[:, 1].sigmoid())


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_heads_read_is_the_embedding_behind_their_dropout(kind):
    torch.manual_seed(0)
    network = odd_blueprint(kind).segmenter().train()
    output = network(torch.randn(2, 2, *ODD))
    torch.testing.assert_close(network.heads[0].heads["logits"](output.read), output.logits)
    assert torch.equal(output.read, output.embedding) == (kind != "vnet")
