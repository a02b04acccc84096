"""Heads turned off, held against the plain recipe: a hook on the output projection of a model of the test's own."""

from __future__ import annotations

import copy
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from components.attention import (  # noqa: E402
    Ablation,
    Sweep,
    ablate,
    attribute,
    control,
    map_heads,
    random_sets,
    sweep,
)
from components.attention.anatomy import anatomy, output_linear  # noqa: E402
from components.attention.attribution import _freeze  # noqa: E402
from components.attention.halves import take_apart  # noqa: E402
from components.attention.restart import begin  # noqa: E402
from components.models.open import open_model  # noqa: E402
from components.workshop import Cancelled  # noqa: E402
from tests.unit.architectures import IDS, MODELS, gpt2, llama, t5  # noqa: E402

DECODERS = [name for name in MODELS if name not in ("bert", "modernbert")]


def naive(model: Any, ids: Sequence[int], heads: Sequence[tuple[int, int]], how: str) -> tuple[Any, Any]:
    """Logits [token, vocabulary] and last vectors of a copy with pre-hooks before its output projections."""
    other = copy.deepcopy(model)
    blocks = anatomy(other).blocks
    count = anatomy(other).heads
    seen: dict[int, Any] = {}

    def keep(layer: int) -> Any:
        return lambda module, arguments: seen.__setitem__(layer, arguments[0].detach().clone())

    handles = [output_linear(block).register_forward_pre_hook(keep(at)) for at, block in enumerate(blocks)]
    batch = torch.tensor([list(ids)])
    with torch.inference_mode():
        other(batch)
    for handle in handles:
        handle.remove()

    def off(layer: int) -> Any:
        def hook(module: Any, arguments: Any) -> Any:
            given = arguments[0].clone()
            dim = given.shape[-1] // count
            for at, head in heads:
                if at == layer:
                    part = slice(head * dim, (head + 1) * dim)
                    mean = seen[layer][..., part].reshape(-1, dim).mean(0)
                    given[..., part] = mean if how == "mean" else 0
            return (given,)

        return hook

    for at, block in enumerate(blocks):
        output_linear(block).register_forward_pre_hook(off(at))
    with torch.inference_mode():
        return other(batch).logits[0], other.base_model(batch).last_hidden_state[0]


def loss_of(logits: Any, ids: Sequence[int]) -> float:
    return float(torch.nn.functional.cross_entropy(logits[:-1], torch.tensor(list(ids[1:]))))


@pytest.mark.parametrize("how", ["zero", "mean"])
@pytest.mark.parametrize("name", MODELS)
def test_heads_off_as_by_a_hook(name: str, how: str) -> None:
    model = MODELS[name]()
    heads = [(1, 3), (0, 1), (1, 0)]
    plain, clean = naive(model, IDS, [], how)
    changed, vectors = naive(model, IDS, heads, how)
    got = ablate(model, IDS, heads, how)
    assert got.heads == ((0, 1), (1, 0), (1, 3))
    assert got.cosine.shape == (len(IDS),)
    if name in DECODERS:
        for ours, theirs in ((got.log_before, plain), (got.log_after, changed)):
            assert ours is not None
            assert np.abs(ours - torch.log_softmax(theirs[-1], -1).numpy()).max() <= 1e-5
        assert got.loss_before == pytest.approx(loss_of(plain, IDS), abs=1e-5)
        assert got.loss_after == pytest.approx(loss_of(changed, IDS), abs=1e-5)
        p, q = torch.softmax(plain[-1].double(), -1), torch.softmax(changed[-1].double(), -1)
        assert got.effect.kl == pytest.approx(float((p * (p / q).log()).sum()), abs=1e-5)
        assert got.target == int(plain[-1].argmax())
        assert got.rank(got.target)[0] == 1
        assert got.rank(got.target)[1] == 1 + int((changed[-1] > changed[-1, got.target]).sum())
    else:
        assert got.log_before is None
        assert got.target is None
        assert got.loss_before is None
        cosine = torch.nn.functional.cosine_similarity(clean.double(), vectors.double(), dim=-1).numpy()
        assert np.abs(got.cosine - cosine).max() <= 1e-6
        assert np.abs(got.length - (vectors.norm(dim=-1) / clean.norm(dim=-1)).numpy()).max() <= 1e-5
        assert got.cosine.min() < 1 - 1e-5


