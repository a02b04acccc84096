"""Key-value caches of what was read: going back, branching and editing cost what is new, and change no number."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from transformers import MistralConfig, MistralForCausalLM

from components.sampling import next_logits, prefixes, read
from components.sampling.prefixes import Prefixes
from components.sampling.reading import forward
from tests.unit.tiny_decoders import tiny

PROMPT = [5, 9, 9, 42, 7]
TRUNK = tuple((11 * place) % 300 for place in range(40))


@contextmanager
def forwards(model: torch.nn.Module) -> Iterator[list[int]]:
    """How many tokens each forward with a cache reads, in turn."""
    seen: list[int] = []

    def note(_: torch.nn.Module, args: tuple, given: dict) -> None:
        if "past_key_values" in given:
            seen.append(given["input_ids"].shape[-1])

    hook = model.register_forward_pre_hook(note, with_kwargs=True)
    try:
        yield seen
    finally:
        hook.remove()


def plain(model: torch.nn.Module, ids: Sequence[int]) -> np.ndarray:
    """The logits after `ids` without any cache."""
    with torch.inference_mode():
        return model(torch.tensor([list(ids)])).logits[0, -1].numpy()


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_branches_that_alternate_read_their_own_token_alone(kind: str) -> None:
    model = tiny(kind)
    prefixes.clear()
    next_logits(model, TRUNK)
    one, two = [*TRUNK[:30], 100], [*TRUNK[:30], 200]
    with forwards(model) as seen:
        for branch, token in ((one, 1), (two, 2), (one, 3), (two, 4), (one, 5)):
            np.testing.assert_allclose(next_logits(model, branch), plain(model, branch), atol=1e-4)
            branch.append(token)
        np.testing.assert_allclose(next_logits(model, TRUNK), plain(model, TRUNK), atol=1e-4)
    assert seen == [1] * 6


def test_a_reader_who_goes_on_leaves_what_another_took_as_it_was() -> None:
    model = tiny()
    prefixes.clear()
    read(model, TRUNK)
    mine, theirs = prefixes.take(model, [*TRUNK, 1]), prefixes.take(model, [*TRUNK[:20], 2])
    before = theirs.cache.layers[0].keys.clone()
    assert (len(mine.ids), len(theirs.ids)) == (40, 20)
    for token in (1, 2, 3):
        _, mine = forward(model, mine, [token])
    mine.cache.crop(-30)
    torch.testing.assert_close(theirs.cache.layers[0].keys, before)
    assert len(prefixes.take(model, [*TRUNK, 9]).ids) == 40, "the kept one is as long as it was"


def test_an_edited_text_is_read_from_the_edit_on_and_its_surprises_are_those_of_a_fresh_reading() -> None:
    model = tiny("llama")
    prefixes.clear()
    read(model, TRUNK[:30])
    for length in range(31, 41):  # written on, token by token
        next_logits(model, TRUNK[:length])
    edited = [*TRUNK[:35], 250, 251, *TRUNK[36:]]
    with forwards(model) as seen:
        reading = read(model, edited)
    assert sum(seen) <= len(edited) - 34, "the shared beginning is read no more; one token again, for what it expects"
    prefixes.clear()
    fresh = read(model, edited)
    np.testing.assert_allclose(reading.surprises, fresh.surprises, atol=1e-4)
    np.testing.assert_allclose(reading.logits, fresh.logits, atol=1e-4)
    with forwards(model) as seen:
        longer = read(model, [*edited, 3, 4])
    assert sum(seen) == 2
    prefixes.clear()
    np.testing.assert_allclose(longer.surprises, read(model, [*edited, 3, 4]).surprises, atol=1e-4)


def test_a_cache_cut_back_by_hand_tells_no_surprise_of_what_it_lost() -> None:
    model = tiny()
    prefixes.clear()
    _, prefix = forward(model, prefixes.take(model, PROMPT), TRUNK[:10])
    prefix.cache.crop(-3)
    prefix.ids = prefix.ids[:-3]
    _, prefix = forward(model, prefix, [300, 301])
    prefixes.put(model, prefix)
    text = [*TRUNK[:7], 300, 301]
    reused = read(model, text).surprises
    prefixes.clear()
    np.testing.assert_allclose(reused, read(model, text).surprises, atol=1e-4)


def test_a_sliding_window_is_used_whole_or_not_at_all() -> None:
    torch.manual_seed(0)
    model = MistralForCausalLM(MistralConfig(
        vocab_size=320, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, sliding_window=8, max_position_embeddings=64,
    )).eval()
    prefixes.clear()
    next_logits(model, TRUNK[:20])
    with forwards(model) as seen:
        for length in (21, 22):
            np.testing.assert_allclose(next_logits(model, TRUNK[:length]), plain(model, TRUNK[:length]), atol=1e-4)
    assert seen == [1, 1]
    other = [*TRUNK[:15], 7]
    with forwards(model) as seen:
        np.testing.assert_allclose(next_logits(model, other), plain(model, other), atol=1e-4)
    assert seen == [16], "a window that has moved on cannot be cut back"


def test_the_store_is_bounded_and_lets_a_model_go() -> None:
    model = tiny()
    small = Prefixes(budget=1)
    _, prefix = forward(model, small.take(model, PROMPT), PROMPT)
    size = prefix.nbytes
    small.put(model, prefix)
    assert small.take(model, [*PROMPT, 1]).ids == ()
    store = Prefixes(budget=3 * size)
    for first in range(6):
        _, prefix = forward(model, store.take(model, [first, *PROMPT[1:]]), [first, *PROMPT[1:]])
        store.put(model, prefix)
        store.take(model, [0, *PROMPT[1:], 1])  # somebody keeps using the first
    kept = [first for first in range(6) if store.take(model, [first, *PROMPT[1:], 1]).ids]
    assert kept == [0, 4, 5], "the longest unused goes first"
    del model, prefix
    gc.collect()
    other = tiny()
    assert store.take(other, [0, *PROMPT[1:], 1]).ids == ()
    assert not store._kept


def test_readers_at_once_read_the_same_numbers() -> None:
    model = tiny()
    prefixes.clear()
    texts = [[*TRUNK[: 10 + 5 * reader], 100 + reader, *TRUNK[:8]] for reader in range(4)]
    expected = [[plain(model, text[:length]) for length in range(9, len(text) + 1)] for text in texts]
    wrong: list[str] = []

    def work(place: int) -> None:
        text = texts[place]
        for length in range(9, len(text) + 1):
            if not np.allclose(next_logits(model, text[:length]), expected[place][length - 9], atol=1e-4):
                wrong.append(f"reader {place}, {length} tokens")

    threads = [threading.Thread(target=work, args=(place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
