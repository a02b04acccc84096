"""One word in two sentences: its vectors are the library's, and a neighbour's pull is what hiding it changes."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from components.attention import Place, find_word, part  # noqa: E402
from components.models.open import OpenTokenizer, open_model, open_tokenizer  # noqa: E402
from components.views.attention.parting import PAIRS  # noqa: E402
from tests.conftest import needs  # noqa: E402
from tests.unit.architectures import MODELS  # noqa: E402

FIRST = Place((3, 17, 5, 9, 44), tuple("abcde"), (2, 3), ())
SECOND = Place((8, 5, 9, 61, 2, 12), tuple("fcdghi"), (1, 2), (5,))


def vectors(model: Any, place: Place, hidden: int | None = None) -> Any:
    """The word's vector after each layer but the last, from the library's own hidden states."""
    other = copy.deepcopy(model)
    other.set_attn_implementation("eager")
    mask = torch.ones((1, len(place.ids)), dtype=torch.long)
    if hidden is not None:
        mask[0, hidden] = 0
    with torch.inference_mode():
        states = other(torch.tensor([place.ids]), attention_mask=mask, output_hidden_states=True).hidden_states
    return torch.stack([state[0, list(place.at)].mean(0) for state in states[:-1]])


@pytest.mark.parametrize("name", ["llama", "gpt2", "bert", "modernbert"])
def test_cosines_and_pulls_are_the_librarys(name: str) -> None:
    model = MODELS[name]()
    found = part(model, FIRST, SECOND, SECOND)
    left, right = vectors(model, FIRST), vectors(model, SECOND)
    cosine = torch.cosine_similarity(left, right).numpy()
    assert np.allclose(found.cosine[:-1], cosine, atol=1e-5)
    assert found.same is not None
    assert np.allclose(found.same, found.cosine, atol=1e-5)
    for token in (0, 1):
        moved = torch.cosine_similarity(vectors(model, FIRST, token), right).numpy() - cosine
        assert np.allclose(found.pull_first[:-1, token], moved, atol=1e-5)
    assert np.isnan(found.pull_first[:, [2, 3]]).all()
    assert np.isnan(found.pull_second[:, [1, 2, 5]]).all()
    assert found.causal == (name in ("llama", "gpt2"))
    if found.causal:  # what comes after a word cannot have touched it
        assert np.abs(found.pull_first[:, 4]).max() <= 1e-6
        assert np.abs(found.pull_second[:, [3, 4]]).max() <= 1e-6
    else:
        assert np.abs(found.pull_first[-1, 4]) > 1e-4
    assert np.allclose(found.pull_first[0, [0, 1, 4]], 0, atol=1e-5)


def test_the_word_is_found_whole_and_in_any_case() -> None:
    tokenizer = open_tokenizer("storyteller")
    place = find_word(tokenizer, "The embankment by the Bank, a bank.", "bank", marks=False)
    assert "".join(place.pieces[at] for at in place.at).strip() == "Bank"
    bert = open_tokenizer("bert")
    place = find_word(bert, "A novel idea", "NOVEL", marks=True)
    assert place.pieces == ("[CLS]", "A", "novel", "idea", "[SEP]")
    assert place.at == (2,)
    assert place.fixed == (0, 4)


def test_words_that_are_not_there_are_a_sentence() -> None:
    tokenizer = open_tokenizer("storyteller")
    with pytest.raises(ValueError, match="not in the sentence"):
        find_word(tokenizer, "The river.", "bank", marks=False)
    with pytest.raises(ValueError, match="No word"):
        find_word(tokenizer, "The river.", "  ", marks=False)
    with pytest.raises(ValueError, match="sentence"):
        find_word(tokenizer, "", "bank", marks=False)
    with pytest.raises(ValueError, match="keep each under 64"):
        part(MODELS["llama"](), Place(tuple([3] * 65), ("x",) * 65, (1,), ()), SECOND)


def test_an_encoder_tells_most_pairs_apart() -> None:
    """The claim that the panel's examples make: between two senses a word moves further than within one."""
    opened = open_model("minilm")
    apart = 0
    pairs = json.loads(PAIRS.read_text("utf-8"))
    for pair in pairs:
        places = [find_word(opened.tokenizer, pair[which], pair["word"], marks=True)
                  for which in ("first", "second", "third")]
        found = part(opened, *places)
        assert found.same is not None
        apart += bool(found.cosine[-1] < found.same[-1] - 0.02)
        assert found.others[-1] < found.cosine[-1] - 0.2
    assert apart == len(pairs)


@pytest.mark.parametrize("name", ["storyteller", pytest.param("smollm2", marks=needs("smollm2")), "bert"])
def test_every_tokenizer_here_has_offsets(name: str) -> None:
    tokenizer: OpenTokenizer = open_tokenizer(name)
    place = find_word(tokenizer, "Der Bär saß auf der bank, 🐢.", "bank", marks=False)
    assert "bank" in "".join(place.pieces[at] for at in place.at)
