"""The recipe of datewriter, a small encoder-decoder that rewrites dates in English into ISO.

    python -m assets.recipes.datewriter

Read it top to bottom: a vocabulary of whole words and single digits, texts drawn from a grammar of phrasings, training,
an export in the ordinary Hugging Face layout, and the measures of what was exported. There is no corpus: `dates.py`
writes every text, from a seed.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from assets.recipes import dates

HOME = Path(__file__).resolve().parents[1] / "models" / "datewriter"
PAD, END, UNKNOWN = "<pad>", "</s>", "<unk>"
#: 1998-05-03 and the end.
WRITTEN = 11


@dataclass(frozen=True)
class Plan:
    """What is trained and how. The defaults are the shipped model; tests use smaller ones."""

    layers: int = 2
    width: int = 96
    heads: int = 4
    feed_forward: int = 192
    dropout: float = 0.0
    rows: int = 64
    matrix_rate: float = 0.02
    embedding_rate: float = 0.003
    matrix_decay: float = 0.05
    warm_up_steps: int = 100
    final_rate: float = 0.02
    clip: float = 1.0
    seed: int = 31
    steps: int = 4500
    log_every: int = 250


# 1. Vocabulary --------------------------------------------------------------------------------------------------------


def vocabulary() -> list[str]:
    """Every token, in the order of the ids: three special ones, digits, signs, then whole words in lower case."""
    short = [one for names in (*dates.SHORT_MONTHS, *dates.SHORT_WEEKDAYS) for one in names]
    words = ["st", "nd", "rd", "th", *dates.MONTHS, *short, *dates.WEEKDAYS, *dates.ORDINALS, *dates.UNITS,
             *dates.TEENS, *dates.TENS, *dates.SMALL_WORDS]
    return list(dict.fromkeys([PAD, END, UNKNOWN, *"0123456789", *"-/.,:;()", *(word.lower() for word in words)]))


def tokenizer() -> Any:
    """Words whole, digits one by one, signs one by one; what is not in the vocabulary is `<unk>`.

    Lower-cased, so that "MAY" is "may"; long dashes become "-". An ordinal with a hyphen is one token, a year's
    "ninety-eight" is three, so that each word of a year stands for a digit.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    ids = {token: number for number, token in enumerate(vocabulary())}
    made = Tokenizer(models.WordLevel(ids, unk_token=UNKNOWN))
    made.normalizer = normalizers.Sequence([normalizers.Lowercase(), normalizers.Replace(Regex("[‐-―−]"), "-")])
    joint = "|".join(word for word in dates.ORDINALS if "-" in word)
    made.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.WhitespaceSplit(),
        pre_tokenizers.Split(Regex(rf"(?:{joint})(?!\p{{L}})|\p{{L}}[\p{{L}}\p{{M}}'’]*|."), behavior="isolated"),
    ])
    made.post_processor = processors.TemplateProcessing(single=f"$A {END}", special_tokens=[(END, ids[END])])
    made.decoder = decoders.Fuse()
    made.add_special_tokens([PAD, END, UNKNOWN])
    return made


def target_ids(ids: dict[str, int], iso: str) -> list[int]:
    """The ids of an ISO date, with the end."""
    return [*(ids[sign] for sign in iso), ids[END]]


# 2. Training ----------------------------------------------------------------------------------------------------------


def library_config(plan: Plan) -> Any:
    """T5 as the library has it, small."""
    from transformers import T5Config

    return T5Config(
        vocab_size=len(vocabulary()), d_model=plan.width, d_kv=plan.width // plan.heads, d_ff=plan.feed_forward,
        num_layers=plan.layers, num_decoder_layers=plan.layers, num_heads=plan.heads, feed_forward_proj="relu",
        relative_attention_num_buckets=32, relative_attention_max_distance=64, dropout_rate=plan.dropout,
        pad_token_id=0, eos_token_id=1, decoder_start_token_id=0, n_positions=64,
    )


def batches(words: Any, random: Random, rows: int) -> Iterator[tuple[Any, Any, Any]]:
    """Batches from the training side, without end: source ids [row, token], their mask, target ids [row, 11].

    Eight batches are drawn at a time and cut by length, so that little of a batch is padding.
    """
    import torch

    ids = words.get_vocab()
    while True:
        pairs = [dates.example(random, dates.draw_phrasing(random), held_out=False) for _ in range(rows * 8)]
        pairs.sort(key=lambda pair: len(words.encode(pair[0]).ids))
        firsts = list(range(0, len(pairs), rows))
        random.shuffle(firsts)
        for first in firsts:
            some = pairs[first : first + rows]
            yield *padded(words, [text for text, _ in some]), torch.tensor([target_ids(ids, iso) for _, iso in some])


def padded(words: Any, texts: list[str]) -> tuple[Any, Any]:
    """Source ids and mask [row, token], padded to the longest."""
    import torch

    found = [coded.ids for coded in words.encode_batch(texts)]
    longest = max(map(len, found))
    sources = torch.tensor([one + [0] * (longest - len(one)) for one in found])
    return sources, (sources != 0).long()


