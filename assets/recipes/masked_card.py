"""The model card of gapfiller, written from its measures."""

from __future__ import annotations

from typing import Any

from assets.recipes.masked_plan import MaskedPlan


def _begins(result: dict[str, Any]) -> str:
    """What the weights were before the first step, and why."""
    if result["begins_from"] is None:
        return "It began from random weights."
    return f"""It does not begin from nothing: its first weights are {result['begins_from']}'s. A masked model
learns slowly, since only the gaps teach it, and in its first hours it would learn what storyteller knows already: which
letters make words and which words go together. Everything fits. The embedding is the same with one row more, for
`[MASK]`. Each key-value head is copied to both query heads that shared it. The feed-forward matrices stay as they are;
RMSNorm's scales go to LayerNorm. So the two models are relatives, and a head of one may resemble the same head of the
other; that is no evidence that two trainings find the same heads."""


def gapfiller(result: dict[str, Any], plan: MaskedPlan) -> str:
    """The card as Markdown. Every figure comes from `evaluation.json`."""
    bars, met = result["bars"], result["met"]
    note = "\n\nOf this run: " + result["note"] if result["note"] else ""
    share = f"{result['hidden']:.0%}"
    short_rows = plan.rows * plan.context // plan.short_context

    def line(label: str, name: str) -> str:
        found = result[name]
        bar = f"at least {bars[name]}: {'met' if met[name] else 'not met'}" if name in bars else ""
        return f"| {label} | {found['count']:,} | {found['top_1']} | {found['top_5']} | {bar} |"

    lines = [
        line(f"single tokens, {share} of the text", "masked_tokens"),
        line(f"words of one token, whole words hidden, {share} of the text", "single_token_words"),
        line("all words in the same rows, each right only when all its tokens are", "all_words"),
        line("tokens in the same rows, punctuation and pieces of words among them", "whole_words"),
    ]
    compared = ""
    if "storyteller_at_the_same_places" in result:
        other = result["storyteller_at_the_same_places"]
        compared = (
            f" Storyteller, which sees the text before a gap only but without other gaps in it, finds {other['top_1']} "
            f"of the tokens in the first line ({other['top_5']} in the first five)."
        )
    table = "\n".join(lines)
    held = "\n".join(f"- {book['title']}, {book['bytes']:,} bytes" for book in result["held_out"])
    every = "each row" if result["every"] == 1 else f"one row of every {result['every']}"
    return f"""---
license: apache-2.0
language: en
library_name: transformers
pipeline_tag: fill-mask
---

# gapfiller

A small masked encoder of tales, made for looking inside. It reads a text in both directions at once and says which word
fits into a gap. It is storyteller's counterpart: the same books, the same vocabulary and the same size, so that
filling a gap and predicting the next word can be compared token by token and head by head.

- Architecture: ModernBERT (`ModernBertForMaskedLM`): {plan.layers} layers, width {plan.width}, {plan.heads} heads of
  {plan.head_width}, every layer sees the whole text, gated feed-forward {plan.feed_forward}, rotary positions,
  LayerNorm before each part, no biases, tied embeddings, context {plan.context}. {result['parameters']:,} parameters.
- Tokenizer: storyteller's byte-level BPE of {plan.tokens:,} tokens with the same ids, and `[MASK]` (id {plan.mask_id})
  for a gap. A gap takes the space before it: write `She sat on the [MASK].` `<|endoftext|>` (id 0) begins and ends a
  text and pads; nothing is put around a text.
- Weights: float16 safetensors. Load them with `AutoModelForMaskedLM.from_pretrained(path, dtype=torch.float32)`.
- Licence: Apache-2.0. The training text is in the public domain.

## Training

{_begins(result)}

{result['training_books']} public-domain books from Project Gutenberg, mostly tales and novels for the young
({result['training_bytes']:,} bytes, {result['training_tokens']:,} tokens). {result['minutes']:g} minutes on two
processor cores: {result['steps']:,} steps, {result['tokens_seen']:,} tokens read, {plan.hidden:.0%} of
them hidden and learned from. A step has {plan.rows} rows of {plan.context} tokens; each {plan.short_every}th step has
{short_rows} rows of {plan.short_context} instead, which begin where a paragraph begins. Half of the rows hide tokens
one by one, half hide whole words; what is hidden is always replaced by `[MASK]`. The matrices are trained by Muon
(learning rate {plan.matrix_rate}), the embedding and norms by AdamW ({plan.other_rate}), with {plan.warm_up_steps}
steps of warm-up and a cosine to {plan.final_rate:.0%}.{note}

To make it again:

    python -m assets.recipes.gapfiller --corpus ../shared/corpus/tales.txt.xz --minutes {result['minutes']:g}

## Measures

Of the shipped weights, loaded in float32, on nine whole books that neither storyteller nor gapfiller learned from. A
gap is right when the most probable token is the one that stood there; top 5 when it is among the five most probable.

| hidden | gaps | top 1 | top 5 | bar |
|---|---|---|---|---|
{table}

Naming the most frequent token every time would be right for {result['most_frequent_token']} of the tokens in the first
line.{compared}

The books are cut into rows of {result['window']} tokens and {every} is scored ({result['rows']:,} rows). {share} of a
row is hidden at a time, and what is hidden was drawn once with a fixed seed. A word is a run of letters; the tokens of
a longer word are filled at once, each without knowing the others. A paragraph of which ten words in a row occur in a
training book is read and not scored. `evaluation.json` has the same figures for a program.

Held out, by their place in the corpus alone:

{held}

## The log

`training.jsonl` has a row for about every two minutes of training:

| field | meaning |
|---|---|
| `minutes`, `step`, `tokens` | training time used, steps taken, tokens read |
| `loss` | mean training loss in nats at the gaps since the last row |
| `held_out_loss`, `held_out_accuracy` | on a small fixed sample of the held-out books, single tokens hidden |
| `held_out_accuracy_whole_words` | the same with whole words hidden, counted by tokens |

The sample is {plan.log_windows} rows, scored in bfloat16.

## What it cannot do

It fills gaps in an old-fashioned English and knows no facts worth trusting. It cannot write a text: every token is
predicted from both sides. It gives no sentence vectors; nothing taught it to. A long word in several tokens is often
beyond it. Its books are from the nineteenth and early twentieth century and show what their authors took for granted;
passages unfit for a classroom were removed by a word list, which is never perfect.
"""
