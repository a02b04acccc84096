"""`capture_seq2seq(model, ids)`: the three kinds of attention of an encoder-decoder, of one text and what it writes.

The encoder looks at the source in both directions. The decoder looks back at what it has written, and through its
cross-attention at the source. Row t of a decoder's picture belongs to the moment when token t of the target is chosen:
its query comes from the token before it (the start token when t is 0).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.attention.capture import LayerCapture, check_finite, frozen, layer_capture, library_model
from components.attention.limits import check_ids
from components.attention.sentence import CHARACTERS
from components.attention.tap import Attended, Recorder, recording, twin
from components.workshop import FORWARD, check_text

Floats = NDArray[np.float32]

#: The most tokens that are written, and the default.
MOST_WRITTEN = 256
WRITTEN = 64


@dataclass(frozen=True)
class Source:
    """A text as an encoder-decoder reads it.

    Attributes:
        ids: [token], with the special tokens that the model's tokenizer adds (T5: the end).
        pieces: each token's own stretch of the text as it was typed; the name of a token that stands for no text.
        spans: where each stretch lies in the text, in characters; (0, 0) for a token that stands for no text.
        known: False where the vocabulary lacks the word, so that the model sees only "unknown".
    """

    ids: NDArray[np.int64]
    pieces: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    known: tuple[bool, ...]


@dataclass(frozen=True)
class Seq2SeqCapture:
    """What attention did while one text was read and another written.

    In each `LayerCapture`, a cell can be recomputed: score = query . key * scale + bias, and weights are the softmax of
    a row of scores over the keys that its mask shows.

    Attributes:
        source_ids: [source].
        source_pieces: [source], each token's name in the vocabulary; () for a model without a tokenizer.
        target_ids: [target], what is written: the tokens chosen greedily (with the end, where it came) or those given.
        target_pieces: as `source_pieces`.
        decoder_ids: [target], what the decoder reads: the start token, then all but the last of `target_ids`.
        decoder_pieces: as `source_pieces`.
        encoder: a layer each; weights [head, source, source].
        decoder: a layer each; weights [head, target, target], causal; the keys are `decoder_ids`.
        cross: a layer each; weights [head, target, source]; row t is the choice of `target_ids[t]`.
        logits: [target, vocabulary], from which token t of the target is chosen.
    """

    source_ids: NDArray[np.int64]
    source_pieces: tuple[str, ...]
    target_ids: NDArray[np.int64]
    target_pieces: tuple[str, ...]
    decoder_ids: NDArray[np.int64]
    decoder_pieces: tuple[str, ...]
    encoder: tuple[LayerCapture, ...]
    decoder: tuple[LayerCapture, ...]
    cross: tuple[LayerCapture, ...]
    logits: Floats


class _KeepKinds(Recorder):
    """A recorder that tells the three kinds apart by stack, and by where keys and values come from."""

    def __init__(self) -> None:
        self.encoder: list[LayerCapture] = []
        self.decoder: list[LayerCapture] = []
        self.cross: list[LayerCapture] = []

    def attention(self, told: Attended) -> None:
        if told.stack == 0:
            kind = self.encoder
        elif told.call.get("key_value_states") is not None or told.call.get("encoder_hidden_states") is not None:
            kind = self.cross
        else:
            kind = self.decoder
        kind.append(layer_capture(told))


def read_source(model: Any, text: str) -> Source:
    """A text as this model reads it, with the special tokens that its tokenizer adds.

    Args:
        model: what `open_model` returns for an encoder-decoder.
        text: what a reader typed.

    Raises:
        ValueError: the text is empty, broken or far too long, or the model's tokenizer is of another library.
    """
    check_text(text)
    if len(text) > CHARACTERS:
        raise ValueError(f"This text has {len(text):,} characters, more than can be drawn; choose a sentence of it.")
    opened: Any = getattr(model, "tokenizer", None)
    if getattr(opened, "kind", "") != "tokenizers":
        raise ValueError("This model has no tokenizer that tells where its tokens stand; pass what open_model returns.")
    tokenizer = opened.library_object
    coded = tokenizer.encode(text, add_special_tokens=True)
    unknown = getattr(tokenizer.model, "unk_token", None)
    spans = tuple((int(start), int(end)) for start, end in coded.offsets)
    pieces = tuple(text[start:end] or token for token, (start, end) in zip(coded.tokens, spans, strict=True))
    return Source(_fixed(np.array(coded.ids, dtype=np.int64)), pieces, spans,
                  tuple(token != unknown for token in coded.tokens))


def capture_seq2seq(
    model: Any,
    source_ids: Sequence[int] | NDArray[np.integer[Any]],
    target_ids: Sequence[int] | NDArray[np.integer[Any]] | None = None,
    max_new_tokens: int = WRITTEN,
) -> Seq2SeqCapture:
    """Let an encoder-decoder write, or take a given target, and keep what all its attention did in one forward pass.

    Args:
        model: what `components.models.open.open_model` returns, or a transformers encoder-decoder.
        source_ids: [source], with the end token where the model expects one (`read_source` gives them).
        target_ids: [target], without the start token; None lets the model write greedily until its end token.
        max_new_tokens: how many tokens it writes at most, 1 to 256; not used where a target is given.

    Returns:
        a frozen `Seq2SeqCapture`. Its weights equal those of the library's eager attention with
        `output_attentions=True` for the same source and decoder ids.

    Raises:
        ValueError: the model is no encoder-decoder, or ids are none, too many or of another vocabulary, or its
            attention cannot be read or is no number.

    Source: AttentionInterface of the transformers library (5.23); see `tap.py`. The model itself is left as it is, and
    any number of threads may capture from it at a time.
    """
    import torch

    library = library_model(model)
    if not getattr(library.config, "is_encoder_decoder", False):
        raise ValueError(f"{type(library).__name__} has no encoder and decoder; choose a model that has both.")
    if not 1 <= max_new_tokens <= MOST_WRITTEN:
        raise ValueError(f"max_new_tokens is {max_new_tokens}; choose from 1 to {MOST_WRITTEN}.")
    source = check_ids(source_ids, library.config)
    given = None if target_ids is None else check_ids(target_ids, library.config)
    tapped = twin(library)
    device = next(tapped.parameters()).device
    batch = torch.from_numpy(source)[None].to(device)
    recorder = _KeepKinds()
    with FORWARD, torch.inference_mode():
        target = _written(tapped, batch, max_new_tokens) if given is None else given
        read = np.concatenate([[_start(library)], target[:-1]]).astype(np.int64)
        # One pass over everything: in a loop, each step would see only its own row.
        with recording(recorder):
            output = tapped(input_ids=batch, attention_mask=torch.ones_like(batch), use_cache=False,
                            decoder_input_ids=torch.from_numpy(read)[None].to(device))
    kinds = (recorder.encoder, recorder.decoder, recorder.cross)
    if not all(kinds):
        raise ValueError(f"{type(library).__name__} did not show all of its attention; choose another model.")
    for kind in kinds:
        for number, layer in enumerate(kind):
            check_finite(layer.weights, number)
    return Seq2SeqCapture(
        source_ids=_fixed(source), source_pieces=_names(model, source),
        target_ids=_fixed(target), target_pieces=_names(model, target),
        decoder_ids=_fixed(read), decoder_pieces=_names(model, read),
        encoder=tuple(recorder.encoder), decoder=tuple(recorder.decoder), cross=tuple(recorder.cross),
        logits=frozen(output.logits),
    )


def _start(library: Any) -> int:
    """The token that a decoder begins with."""
    for settings in (getattr(library, "generation_config", None), library.config):
        start = getattr(settings, "decoder_start_token_id", None)
        if start is not None:
            return int(start)
    raise ValueError(f"{type(library).__name__} does not say how its decoder begins; choose another model.")


def _ends(library: Any) -> set[int]:
    """The tokens that end what is written."""
    for settings in (getattr(library, "generation_config", None), library.config):
        end = getattr(settings, "eos_token_id", None)
        if end is not None:
            return {int(one) for one in (end if isinstance(end, list | tuple) else [end])}
    return set()


def _written(tapped: Any, batch: Any, most: int) -> NDArray[np.int64]:
    """What the model writes greedily. The twin without a recorder computes what the model itself does."""
    import torch

    mask, ends = torch.ones_like(batch), _ends(tapped)
    read = batch.new_full((1, 1), _start(tapped))
    encoded = tapped.get_encoder()(input_ids=batch, attention_mask=mask)
    while read.shape[1] <= most:
        output = tapped(encoder_outputs=encoded, attention_mask=mask, decoder_input_ids=read, use_cache=False)
        chosen = output.logits[:, -1:].argmax(-1)
        read = torch.cat([read, chosen], dim=1)
        if int(chosen) in ends:
            break
    written: NDArray[np.int64] = read[0, 1:].cpu().numpy().astype(np.int64)
    return written


def _names(model: Any, ids: NDArray[np.int64]) -> tuple[str, ...]:
    """Each token's name in the vocabulary, where the model came with a tokenizer."""
    opened: Any = getattr(model, "tokenizer", None)
    if getattr(opened, "kind", "") != "tokenizers":
        return ()
    return tuple(opened.library_object.id_to_token(int(one)) or f"id {int(one)}" for one in ids)


def _fixed(ids: NDArray[np.int64]) -> NDArray[np.int64]:
    ids.setflags(write=False)
    return ids
