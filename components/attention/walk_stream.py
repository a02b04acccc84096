"""The residual stream of the chosen block: what attention adds, the feed-forward network, and what leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from components.attention.walk_parts import Call, Doubles, Inside, doubles, feed_forward, normalise
from components.attention.walk_station import Station, compare, single

if TYPE_CHECKING:
    import torch


def added(inside: Inside, given: torch.Tensor, at: int) -> Station:
    """`stream`, `adds`, `sum` [width]: the stream, what attention adds, and both."""
    stream, call = doubles(given[at]), inside.joined()
    adds, extra = doubles(call.made[at]), inside.norm_of(call.made)
    if extra is not None:  # Gemma norms what attention gives before it is added
        adds = normalise(extra.module, adds)
    whole = stream + adds
    after = _reading(inside, whole, at)
    arrays = {"stream": single(stream), "adds": single(adds), "sum": single(whole)}
    facts = {"width": int(stream.size), "stream_length": _length(stream), "adds_length": _length(adds),
             "sum_length": _length(whole)}
    if after is None:
        return Station("added", "beside" if _beside(inside, given) else "plain", arrays, facts)
    check = compare(whole, doubles(after.given[at]))
    if _post(inside, after, at):
        arrays["normed"] = single(doubles(after.made[at]))
        return Station("added", "normed", arrays, facts,
                       compare(normalise(after.module, whole), doubles(after.made[at])))
    return Station("added", "scaled" if extra is not None else "plain", arrays, facts, check)


def _reading(inside: Inside, stream: Doubles, at: int) -> Call | None:
    """The norm that was given this stream: the nearest one, since a few huge numbers in a stream hide small steps."""

    def far(one: Call) -> float:
        return float(np.abs(doubles(one.given[at]) - stream).max())

    found = [one for one in inside.norms() if one.given.shape[-1] == stream.size]
    nearest = min(found, key=far, default=None)
    return nearest if nearest is not None and far(nearest) <= 1e-4 * max(1e-6, np.abs(stream).max()) else None


def _close(one: NDArray[Any], other: NDArray[Any]) -> bool:
    return one.shape == other.shape and bool(np.abs(one - other).max() <= 1e-4 * max(1e-6, np.abs(other).max()))


def _length(vector: Doubles) -> float:
    return float(np.sqrt((vector**2).sum()))


def _beside(inside: Inside, given: torch.Tensor) -> bool:
    """Whether the feed-forward network reads the stream as it entered the block, beside the attention."""
    return sum(1 for one in inside.norms() if one.given.shape == given.shape and bool((one.given == given).all())) > 1


def _post(inside: Inside, norm: Call, at: int) -> bool:
    """Whether the stream goes on from this norm's output, as in BERT: a later norm is given that output plus more."""
    feeds = inside.feeds()
    if not feeds or not _close(doubles(norm.made[at]), doubles(feeds[0].given[at])):
        return False
    whole = doubles(norm.made[at]) + doubles(feeds[-1].made[at])
    later = _reading(inside, whole, at)
    return later is not None and later is not norm


def feed_stations(
    inside: Inside, given: torch.Tensor, again: torch.Tensor, after: torch.Tensor, at: int
) -> list[Station]:
    """The feed-forward network, and the stream as it leaves the block.

    "feed": `given` [width], `inner` [hidden], `out` [width]. "leaves": `stream`, `adds`, `sum` [width].
    """
    joined = added(inside, given, at)
    fed = feed_forward(inside, at)
    stream = joined.arrays["normed" if joined.form == "normed" else "sum"].astype(np.float64)
    left = doubles(after[at])
    if fed.here is None or fed.model is None:
        adds = left - stream
        feed = Station("feed", "experts", {"out": single(adds)}, {"width": int(left.size)})
        return [feed, Station("leaves", "plain", {"stream": single(stream), "adds": single(adds), "sum": single(left)},
                              {"width": int(left.size), **_lengths(stream, adds, left)},
                              compare(doubles(again[at]), left))]
    norm = inside.norm_into(inside.feeds()[0].given)
    open_share = float((fed.opens > 0).mean())
    strongest = np.argsort(-np.abs(fed.inner), kind="stable")[:3]
    feed = Station(
        "feed", fed.form,
        {"given": single(fed.given), "inner": single(fed.inner), "out": single(fed.model)},
        {"width": int(fed.given.size), "hidden": int(fed.inner.size), "open": open_share,
         "opened": int((fed.opens > 0).sum()), "strongest": [int(one) for one in strongest],
         "norm": None if norm is None or joined.form == "normed" else
         ("rms" if "RMS" in type(norm.module).__name__ else "layer")},
        compare(fed.here, fed.model),
    )
    out_call = inside.feeds()[-1]
    adds, extra = fed.model, inside.norm_of(out_call.made)
    if extra is not None:
        adds = normalise(extra.module, adds)
    whole = stream + adds
    arrays = {"stream": single(stream), "adds": single(adds), "sum": single(whole)}
    form, final = "scaled" if extra is not None else "plain", whole
    last = _reading(inside, whole, at)
    if last is not None and _close(doubles(last.made[at]), left):
        form, final = "normed", normalise(last.module, whole)
        arrays["normed"] = single(left)
    return [feed, Station("leaves", form, arrays, {"width": int(left.size), **_lengths(stream, adds, whole)},
                          compare(final, left))]


def _lengths(stream: Doubles, adds: Doubles, whole: Doubles) -> dict[str, float]:
    return {"stream_length": _length(stream), "adds_length": _length(adds), "sum_length": _length(whole)}