def train(work: Path, plan: Plan) -> tuple[Any, dict[str, Any]]:
    """Train for the plan's steps. The log says how well it writes phrasings that it never saw (`DEVELOPMENT`)."""
    import torch
    from transformers import T5ForConditionalGeneration

    from assets.recipes import datewriter_measures as measures
    from assets.recipes.muon import Muon

    torch.manual_seed(plan.seed)
    random, words = Random(plan.seed), tokenizer()
    model = T5ForConditionalGeneration(library_config(plan))
    apart = ("shared", "relative_attention_bias")  # tables, not maps from vectors to vectors
    named = [(one, one.ndim == 2 and not any(part in name for part in apart)) for name, one in model.named_parameters()]
    matrices, others = [one for one, is_map in named if is_map], [one for one, is_map in named if not is_map]
    optimizers = ((Muon(matrices, lr=plan.matrix_rate, weight_decay=plan.matrix_decay), plan.matrix_rate),
                  (torch.optim.AdamW(others, betas=(0.9, 0.95), weight_decay=0.0, fused=True), plan.embedding_rate))
    check = measures.sample(Random(plan.seed + 1), dates.DEVELOPMENT, 25)
    start, losses, drawn = time.monotonic(), [], batches(words, random, plan.rows)
    with (work / "training.jsonl").open("w", encoding="utf-8") as log:
        for step, (sources, mask, targets) in zip(range(1, plan.steps + 1), drawn, strict=False):
            falling = (1 + math.cos(math.pi * (step - 1) / plan.steps)) / 2
            share = min(1.0, step / plan.warm_up_steps) * (plan.final_rate + (1 - plan.final_rate) * falling)
            for optimizer, full in optimizers:
                optimizer.param_groups[0]["lr"] = full * share
            loss = model(input_ids=sources, attention_mask=mask, labels=targets, use_cache=False).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), plan.clip)
            for optimizer, _ in optimizers:
                optimizer.step()
                optimizer.zero_grad()
            losses.append(float(loss.detach()))
            if step % plan.log_every == 0 or step == plan.steps:
                model.eval()
                right = measures.exact(model, words, check)
                model.train()
                row = {"minutes": round((time.monotonic() - start) / 60, 2), "step": step, "texts": step * plan.rows,
                       "loss": round(sum(losses) / len(losses), 5), "development": round(sum(right) / len(right), 4)}
                losses = []
                log.write(json.dumps(row) + "\n")
                log.flush()
                torch.save(model.state_dict(), work / "weights.pt")
                print(json.dumps(row), flush=True)
    return model.eval(), {"steps": plan.steps, "texts_seen": plan.steps * plan.rows, "minutes": row["minutes"]}


# 3. Export ------------------------------------------------------------------------------------------------------------


def export(model: Any, work: Path, out: Path) -> None:
    """Write the model to `out` in float16, in the layout that `from_pretrained` reads."""
    import torch
    from safetensors.torch import save_file

    from assets.recipes.export import tokenizer_config, write_json

    out.mkdir(parents=True, exist_ok=True)
    # One table serves encoder, decoder and output; it is stored once, under the name that the library ties from.
    weights = {name: one.half().contiguous() for name, one in model.state_dict().items()
               if name not in ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "lm_head.weight")}
    if not all(bool(torch.isfinite(one).all()) for one in weights.values()):
        raise ValueError("A weight does not fit float16; train with a smaller rate.")
    save_file(weights, out / "model.safetensors", metadata={"format": "pt"})
    (out / "model.safetensors").chmod(0o644)
    config = model.config.to_diff_dict()
    write_json(out / "config.json", {**config, "architectures": ["T5ForConditionalGeneration"], "dtype": "float16"})
    write_json(out / "generation_config.json",
               {"decoder_start_token_id": 0, "eos_token_id": 1, "pad_token_id": 0, "max_new_tokens": WRITTEN + 5})
    tokenizer().save(str(out / "tokenizer.json"))
    roles = {"pad_token": PAD, "eos_token": END, "unk_token": UNKNOWN}
    write_json(out / "tokenizer_config.json", tokenizer_config(64, roles))
    shutil.copyfile(work / "training.jsonl", out / "training.jsonl")


# The recipe -----------------------------------------------------------------------------------------------------------


def arguments(words: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m assets.recipes.datewriter", description="Train datewriter.")
    parser.add_argument("--work", type=Path, default=Path(".training/datewriter"), help="folder for the log")
    parser.add_argument("--out", type=Path, default=HOME, help="folder for the finished model")
    parser.add_argument("--threads", type=int, default=1, help="processor threads")
    parser.add_argument("--note", default="", help="what was particular about this run, for the model card")
    return parser.parse_args(words)


def main(words: list[str] | None = None, plan: Plan | None = None) -> int:
    """Run the recipe. Returns 0 where every bar is met, 1 where one is not."""
    options, plan = arguments(words), plan or Plan()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import torch

    from assets.recipes import datewriter_measures

    torch.set_num_threads(options.threads)
    options.work.mkdir(parents=True, exist_ok=True)
    model, facts = train(options.work, plan)
    export(model, options.work, options.out)
    return datewriter_measures.evaluate(options.out, plan, facts, options.note)


if __name__ == "__main__":
    sys.exit(main())
