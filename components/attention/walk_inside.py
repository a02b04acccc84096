"""The stations of the chosen block's attention: norm, q k v, rotary, scores to weighted sum, heads joined, added."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from components.attention.capture import LayerCapture
from components.attention.walk_parts import Doubles, Inside, doubles, is_norm, linear, normalise, projected, rotate
from components.attention.walk_station import Check, Station, compare, single, spread
from components.attention.walk_stream import added

if TYPE_CHECKING:
    import torch

# Values shown one by one: the largest, down to this share.
TOP_VALUES, LEAST_SHARE = 4, 0.002


def attention_stations(
    inside: Inside, seen: LayerCapture, given: torch.Tensor, at: int, head: int, config: Any
) -> list[Station]:
    """From the stream that enters the block to what the joined heads add, for the token at `at` and one head."""
    kv_head = head // (seen.query.shape[0] // seen.key.shape[0])
    entered = doubles(inside.attends()[0].given[at])
    made = [
        _norm(inside, given, at),
        _qkv(inside, seen, entered, at, head, kv_head),
    ]
    if seen.query_before is not None and seen.key_before is not None:
        made.append(_rotary(inside, seen, at, head, kv_head, config))
    made += _scores(seen, at, head, kv_head)
    made += [_weighted(seen, at, head, kv_head), _joined(inside, seen, at, head), added(inside, given, at)]
    return made


def _norm(inside: Inside, given: torch.Tensor, at: int) -> Station:
    """`before` [width], `after` [width]."""
    before, entered = doubles(given[at]), inside.attends()[0].given
    call = inside.norm_into(entered)
    if call is None:
        return Station("norm", "none", {"before": single(before)}, spread(before))
    form = "rms" if "RMS" in type(call.module).__name__ else "layer"
    after = normalise(call.module, before)
    return Station(
        "norm", form, {"before": single(before), "after": single(doubles(entered[at]))},
        {**spread(before), **{f"{name}_after": value for name, value in spread(doubles(entered[at])).items()}},
        compare(after, doubles(entered[at])),
    )


def _qkv(inside: Inside, seen: LayerCapture, entered: Doubles, at: int, head: int, kv_head: int) -> Station:
    """`given` [width], `q`, `k`, `v` [dim] of this token, before rotary positions."""
    heads, kv_heads, dim = seen.query.shape[0], seen.key.shape[0], seen.query.shape[2]
    query = seen.query if seen.query_before is None else seen.query_before
    key = seen.key if seen.key_before is None else seen.key_before
    model = query[head, at], key[kv_head, at], seen.value[kv_head, at]
    worked = projected(inside, entered, heads, kv_heads, dim)
    check: Check | None = None
    if worked is not None:
        ours = np.concatenate([worked[0][head], worked[1][kv_head], worked[2][kv_head]])
        check = compare(ours, np.concatenate(model))
    group = heads // kv_heads
    normed = is_norm(getattr(inside.told.module, "q_norm", None))
    return Station(
        "qkv", "normed" if normed else "plain",
        {"given": single(entered), "q": single(model[0]), "k": single(model[1]), "v": single(model[2])},
        {"heads": heads, "kv_heads": kv_heads, "dim": dim, "head": head, "kv_head": kv_head, "width": entered.size,
         "group": group, "from": kv_head * group, "to": kv_head * group + group - 1, "tokens": query.shape[1]},
        check,
    )


def _rotary(inside: Inside, seen: LayerCapture, at: int, head: int, kv_head: int, config: Any) -> Station:
    """`q`, `q_turned`, `k`, `k_turned` [dim]; `angles` [pair] in radians, `speeds` [pair] in radians a token."""
    assert seen.query_before is not None
    assert seen.key_before is not None
    cos, sin = (doubles(one)[0] for one in inside.told.call["position_embeddings"])
    pairs = cos.shape[-1] // 2
    if pairs == 0 or np.abs(cos[:, :pairs] - cos[:, pairs : 2 * pairs]).max() > 1e-6:
        pairs = cos.shape[-1]  # GPT-OSS keeps each angle once, the others twice
    stretch = float(np.hypot(cos[0, 0], sin[0, 0]))
    base = _base(config)
    speeds = None if base is None else base ** (-np.arange(pairs) / pairs)
    turn = np.arange(len(cos))[:, None] * (np.zeros(pairs) if speeds is None else speeds)
    near = np.abs(np.cos(turn) * stretch - cos[:, :pairs]) + np.abs(np.sin(turn) * stretch - sin[:, :pairs])
    formula = speeds is not None and near.max() < 1e-4
    if not formula or speeds is None:
        # Stretched positions, or another base in this layer: read the turn from the model itself.
        speeds = np.arctan2(sin[min(1, len(sin) - 1), :pairs], cos[min(1, len(cos) - 1), :pairs])
        angles = np.arctan2(sin[at, :pairs], cos[at, :pairs])
    else:
        angles = at * speeds
    before = np.stack([seen.query_before[head, at], seen.key_before[kv_head, at]]).astype(np.float64)
    after = np.stack([seen.query[head, at], seen.key[kv_head, at]])
    return Station(
        "rotary", "all" if 2 * pairs == before.shape[1] else "part",
        {"q": single(before[0]), "q_turned": single(after[0]), "k": single(before[1]), "k_turned": single(after[1]),
         "angles": single(angles), "speeds": single(speeds)},
        {"position": at, "pairs": int(pairs), "dim": int(before.shape[1]), "base": base if formula else None},
        compare(rotate(before, angles, stretch), after),
    )


def _base(config: Any) -> float | None:
    """The base of the rotary speeds, where the configuration names one for all layers."""
    parameters = getattr(config, "rope_parameters", None) or {}
    base = parameters.get("rope_theta") if isinstance(parameters, dict) else None
    base = getattr(config, "rope_theta", None) if base is None else base
    return float(base) if isinstance(base, (int, float)) else None


def _scores(seen: LayerCapture, at: int, head: int, kv_head: int) -> list[Station]:
    """`dots`, `scaled`, `masked` (what may not be seen is NaN), `weights`, each [key]; `spans` [query, 2], the first
    and the last key that each query sees."""
    query = seen.query[head, at].astype(np.float64)
    keys = seen.key[kv_head].astype(np.float64)
    dots = keys @ query
    scaled = dots * seen.scale
    if seen.softcap is not None:
        scaled = seen.softcap * np.tanh(scaled / seen.softcap)
    if seen.bias is not None:
        scaled = scaled + seen.bias[head, at]
    row = seen.mask[at]
    masked = np.where(row, scaled, np.nan)
    sink = None if seen.sinks is None else float(seen.sinks[head])
    shown = np.where(row, scaled, -np.inf)
    top = max(float(shown.max()), -np.inf if sink is None else sink)
    powers = np.exp(shown - top)
    weights = powers / (powers.sum() + (0.0 if sink is None else np.exp(sink - top)))
    model = seen.weights[head, at]
    tokens = int(row.size)
    dim = int(query.size)
    peak = int(np.argmax(model))
    causal = not np.triu(seen.mask, 1).any()
    windowed = bool((~seen.mask & (np.tri(tokens, dtype=bool) if causal else np.ones_like(seen.mask))).any())
    spans = np.stack([seen.mask.argmax(1), tokens - 1 - seen.mask[:, ::-1].argmax(1)], axis=1).astype(np.int32)
    common = {"tokens": tokens, "dim": dim, "position": at}
    form = "softcap" if seen.softcap is not None else "bias" if seen.bias is not None else "plain"
    best = int(np.argmax(dots))
    return [
        Station("scores", "plain",
                {"dots": single(dots), "q": single(query), "key": single(keys[best])},
                {**common, "best": best, "most": float(dots[best])}),
        Station("scale", form, {"dots": single(dots), "scaled": single(scaled)},
                {**common, "scale": seen.scale, "softcap": seen.softcap, "best": best, "most": float(dots[best]),
                 "most_scaled": float(scaled[best]), "spread": float(dots.std()),
                 "spread_scaled": float(scaled.std())}),
        Station("mask", ("window" if windowed else "triangle") if causal else ("band" if windowed else "full"),
                {"masked": single(masked), "spans": spans},
                {**common, "seen": int(row.sum()), "hidden": int(tokens - row.sum()), "window": seen.window}),
        Station("softmax", "plain" if sink is None else "sink", {"masked": single(masked), "weights": single(model)},
                {**common, "peak": peak, "most": float(model[peak]), "sink": sink, "rest": float(1 - model.sum()),
                 "score": float(scaled[peak])},
                compare(weights, model)),
    ]


def _weighted(seen: LayerCapture, at: int, head: int, kv_head: int) -> Station:
    """`keys` [top], `shares` [top], `parts` [top, dim], `rest` [dim], `sum` [dim]."""
    weights = seen.weights[head, at].astype(np.float64)
    values = seen.value[kv_head].astype(np.float64)
    top = np.argsort(-weights, kind="stable")[:TOP_VALUES]
    top = top[: max(1, int((weights[top] >= LEAST_SHARE).sum()))]
    parts = weights[top, None] * values[top]
    whole = weights @ values
    model = seen.output[at, head]
    return Station(
        "values", "plain",
        {"keys": top.astype(np.int32), "shares": single(weights[top]), "parts": single(parts),
         "rest": single(whole - parts.sum(0)), "sum": single(model)},
        {"others": int(max(0, (weights > 0).sum() - top.size)), "dim": int(whole.size),
         "share_rest": float(weights.sum() - weights[top].sum())},
        compare(whole, model),
    )


def _joined(inside: Inside, seen: LayerCapture, at: int, head: int) -> Station:
    """`heads` [head, dim], `lengths` [head] of what each adds, `own` [width] of the chosen head, `out` [width]."""
    joined = seen.output[at].astype(np.float64)
    heads, dim = joined.shape
    module = inside.projection
    model = doubles(inside.joined().made[at])
    matrix = doubles(module.weight)
    matrix = matrix if type(module).__name__ == "Conv1D" else matrix.T
    pieces = np.stack([joined[one] @ matrix[one * dim : (one + 1) * dim] for one in range(heads)])
    return Station(
        "joined", "plain" if getattr(module, "bias", None) is None else "bias",
        {"heads": single(joined), "lengths": single(np.sqrt((pieces**2).sum(1))), "own": single(pieces[head]),
         "out": single(model)},
        {"head": head, "count": heads, "dim": dim, "joined": heads * dim, "width": int(model.size)},
        compare(linear(module, joined.reshape(-1)), model),
    )