@pytest.mark.parametrize("how", ["zero", "mean"])
@pytest.mark.parametrize("name", MODELS)
def test_the_sweep_equals_one_forward_a_head(name: str, how: str) -> None:
    model = MODELS[name]()
    decoder = name in DECODERS
    got = sweep(model, IDS, how, loss=True)
    plain, _ = naive(model, IDS, [], how)
    log = torch.log_softmax(plain[-1], -1)
    for layer in range(2):
        for head in range(4):
            changed, _ = naive(model, IDS, [(layer, head)], how)
            single = ablate(model, IDS, [(layer, head)], how)
            assert got.moved is not None
            assert got.moved[layer, head] == pytest.approx(single.effect.moved, abs=1e-5)
            if not decoder:
                continue
            assert got.target_change is not None
            assert got.kl is not None
            assert got.loss_change is not None
            after = torch.log_softmax(changed[-1], -1)
            assert got.target_change[layer, head] == pytest.approx(float((after - log)[got.target]), abs=1e-5)
            assert got.kl[layer, head] == pytest.approx(float((log.exp() * (log - after)).sum()), abs=1e-5)
            assert got.loss_change[layer, head] == pytest.approx(loss_of(changed, IDS) - loss_of(plain, IDS), abs=1e-5)
    assert (got.target_change is None) == (not decoder)
    if decoder:  # the fast way, the last position alone
        fast = sweep(model, IDS, how)
        assert (take_apart(begin(model, IDS)) is not None) == (name in ("llama", "gpt2", "mistral", "qwen3"))
        assert fast.moved is None
        assert np.abs(np.array(fast.target_change) - np.array(got.target_change)).max() <= 1e-5
        assert np.abs(np.array(fast.kl) - np.array(got.kl)).max() <= 1e-5


def test_a_sweep_of_the_storyteller() -> None:
    opened = open_model("storyteller")
    ids = opened.tokenizer.library_object.encode("The fox saw the hen, and the fox saw the").ids
    got = sweep(opened, ids, "mean")
    assert got.target_change is not None
    assert got.loss_change is None
    for layer, head in ((0, 3), (2, 5), (5, 7)):
        single = ablate(opened, ids, [(layer, head)], "mean").effect
        assert got.target_change[layer, head] == pytest.approx(single.target, abs=1e-5)


def test_zero_and_mean_disagree() -> None:
    model = gpt2()
    zero, mean = (ablate(model, IDS, [(0, 1)], how).log_after for how in ("zero", "mean"))
    assert zero is not None
    assert mean is not None
    assert np.abs(zero - mean).max() > 1e-2


def test_a_sweep_can_be_stopped_and_reports() -> None:
    told: list[tuple[int, int]] = []
    sweep(llama(), IDS, report=lambda done, of: told.append((done, of)))
    assert told[-1] == (8, 8)
    assert [done for done, _ in told] == sorted(done for done, _ in told)

    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        sweep(llama(), IDS, check=check)
    assert calls == 2


