"""From a checkpoint of gapfiller to a folder that `from_pretrained` reads, and the measures of that folder."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer
from torch import Tensor

from assets.recipes import masked_card
from assets.recipes.corpus import END_OF_TEXT, Prepared
from assets.recipes.encoder import library_config, library_weights
from assets.recipes.export import how_it_was_trained, tokenizer_config, write_json
from assets.recipes.masked import hide, words_of
from assets.recipes.masked_measures import Ranks, of_tokens, of_words, ranks, rows_of
from assets.recipes.masked_plan import MaskedPlan
from assets.recipes.measures import tokens_of_paragraphs
from assets.recipes.training import CHECKPOINT

MASK = "[MASK]"
#: Top-1 accuracy on held-out books, of gaps in tokens and of gaps that hide a word of one token.
BARS = {"masked_tokens": 0.35, "single_token_words": 0.35}


def with_gap(tokenizer: Tokenizer) -> Tokenizer:
    """The same tokenizer with one more token behind all others, for a gap. A space before it belongs to the gap."""
    wider = Tokenizer.from_str(tokenizer.to_str())
    wider.add_special_tokens([AddedToken(MASK, special=True, lstrip=True, normalized=False)])
    return wider


def export(work: Path, out: Path, plan: MaskedPlan, tokenizer: Tokenizer) -> None:
    """Write the last checkpoint of `work` to `out`, each file in one move, so that nobody reads half a file."""
    path = work / CHECKPOINT
    if not path.is_file():
        raise ValueError(f"There is no checkpoint in {work} yet. Train for a minute first.")
    state = torch.load(path, weights_only=True)
    weights = {name: tensor.half().contiguous() for name, tensor in library_weights(state["model"]).items()}
    out.mkdir(parents=True, exist_ok=True)
    fresh = out / "model.safetensors.new"
    save_file(weights, fresh, metadata={"format": "pt"})
    fresh.chmod(0o644)
    os.replace(fresh, out / "model.safetensors")
    write_json(out / "config.json", library_config(plan))
    tokens = {f"{role}_token": END_OF_TEXT for role in ("bos", "eos", "pad", "unk")}
    # This architecture knows no token types; the library's default would give it some.
    names = {"mask_token": MASK, "model_input_names": ["input_ids", "attention_mask"]}
    write_json(out / "tokenizer_config.json", tokenizer_config(plan.context, tokens) | names)
    wider = with_gap(tokenizer)
    if wider.token_to_id(MASK) != plan.mask_id:
        raise ValueError(f"{MASK} is id {wider.token_to_id(MASK)}, not {plan.mask_id}. Use a plan of as many tokens.")
    wider.save(str(out / "tokenizer.json"))
    shutil.copyfile(work / "training.jsonl", out / "training.jsonl")
    print(f"Exported step {state['step']} ({state['seconds'] / 60:.1f} minutes) to {out}", flush=True)


def load(out: Path) -> Any:
    """The exported model as a reader loads it, in float32."""
    from transformers import AutoModelForMaskedLM

    return AutoModelForMaskedLM.from_pretrained(out, dtype=torch.float32).eval()


def at_gaps(model: Any) -> Any:
    """Logits at the gaps alone, which spares most of the product with the vocabulary."""

    def logits(ids: Tensor, places: Tensor) -> Tensor:
        hidden = model.model(input_ids=ids).last_hidden_state
        chosen = hidden.gather(1, places[..., None].expand(-1, -1, hidden.shape[-1]))
        result: Tensor = model.decoder(model.head(chosen))
        return result

    return logits


def from_the_left(model: Any) -> Any:
    """What storyteller expects at the same places, from the text before them alone."""

    def logits(ids: Tensor, places: Tensor) -> Tensor:
        hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state
        chosen = hidden.gather(1, (places - 1).clamp(min=0)[..., None].expand(-1, -1, hidden.shape[-1]))
        result: Tensor = model.lm_head(chosen)
        return result

    return logits


def score(
    prepared: Prepared, model: Any, left: Any, plan: MaskedPlan, flags: list[list[bool]], every: int
) -> dict[str, Any]:
    """The measures of a loaded model on the held-out books.

    Args:
        prepared: the corpus; its held-out books are scored.
        model: gapfiller, as the library loads it.
        left: storyteller, for the same gaps from the left alone; None leaves that out.
        plan: the numbers.
        flags: which paragraphs of each book are reprinted in a training book: read, not scored.
        every: score each so-manieth row.
    """
    vocabulary = prepared.tokenizer.get_vocab()
    words = words_of(vocabulary)
    ends = set(np.flatnonzero(words.line_end).tolist())
    rows = np.concatenate([rows_of(ids, plan.context, every) for ids in prepared.held])
    fresh = np.concatenate([
        rows_of(~tokens_of_paragraphs(ids, ends, flag), plan.context, every).astype(bool)
        for ids, flag in zip(prepared.held, flags, strict=True)
    ])
    result: dict[str, Any] = {"rows": len(rows)}
    for name, kind in (("masked_tokens", None), ("whole_words", words)):
        chance = np.random.default_rng([plan.seed, 1 if kind is None else 2])
        step = hide(rows, plan.hidden_in_measures, plan.mask_id, [kind] * len(rows), chance)
        counted = np.take_along_axis(fresh, step.places, 1)
        found = ranks(at_gaps(model), step)
        result[name] = of_tokens(found, counted)
        if kind is not None:
            result |= of_words(found, step, rows, words, counted)
            continue
        if not counted.any():
            raise ValueError("Every held-out paragraph is a reprint of a training book. Give other books.")
        common = np.bincount(prepared.stream, minlength=plan.vocabulary).argmax()
        result["most_frequent_token"] = round(float((step.answers[counted] == common).mean()), 4)
        if left is not None:
            seen = counted & (step.places > 0)
            told: Ranks = ranks(from_the_left(left), type(step)(rows, step.places, step.answers))
            result["storyteller_at_the_same_places"] = of_tokens(told, seen)
    return result


def evaluate(
    prepared: Prepared, out: Path, start: Path | None, plan: MaskedPlan, minutes: float,
    flags: list[list[bool]], note: str = "", every: int = 1,
) -> int:
    """Measure the exported files, write `evaluation.json` and the card. Returns 0 where every bar is met, else 1."""
    left = None
    if start is not None:
        from transformers import LlamaForCausalLM

        left = LlamaForCausalLM.from_pretrained(start, dtype=torch.float32).eval()
    model = load(out)
    measured = score(prepared, model, left, plan, flags, every)
    facts: Any = prepared.facts
    result = {
        "weights_sha256": hashlib.sha256((out / "model.safetensors").read_bytes()).hexdigest(),
        "loaded_as": "AutoModelForMaskedLM.from_pretrained(path, dtype=torch.float32)",
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "begins_from": start.name if start is not None else None,
        **how_it_was_trained(out / "training.jsonl", facts, minutes, note),
        "hidden": plan.hidden_in_measures,
        "window": plan.context,
        "every": every,
        **measured,
        "held_out": facts["held_out"],
        "bars": BARS,
    }
    result["met"] = {name: (result[name]["top_1"] or 0) >= bar for name, bar in BARS.items()}
    write_json(out / "evaluation.json", result)
    (out / "README.md").write_text(masked_card.gapfiller(result, plan), encoding="utf-8")
    for name, passed in result["met"].items():
        print(f"{'PASS' if passed else 'FAIL'} {name}: {result[name]['top_1']} (bar {BARS[name]})", flush=True)
    return 0 if all(result["met"].values()) else 1
