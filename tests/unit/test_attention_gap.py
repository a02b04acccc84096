"""Each word hidden once, against the library's own forward passes; and an encoder-decoder's writing, short enough."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from components.attention import Gaps, fill_gaps, rewrite  # noqa: E402
from components.attention.gap import mask_of  # noqa: E402
from components.models.open import OpenModel, open_model  # noqa: E402
from tests.conftest import needs  # noqa: E402

TEXT = "The tortoise sat under the stairs, in 19."
both = [needs("gapfiller"), needs("storyteller")]


@pytest.fixture(scope="module")
def filler() -> OpenModel:
    return open_model("gapfiller")


@pytest.fixture(scope="module")
def teller() -> OpenModel:
    return open_model("storyteller")


@pytest.fixture(scope="module")
def made(filler: OpenModel, teller: OpenModel) -> Gaps:
    return fill_gaps(filler, teller, TEXT)


def chances(model: OpenModel, ids: list[int]) -> Any:
    with torch.inference_mode():
        return model.model(torch.tensor([ids])).logits[0].softmax(-1)


class TestGaps:
    pytestmark = both

    def test_words_are_cut_and_nothing_is_lost(self, filler: OpenModel, made: Gaps) -> None:
        assert "".join(made.segments) == TEXT
        assert [made.word(at) for at in range(len(made.spans))] == [
            "The", "tortoise", "sat", "under", "the", "stairs", "in", "19"]
        first, last = made.spans[1]
        assert last - first > 1
        assert filler.tokenizer.library_object.decode(made.ids[first:last].tolist()) == " tortoise"

    def test_both_sides_of_each_gap_as_the_library_gives_them(
        self, filler: OpenModel, teller: OpenModel, made: Gaps
    ) -> None:
        ids, mask = made.ids.tolist(), filler.tokenizer.library_object.token_to_id("[MASK]")
        for at, (first, last) in enumerate(made.spans):
            seen = chances(filler, [*ids[:first], *[mask] * (last - first), *ids[last:]])[first]
            left = chances(teller, ids[:first] or [teller.bos_id])[-1]
            for side, told in ((made.filler, seen), (made.teller, left)):
                top = told.topk(5)
                assert np.allclose(side.top_probabilities[at], top.values.numpy(), atol=1e-6)
                assert side.top_ids[at].tolist() == top.indices.tolist()
                assert side.probability[at] == pytest.approx(float(told[ids[first]]), abs=1e-6)
                assert side.rank[at] == 1 + int((told > told[ids[first]]).sum())

    def test_a_word_of_several_tokens_is_filled_from_the_left(
        self, filler: OpenModel, teller: OpenModel, made: Gaps
    ) -> None:
        ids, mask = made.ids.tolist(), mask_of(filler.tokenizer)
        first, last = made.spans[1]
        known: list[int] = []
        while len(known) < last - first:
            gap = [*known, *[mask] * (last - first - len(known))]
            known.append(int(chances(filler, [*ids[:first], *gap, *ids[last:]])[first + len(known)].argmax()))
        assert made.filler.filled[1] == tuple(known)
        before = torch.tensor([ids[:first]])
        written = teller.model.generate(before, attention_mask=torch.ones_like(before), do_sample=False,
                                        max_new_tokens=last - first)
        assert made.teller.filled[1][: written.shape[1] - first] == tuple(written[0, first:].tolist())
        for side in (made.filler, made.teller):
            assert side.right.tolist() == [
                list(one) == ids[start:end] for one, (start, end) in zip(side.filled, made.spans, strict=True)]

    def test_the_telling_word_is_one_that_only_the_encoder_fills(self, made: Gaps) -> None:
        right = np.array([True] + [False] * (len(made.spans) - 1))
        told = replace(made, filler=replace(made.filler, right=right), teller=replace(made.teller, right=~right))
        assert told.telling() == 0
        gain = np.log(made.filler.probability) - np.log(made.teller.probability)
        none = replace(made, filler=replace(made.filler, right=right & False))
        assert none.telling() == int(gain.argmax())

    def test_what_cannot_be_read_is_said_in_a_sentence(self, filler: OpenModel, teller: OpenModel) -> None:
        for text, sentence in (
            ("  ", "empty"), ("... !", "no word to hide"), ("<|endoftext|>", "no word to hide"),
            ("She sat on the [MASK].", "a mask in it already"), ("word " * 300, "up to 256; shorten"),
        ):
            with pytest.raises(ValueError, match=sentence):
                fill_gaps(filler, teller, text)
        with pytest.raises(ValueError, match="no token for a gap"):
            fill_gaps(teller, teller, TEXT)
        broken = copy.deepcopy(filler.model)
        next(broken.parameters()).data.fill_(float("nan"))
        with pytest.raises(ValueError, match="no numbers"):
            fill_gaps(replace(filler, model=broken), teller, TEXT)

    def test_it_can_be_stopped_and_tells_how_far_it_is(self, filler: OpenModel, teller: OpenModel) -> None:
        told: list[tuple[int, int]] = []
        made = fill_gaps(filler, teller, "A cat", report=lambda done, of: told.append((done, of)))
        assert len(made.spans) == 2
        assert told[-1][0] == told[-1][1]

        def stop() -> None:
            raise InterruptedError

        with pytest.raises(InterruptedError):
            fill_gaps(filler, teller, TEXT, check=stop)


def test_a_date_is_rewritten_and_odd_text_is_told_of() -> None:
    model = open_model("datewriter")
    made = rewrite(model, "the third of May 1998")
    assert (made.written, made.nothing_known) == ("1998-05-03", False)
    assert len(made.seen.cross[1].weights[2]) == len(made.seen.target_ids)
    # The head of the first view: the day's two digits come from the day's word.
    day = made.source.pieces.index("third")
    assert (made.seen.cross[1].weights[2][8:10, day] > 0.9).all()
    odd = rewrite(model, "Hello world")
    assert odd.nothing_known
    assert len(odd.written) == 10
    assert not rewrite(model, "Hello 1998").nothing_known
    with pytest.raises(ValueError, match="up to 64 here"):
        rewrite(model, "May " * 70)
    with pytest.raises(ValueError, match="empty"):
        rewrite(model, " ")