def test_controls_are_other_heads_and_the_same_each_time() -> None:
    model = llama()
    got = control(model, IDS, [(0, 1), (1, 2)], "zero", elsewhere=[5, 6, 7, 8, 5, 6], draws=4, seed=3)
    assert len(got.sets) == len(got.random) == 4
    assert all(len(set(one)) == 2 and not {(0, 1), (1, 2)} & set(one) for one in got.sets)
    assert got == control(model, IDS, [(1, 2), (0, 1)], "zero", elsewhere=[5, 6, 7, 8, 5, 6], draws=4, seed=3)
    for one, effect in zip(got.sets, got.random, strict=True):
        assert effect == ablate(model, IDS, one).effect
    assert got.elsewhere == ablate(model, [5, 6, 7, 8, 5, 6], [(0, 1), (1, 2)]).effect
    assert got.sets != random_sets(2, 4, [(0, 1), (1, 2)], 4, 4)
    every = [(layer, head) for layer in range(2) for head in range(4)]
    assert random_sets(2, 4, every) == (), "there is no other set of all heads"
    assert all(len(one) == 6 for one in random_sets(2, 4, every[:6]))


# ------------------------------------------------------------------------------------------------------- attribution


def feed_forward_by_hook(model: Any, ids: Sequence[int], layer: int) -> Any:
    """What the feed-forward layer of a block adds at the last token, seen by a hook on the test's own model."""
    block = anatomy(model).blocks[layer]
    part = getattr(block, "post_feedforward_layernorm", None) or block.mlp
    told: list[Any] = []

    def hook(module: Any, arguments: Any, output: Any) -> None:
        told.append((output[0] if isinstance(output, tuple) else output).reshape(len(ids), -1)[-1])

    handle = part.register_forward_hook(hook)
    with torch.inference_mode():
        model(torch.tensor([list(ids)]))
    handle.remove()
    return told[0].double()


@pytest.mark.parametrize("versus", ["mean", None, 11])
@pytest.mark.parametrize("name", DECODERS)
def test_the_parts_add_up_to_the_models_logit(name: str, versus: Any) -> None:
    model = MODELS[name]()
    got = attribute(model, IDS, 17, versus)
    with torch.inference_mode():
        logits = model(torch.tensor([IDS])).logits[0, -1]
    bare = logits if got.softcap is None else torch.atanh(logits / got.softcap) * got.softcap
    wanted = bare[17] - (0 if versus is None else bare.mean() if versus == "mean" else bare[versus])
    assert got.logit == pytest.approx(float(wanted), rel=1e-3, abs=1e-4)
    assert got.total == pytest.approx(float(wanted), rel=1e-3, abs=1e-3)
    # Neither heads nor feed-forward layers may hold the other's part.
    added = sum(feed_forward_by_hook(model, IDS, layer) for layer in range(2))
    parts = anatomy(model)
    with torch.inference_mode():
        norm = _freeze(parts.final_norm, begin(model, IDS).streams[-1][0, -1])
        matrix = parts.unembedding.double()
        towards = matrix[17] - (0 if versus is None else matrix.mean(0) if versus == "mean" else matrix[versus])
        assert float(got.feed_forward.sum()) == pytest.approx(float(norm(added) @ towards), abs=1e-4)


def test_the_parts_of_the_storyteller_add_up() -> None:
    opened = open_model("storyteller")
    ids = opened.tokenizer.library_object.encode("When the rain stopped, the old tortoise walked slowly down to").ids
    got = attribute(opened, ids)
    assert got.total == pytest.approx(got.logit, rel=1e-3)
    assert got.heads.shape == (6, 8)


def test_direct_effects_are_not_all_effects() -> None:
    opened = open_model("storyteller")
    ids = opened.tokenizer.library_object.encode("When the rain stopped, the old tortoise walked slowly down to").ids
    direct = attribute(opened, ids, versus=None).heads
    change = sweep(opened, ids).target_change
    assert change is not None
    # The head of the first layer that does most speaks through later ones: what it says to the vocabulary itself is
    # next to nothing. In the last layer, direct is nearly all there is.
    head = int(np.abs(change[0]).argmax())
    assert abs(float(change[0, head])) > 1
    assert abs(float(direct[0, head])) < 0.1 * abs(float(change[0, head]))
    assert np.corrcoef(-direct[-1], change[-1])[0, 1] > 0.5


