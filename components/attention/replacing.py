"""What a text's loss becomes when weight matrices are replaced by their approximations.

The model that a page shares is never touched. Each call works on a copy of its module tree in which the replaced
matrices are its own and every other parameter is the very same tensor, so any number of readers may try different
matrices at once. (`torch.func.functional_call` would swap the shared module's parameters while it runs.)
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from components.attention.capture import library_model
from components.attention.limits import check_ids
from components.attention.lowrank import SEED, Matrix, ranks_of, svd_of, weight_of
from components.workshop import FORWARD

if TYPE_CHECKING:
    import torch

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class LossCurve:
    """What the model makes of the text when matrices are replaced.

    Attributes:
        measure: "loss" (nats a token, of a decoder) or "moved" (an encoder: 1 - cosine between a token's last vector
            with and without the replacement, the mean over tokens).
        whole: the unmodified model's.
        ranks: the ranks that were tried, smallest first; the last is the full one.
        best: float32 [rank], with the best approximation at each of the ranks.
        error: float32 [rank], standard error of `best` less `whole`, token against token.
        other: float32 [rank], with as many of the same matrices' directions drawn by lot: the control.
        tokens: how many tokens are predicted (or moved).
    """

    measure: str
    whole: float
    ranks: tuple[int, ...]
    best: Floats
    error: Floats
    other: Floats
    tokens: int


def copy_with(library: Any, names: Iterable[str]) -> tuple[Any, dict[str, Any]]:
    """A module tree of its own in which the named parameters alone are new tensors, and those by name.

    Every place that shares one of them (a tied head) gets the new one; all other parameters are the same tensors.
    """
    import torch

    # Seeding the memo makes deepcopy reuse every parameter, so the copy costs these matrices and a module tree.
    memo: dict[int, Any] = {id(parameter): parameter for parameter in library.parameters()}
    own: dict[str, Any] = {}
    for name in names:
        original = library.get_parameter(name)
        own[name] = memo[id(original)] = torch.nn.Parameter(original.detach().clone(), requires_grad=False)
    made = copy.deepcopy(library, memo)
    made.eval()
    return made, own


def predicts(library: Any) -> bool:
    """True for a model that predicts the next token, so that it has a loss on any text."""
    return type(library).__name__.endswith(("ForCausalLM", "LMHeadModel"))


def _state(library: Any, ids: torch.Tensor, causal: bool) -> torch.Tensor:
    """[token, vocabulary] logits of a decoder, [token, width] last vectors of an encoder."""
    mask = ids.new_ones(ids.shape)
    if causal:
        logits: torch.Tensor = library(input_ids=ids, attention_mask=mask, use_cache=False).logits[0]
        return logits.float()
    last: torch.Tensor = library(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states[-1][0]
    return last.float()


def loss_curve(
    model: Any,
    chosen: Sequence[Matrix],
    ids: Sequence[int] | NDArray[np.integer[Any]],
    *,
    report: Callable[[float, str], None] = lambda fraction, stage: None,
    check: Callable[[], None] = lambda: None,
) -> LossCurve:
    """The loss on a text with matrices replaced by their approximation at each of `ranks_of`, and the control.

    Args:
        model: what `open_model` returns, or a transformers decoder or encoder.
        chosen: one or more of `matrices(model)`, of one rank: all are replaced at once.
        ids: the token ids of the text, [token], at least two (three for a spread).
        report: told how far it is (0 to 1) before each step.
        check: called before each forward pass; raise in it to stop.

    Raises:
        ValueError: no ids, a text too short or too long, damaged weights, matrices of several ranks.
    """
    import torch

    library = library_model(model)
    checked = check_ids(ids, library.config)
    if checked.size < 2:
        raise ValueError("A loss needs at least two tokens: one to read and one to predict; type a longer text.")
    full = {min(one.rows, one.columns) for one in chosen}
    if len(full) != 1:
        raise ValueError("Matrices of one shape can be replaced together; choose one kind.")
    ranks = ranks_of(full.pop())
    parts: dict[str, tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = {}
    for at, one in enumerate(chosen):
        report(0.3 * at / len(chosen), f"taking matrix {at + 1} of {len(chosen)} apart")
        check()
        with FORWARD, torch.inference_mode():
            parts[one.name] = svd_of(weight_of(library, one))
    twin, own = copy_with(library, parts)
    causal = predicts(library)
    batch = torch.from_numpy(checked)[None].to(next(iter(own.values())).device)
    order = torch.randperm(ranks[-1], generator=torch.Generator().manual_seed(SEED))

    def run(which: torch.Tensor | None) -> torch.Tensor:
        check()
        with FORWARD, torch.inference_mode():
            for name, (left, values, right) in parts.items() if which is not None else ():
                own[name].data.copy_((left[:, which] * values[which]) @ right[which])
            return _state(twin, batch, causal)

    reference = run(None)

    def each(state: torch.Tensor) -> NDArray[np.float64]:
        if causal:
            lost = torch.nn.functional.cross_entropy(state[:-1], batch[0, 1:], reduction="none")
        else:
            lost = 1 - torch.nn.functional.cosine_similarity(state, reference, dim=-1)
        found: NDArray[np.float64] = lost.double().cpu().numpy()
        return found

    whole = each(reference)
    if not np.isfinite(whole).all():
        raise ValueError("This model's loss is no number, so its files are damaged; fetch it again.")
    best, error, other = [], [], []
    for at, rank in enumerate(ranks):
        report(0.3 + 0.7 * at / len(ranks), f"rank {rank}, {at + 1} of {len(ranks)}")
        now = each(run(torch.arange(rank)))
        best.append(float(now.mean()))
        error.append(float((now - whole).std(ddof=1) / now.size**0.5) if now.size > 1 else 0.0)
        # At full rank the lot draws every direction, so there is nothing left to compare.
        other.append(best[-1] if rank == ranks[-1] else float(each(run(order[:rank])).mean()))
    curve = LossCurve(
        measure="loss" if causal else "moved",
        whole=float(whole.mean()),
        ranks=ranks,
        best=np.array(best, dtype=np.float32),
        error=np.array(error, dtype=np.float32),
        other=np.array(other, dtype=np.float32),
        tokens=int(whole.size),
    )
    for array in (curve.best, curve.error, curve.other):
        array.setflags(write=False)
    return curve
