"""What a configuration costs: parameters part by part, weights, key-value cache, and attention's growth with length.

Pure arithmetic on the numbers of a `config.json`; no model is opened and no torch is needed. The counts are those of
the transformers library, number for number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

#: Parts of a model, in the order in which a token meets them.
PARTS: tuple[str, ...] = (
    "embedding", "positions", "query", "key", "value", "output", "feed_forward", "norms", "head",
)
#: Bits a weight, by the name people use.
PRECISIONS: dict[str, int] = {"fp32": 32, "bf16": 16, "int8": 8, "4-bit": 4}
#: No knob goes beyond these, so that a forged link costs nothing.
MOST = {
    "layers": 1_000, "heads": 1_000, "kv_heads": 1_000, "head_dim": 4_096, "width": 200_000, "inner": 2_000_000,
    "vocabulary": 2_000_000, "context": 100_000_000,
}


@dataclass(frozen=True)
class Shape:
    """A transformer as numbers.

    Attributes:
        layers: blocks; of the decoder where there is an encoder too.
        heads: query heads a layer.
        kv_heads: key-value heads a layer; as many as heads in multi-head, 1 in multi-query attention.
        head_dim: numbers in one head's query, key or value.
        width: numbers in a token's vector.
        inner: numbers in the middle of the feed-forward network.
        vocabulary: tokens known.
        context: most tokens that can be read at once, as the configuration says.
        tied: whether the head that predicts is the embedding itself.
        has_head: whether there is a head over the vocabulary at all.
        gated: whether the feed-forward network has three matrices (gate, up, down) or two.
        qkv_bias, output_bias, inner_bias, head_bias: whether these have a bias.
        norm_numbers: numbers a norm holds for each dimension: 1 (RMSNorm, LayerNorm without bias) or 2 (LayerNorm).
        norms: norms a layer, over the width.
        head_norms: norms a layer over `head_dim` (queries and keys apart).
        outer_norms: norms outside the layers.
        missing_norms: norms that the layers lack in sum (ModernBERT's first layer has one less).
        positions: rows of a learned position table, 0 with rotary or relative positions.
        kinds: rows of a table of token types.
        position_biases: numbers of relative position biases.
        extra_head: further numbers in the head: the transform of a masked-language model, or a pooler.
        window: tokens that a windowed layer sees, or None.
        windowed: how many layers have that window.
        encoder_layers: blocks of an encoder in front; the decoder then has cross-attention too.
    """

    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    width: int
    inner: int
    vocabulary: int
    context: int
    tied: bool = True
    has_head: bool = True
    gated: bool = True
    qkv_bias: bool = False
    output_bias: bool = False
    inner_bias: bool = False
    head_bias: bool = False
    norm_numbers: int = 1
    norms: int = 2
    head_norms: int = 0
    outer_norms: int = 1
    missing_norms: int = 0
    positions: int = 0
    kinds: int = 0
    position_biases: int = 0
    extra_head: int = 0
    window: int | None = None
    windowed: int = 0
    encoder_layers: int = 0
    decoder: bool = True

    def with_kv_heads(self, count: int) -> Shape:
        """The same model as if it had `count` key-value heads."""
        return checked_shape(replace(self, kv_heads=count))


def checked_shape(shape: Shape) -> Shape:
    """The shape, or a ValueError that says which number cannot be."""
    for field in fields(shape):
        value = getattr(shape, field.name)
        if field.name not in MOST:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MOST[field.name]:
            raise ValueError(f"{field.name} is {value!r}; it has to be a whole number from 1 to {MOST[field.name]:,}.")
    if shape.kv_heads > shape.heads or shape.heads % shape.kv_heads:
        raise ValueError(
            f"{shape.heads} query heads cannot share {shape.kv_heads} key-value heads in equal groups; "
            f"choose a number that divides {shape.heads}."
        )
    return shape


def parameters(shape: Shape) -> dict[str, int]:
    """How many numbers each part of `PARTS` holds; tied ones are counted once, with the embedding.

    Query, key, value and output each have one matrix a layer: width x heads x head_dim for query and output, width x
    kv_heads x head_dim for key and value. A decoder behind an encoder has them twice (self- and cross-attention).
    """
    blocks = shape.layers + shape.encoder_layers
    attentions = blocks + (shape.layers if shape.encoder_layers else 0)
    queries, keys = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    bias = int(shape.qkv_bias)
    up = 2 if shape.gated else 1
    inner = (up + 1) * shape.width * shape.inner + int(shape.inner_bias) * (up * shape.inner + shape.width)
    norms = shape.norms * blocks + shape.outer_norms - shape.missing_norms
    head = 0
    if shape.has_head:
        head = (0 if shape.tied else shape.vocabulary * shape.width) + int(shape.head_bias) * shape.vocabulary
    return {
        "embedding": shape.vocabulary * shape.width,
        "positions": (shape.positions + shape.kinds) * shape.width + shape.position_biases,
        "query": attentions * queries * (shape.width + bias),
        "key": attentions * keys * (shape.width + bias),
        "value": attentions * keys * (shape.width + bias),
        "output": attentions * (queries * shape.width + int(shape.output_bias) * shape.width),
        "feed_forward": blocks * inner,
        "norms": norms * shape.norm_numbers * shape.width + shape.head_norms * shape.layers * shape.head_dim,
        "head": head + shape.extra_head,
    }


def total_parameters(shape: Shape) -> int:
    """All parameters."""
    return sum(parameters(shape).values())


def weight_bytes(count: int, bits: int) -> int:
    """Bytes of `count` weights of `bits` each. Real 4-bit files hold scales too and come to about 4.5 bits."""
    return count * bits // 8


def cached_tokens(shape: Shape, tokens: int) -> int:
    """Tokens whose keys and values all layers together keep: all of them, or a windowed layer's window."""
    kept = min(tokens, shape.window) if shape.window else tokens
    return (shape.layers - shape.windowed) * tokens + shape.windowed * kept


def cache_bytes(shape: Shape, tokens: int, bits: int = 16) -> int:
    """Bytes of the key-value cache of one text: 2 x layers x tokens x kv_heads x head_dim numbers.

    Of a decoder's own tokens; an encoder-decoder's cache of the source comes on top. An encoder keeps none: 0.
    """
    if not shape.decoder:
        return 0
    return 2 * cached_tokens(shape, tokens) * shape.kv_heads * shape.head_dim * bits // 8


@dataclass(frozen=True)
class Growth:
    """What one forward pass over a text takes. Counts, not bytes, unless said.

    Attributes:
        scores: attention scores of all heads and layers, heads x tokens x tokens a layer (masked ones included).
        score_bytes: of one layer's scores in bf16, which a plain implementation holds at a time.
        attention: multiply-adds with them: queries times keys, and weights times values.
        matrices: multiply-adds of the tokens with the weight matrices; the head counts, table look-ups do not.
    """

    scores: int
    score_bytes: int
    attention: int
    matrices: int


def growth(shape: Shape, tokens: int) -> Growth:
    """What a text of `tokens` takes in the blocks (of the decoder where there are two stacks)."""
    cells = shape.heads * tokens * tokens
    part = parameters(replace(shape, encoder_layers=0))
    inside = sum(part[name] for name in ("query", "key", "value", "output", "feed_forward"))
    head = shape.vocabulary * shape.width if shape.has_head else 0
    return Growth(
        scores=shape.layers * cells,
        score_bytes=2 * cells,
        attention=2 * shape.layers * cells * shape.head_dim,
        matrices=tokens * (inside + head),
    )


def crossing(shape: Shape) -> int:
    """The length from which attention's multiply-adds outnumber those of the weight matrices."""
    one = growth(shape, 1)
    return -(-one.matrices // one.attention)


def number(config: Mapping[str, Any], *names: str, default: int | None = None) -> int:
    """The first of these names that a configuration has, as a whole number.

    Raises ValueError where there is none and no default.
    """
    for name in names:
        value = config.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    if default is not None:
        return default
    raise ValueError(f"This configuration has no {names[0]}; choose another model, or enter the numbers yourself.")