# --------------------------------------------------------------------------------------------------------- bad input


def test_bad_input_is_a_sentence() -> None:
    model = llama()
    for heads, words in (
        ([(0, 1), (0, 1)], "named twice"),
        ([], "pick one"),
        ([(2, 0)], "layers 0 to 1"),
        ([(0, -1)], "no layer 0, head -1"),
        ([(0, 1, 2)], "two whole numbers"),
    ):
        with pytest.raises(ValueError, match=words):
            ablate(model, IDS, heads)
    with pytest.raises(ValueError, match="not to 'half'"):
        ablate(model, IDS, [(0, 1)], "half")
    with pytest.raises(ValueError, match="one token"):
        ablate(model, [5], [(0, 1)], "mean")
    for call in (ablate, sweep):
        arguments: tuple[Any, ...] = ([(0, 1)], "zero", 100) if call is ablate else ("zero", 100)
        with pytest.raises(ValueError, match="outside the model's vocabulary"):
            call(model, IDS, *arguments)
    with pytest.raises(ValueError, match="There is no token"):
        sweep(model, [])
    with pytest.raises(ValueError, match="encoder-decoder"):
        sweep(t5(), IDS)
    with pytest.raises(ValueError, match="choose a decoder"):
        attribute(MODELS["bert"](), IDS)
    one = ablate(model, [5], [(0, 1)])
    assert one.loss_before is None
    assert one.effect.kl is not None
    assert sweep(model, [5], loss=True).loss_change is None


def test_damaged_weights_are_a_sentence() -> None:
    model = llama()
    with torch.no_grad():
        anatomy(model).blocks[1].mlp.down_proj.weight[0, 0] = float("nan")
    for call in (lambda: ablate(model, IDS, [(0, 1)]), lambda: sweep(model, IDS), lambda: attribute(model, IDS)):
        with pytest.raises(ValueError, match="fetch it again"):
            call()


# ------------------------------------------------------------------------------------------------- many people at once


def test_eight_readers_at_once_each_get_their_own() -> None:
    """300 forwards by eight threads on one model, some with heads off, some sweeping: none sees another's change."""
    model = llama()
    sets = [None, [(0, 1)], [(1, 2), (0, 0)], [(1, 0), (1, 1), (1, 2), (1, 3)], "sweep"]

    def run(which: Any) -> np.ndarray:
        if which is None:
            return np.concatenate([map_heads(model, IDS).next_probabilities, map_heads(model, IDS).scores[0].ravel()])
        if which == "sweep":
            return np.array(sweep(model, IDS).target_change)
        return np.array(ablate(model, IDS, which).log_after)

    truth = [run(one) for one in sets]
    with torch.inference_mode():
        bare = model(torch.tensor([IDS])).logits
    wrong: list[int] = []
    done = []
    turn = iter(range(300))
    lock = threading.Lock()

    def reader() -> None:
        while True:
            with lock:
                at = next(turn, None)
            if at is None:
                return
            if at % 6 == 5:
                # A reader of the shared model itself, as the page Sampling is.
                with torch.inference_mode():
                    same = torch.equal(model(torch.tensor([IDS])).logits, bare)
            else:
                same = bool(np.abs(run(sets[at % 6]) - truth[at % 6]).max() <= 1e-6)
            done.append(at)
            if not same:
                wrong.append(at)

    readers = [threading.Thread(target=reader) for _ in range(8)]
    for one in readers:
        one.start()
    for one in readers:
        one.join()
    assert len(done) == 300
    assert wrong == []


def test_results_cannot_be_written_to() -> None:
    model = llama()
    off: Ablation = ablate(model, IDS, [(0, 0)])
    swept: Sweep = sweep(model, IDS)
    for array in (off.log_before, off.cosine, swept.kl, swept.target_change, attribute(model, IDS).heads):
        assert array is not None
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
