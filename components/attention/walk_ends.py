"""The first and the last stations of a walk: from an id to a vector, and from a vector to the next token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from components.attention.anatomy import anatomy
from components.attention.walk_parts import doubles, is_norm, normalise
from components.attention.walk_station import Check, Floats, Station, compare, single, spread

if TYPE_CHECKING:
    import torch

_POSITIONS = ("wpe", "position_embeddings", "embed_positions")
_KINDS = ("token_type_embeddings",)
NEIGHBOURS = 24
TOP = 5


def _found(model: Any, names: tuple[str, ...]) -> Any | None:
    """The first embedding table of one of these names outside the blocks."""
    for path, part in model.named_modules():
        if path.split(".")[-1] in names and hasattr(part, "weight"):
            return part
    return None


def start(model: Any, ids: NDArray[np.int64], at: int, first: Floats) -> list[Station]:
    """From the id to the stream before the first block.

    "embedding": `row` [width], `rows` [shown, width]. "position": `token`, `place`, `kind` (BERT), `sum` [width],
    `table` [shown position, width].
    """
    table = model.get_input_embeddings()
    weight = table.weight
    scale = float(getattr(table, "embed_scale", 1.0) or 1.0)
    row = doubles(weight[int(ids[at])]) * scale
    place, kind = _found(model, _POSITIONS), _found(model, _KINDS)
    norm = next((part for path, part in model.named_modules()
                 if "embeddings" in path.split(".") and is_norm(part)), None)
    from_ = max(0, min(at - NEIGHBOURS + 1 + 4, int(ids.size) - NEIGHBOURS))
    rows = np.stack([doubles(weight[int(one)]) * scale for one in ids[from_ : from_ + NEIGHBOURS]])
    facts = {"id": int(ids[at]), "vocabulary": int(weight.shape[0]), "width": int(weight.shape[1]), "from": from_,
             "tokens": int(ids.size), "scale": scale, **spread(row)}
    arrays = {"row": single(row), "rows": single(rows)}
    if place is None:
        form, check = "plain" if scale == 1.0 else "scaled", None
        whole = row if kind is None else row + doubles(kind.weight[0])
        if norm is not None:
            form, whole = "normed", normalise(norm, whole)
            arrays["normed"] = single(first[at])
        check = compare(whole, first[at])
        return [Station("embedding", form, arrays, facts, check)]
    seat = doubles(place.weight[at])
    whole = row + seat
    more = {"token": single(row), "place": single(seat)}
    if kind is not None:
        more["kind"] = single(doubles(kind.weight[0]))
        whole = whole + doubles(kind.weight[0])
    more["sum"] = single(whole)
    form = "learned"
    if norm is not None:
        form, whole = "learned_normed", normalise(norm, whole)
        more["normed"] = single(first[at])
    more["table"] = single(doubles(place.weight[: min(64, place.weight.shape[0])]))
    return [
        Station("embedding", "plain", arrays, facts),
        Station("position", form, more, {"position": at, "places": int(place.weight.shape[0]),
                                         "width": int(weight.shape[1])}, compare(whole, first[at])),
    ]


def ending(
    library: Any, model: Any, stream: Floats, logits: torch.Tensor | None, ids: NDArray[np.int64], at: int, causal: bool
) -> list[Station]:
    """From the last block's output to the likeliest tokens.

    "logits": `before`, `after` [width], `top` [choice], `scores` [choice], `probabilities` [choice].
    """
    import torch

    parts = anatomy(library)
    before = np.asarray(stream, dtype=np.float64)
    after = before if parts.final_norm is None else normalise(parts.final_norm, before)
    arrays: dict[str, NDArray[Any]] = {"before": single(before), "after": single(after)}
    facts: dict[str, Any] = {
        "width": int(before.size), "norm": None if parts.final_norm is None else
        ("rms" if "RMS" in type(parts.final_norm).__name__ else "layer"), **spread(before),
        **{f"{name}_after": value for name, value in spread(after).items()},
    }
    if logits is None or parts.head is None:
        return [Station("logits", "vector", arrays, facts)]
    theirs = logits.double().cpu().numpy()
    plain = not hasattr(library, "cls") and not (hasattr(library, "head") and
                                                 library.head is not library.get_output_embeddings())
    if plain and parts.unembedding is not None:
        # float32, as the model does it: the matrix may have tens of millions of entries.
        ours = (parts.unembedding.float() @ torch.from_numpy(after).float().to(parts.unembedding.device)).double()
        last = library.get_output_embeddings()
        ours = ours if getattr(last, "bias", None) is None else ours + last.bias.double()
    else:
        ours = parts.head(torch.from_numpy(after).float()[None])[0].double()
    if parts.softcap is not None:
        ours = parts.softcap * (ours / parts.softcap).tanh()
    here = ours.cpu().numpy()
    top = np.argsort(-theirs, kind="stable")[:TOP]
    powers = np.exp(theirs - theirs.max())
    arrays |= {"top": top.astype(np.int32), "scores": single(theirs[top]),
               "probabilities": single(powers[top] / powers.sum())}
    facts |= {"vocabulary": int(theirs.size), "tied": bool(
        parts.unembedding is not None and parts.unembedding.data_ptr() == parts.embedding.weight.data_ptr()),
        "largest": float(theirs.max()), "smallest": float(theirs.min())}
    check: Check = compare(here, theirs)
    return [Station("logits", "next" if causal else "masked", arrays, facts, check)]
