"""`config.json` -> `Shape`, one small reader for each family of models. What a family does is read off the library."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from components.attention.shapes import Shape, checked_shape, number

Config = Mapping[str, Any]


def _common(config: Config) -> dict[str, Any]:
    """The numbers that most configurations name alike."""
    heads, width = number(config, "num_attention_heads"), number(config, "hidden_size")
    return {
        "layers": number(config, "num_hidden_layers"),
        "heads": heads,
        "kv_heads": number(config, "num_key_value_heads", default=heads),
        "head_dim": number(config, "head_dim", default=width // max(1, heads)),
        "width": width,
        "inner": number(config, "intermediate_size"),
        "vocabulary": number(config, "vocab_size"),
        "context": number(config, "max_position_embeddings", default=512),
    }


def _flag(config: Config, name: str, default: bool) -> bool:
    value = config.get(name)
    return default if value is None else bool(value)


def _windows(config: Config, default_on: bool) -> dict[str, Any]:
    window = config.get("sliding_window")
    layers = number(config, "num_hidden_layers")
    if not isinstance(window, int) or not _flag(config, "use_sliding_window", default_on):
        return {}
    kinds = config.get("layer_types")
    windowed = sum(kind == "sliding_attention" for kind in kinds) if isinstance(kinds, list) else layers
    return {"window": window, "windowed": windowed} if windowed else {}


def _llama(config: Config) -> Shape:
    bias = _flag(config, "attention_bias", False)
    return Shape(
        **_common(config),
        tied=_flag(config, "tie_word_embeddings", False),
        qkv_bias=bias,
        output_bias=bias,
        inner_bias=_flag(config, "mlp_bias", False),
    )


def _mistral(config: Config) -> Shape:
    return Shape(
        **_common(config), tied=_flag(config, "tie_word_embeddings", False), **_windows(config, default_on=True)
    )


def _qwen2(config: Config) -> Shape:
    return Shape(
        **_common(config),
        tied=_flag(config, "tie_word_embeddings", False),
        qkv_bias=True,
        **_windows(config, default_on=False),
    )


def _qwen3(config: Config) -> Shape:
    bias = _flag(config, "attention_bias", False)
    numbers = {**_common(config), "head_dim": number(config, "head_dim", default=128)}
    return Shape(
        **numbers,
        tied=_flag(config, "tie_word_embeddings", False),
        qkv_bias=bias,
        output_bias=bias,
        head_norms=2,
        **_windows(config, default_on=False),
    )


def _gemma(config: Config) -> Shape:
    bias = _flag(config, "attention_bias", False)
    numbers = {**_common(config), "head_dim": number(config, "head_dim", default=256)}
    return Shape(**numbers, tied=_flag(config, "tie_word_embeddings", True), qkv_bias=bias, output_bias=bias)


def _gpt2(config: Config) -> Shape:
    width, heads = number(config, "n_embd", "hidden_size"), number(config, "n_head", "num_attention_heads")
    context = number(config, "n_positions", "max_position_embeddings")
    return Shape(
        layers=number(config, "n_layer", "num_hidden_layers"),
        heads=heads,
        kv_heads=heads,
        head_dim=width // max(1, heads),
        width=width,
        inner=number(config, "n_inner", default=4 * width),
        vocabulary=number(config, "vocab_size"),
        context=context,
        tied=_flag(config, "tie_word_embeddings", True),
        gated=False,
        qkv_bias=True,
        output_bias=True,
        inner_bias=True,
        norm_numbers=2,
        positions=context,
    )


def _gpt_neox(config: Config) -> Shape:
    bias = _flag(config, "attention_bias", True)
    return Shape(
        **_common(config),
        tied=_flag(config, "tie_word_embeddings", False),
        gated=False,
        qkv_bias=bias,
        output_bias=bias,
        inner_bias=True,
        norm_numbers=2,
    )


def _bert(config: Config) -> Shape:
    numbers = _common(config)
    width = numbers["width"]
    masked = str((config.get("architectures") or [""])[0]).endswith(("ForMaskedLM", "ForPreTraining"))
    transform = width * width + width + 2 * width
    return Shape(
        **numbers,
        tied=True,
        has_head=masked,
        gated=False,
        qkv_bias=True,
        output_bias=True,
        inner_bias=True,
        head_bias=masked,
        norm_numbers=2,
        positions=numbers["context"],
        kinds=number(config, "type_vocab_size", default=2),
        # BertForMaskedLM has a transform and no pooler, BertModel a pooler and no head.
        extra_head=transform if masked else width * width + width,
        decoder=False,
    )


def _modernbert(config: Config) -> Shape:
    numbers = _common(config)
    width = numbers["width"]
    masked = str((config.get("architectures") or [""])[0]).endswith("ForMaskedLM")
    bias = _flag(config, "attention_bias", False)
    norm = 2 if _flag(config, "norm_bias", False) else 1
    every, kinds = number(config, "global_attn_every_n_layers", default=3), config.get("layer_types")
    local = [kind == "sliding_attention" for kind in kinds] if isinstance(kinds, list) else [
        bool(layer % every) for layer in range(numbers["layers"])
    ]
    transform = width * width + int(_flag(config, "classifier_bias", False)) * width + norm * width
    return Shape(
        **{**numbers, "kv_heads": numbers["heads"]},
        tied=_flag(config, "tie_word_embeddings", True),
        has_head=masked,
        qkv_bias=bias,
        output_bias=bias,
        inner_bias=_flag(config, "mlp_bias", False),
        head_bias=masked and _flag(config, "decoder_bias", True),
        norm_numbers=norm,
        outer_norms=2,  # after the embedding, and at the end
        missing_norms=1,  # the first layer takes the embedding's
        extra_head=transform if masked else 0,
        window=number(config, "local_attention", default=128),
        windowed=sum(local),
        decoder=False,
    )


def _t5(config: Config) -> Shape:
    layers, heads = number(config, "num_layers"), number(config, "num_heads")
    decoder = number(config, "num_decoder_layers", default=layers)
    kind = str(config.get("feed_forward_proj") or "relu")
    # Norms: two in an encoder's block, three in a decoder's; two at the ends. `norms` counts two for every block.
    return Shape(
        layers=decoder,
        heads=heads,
        kv_heads=heads,
        head_dim=number(config, "d_kv"),
        width=number(config, "d_model"),
        inner=number(config, "d_ff"),
        vocabulary=number(config, "vocab_size"),
        context=number(config, "n_positions", default=512),
        tied=_flag(config, "tie_word_embeddings", True),
        gated=kind.startswith("gated"),
        outer_norms=2 + decoder,
        position_biases=2 * heads * number(config, "relative_attention_num_buckets", default=32),
        encoder_layers=layers,
    )


FAMILIES: dict[str, Callable[[Config], Shape]] = {
    "llama": _llama, "mistral": _mistral, "qwen2": _qwen2, "qwen3": _qwen3, "gemma": _gemma, "gpt2": _gpt2,
    "gpt_neox": _gpt_neox, "bert": _bert, "modernbert": _modernbert, "t5": _t5,
}


def shape_of(config: Config) -> Shape:
    """The shape that a `config.json` describes.

    Raises:
        ValueError: its family is none of `FAMILIES`, a number is missing, or one cannot be.
    """
    family = str(config.get("model_type"))
    reader = FAMILIES.get(family)
    if reader is None:
        raise ValueError(
            f"The arithmetic of the family {family[:40]!r} is not known here; choose another model, or enter its "
            "numbers yourself."
        )
    return checked_shape(reader(config))
