"""The model card of storyteller, written from its measures."""

from __future__ import annotations

from typing import Any

from assets.recipes.plan import Plan


def storyteller(result: dict[str, Any], plan: Plan) -> str:
    """The card as Markdown. Every figure comes from `evaluation.json`."""
    previous, induction = result["previous_token_head"], result["induction_head"]
    bars, met = result["bars"], result["met"]
    note = "\n\nOf this run: " + result["note"] if result["note"] else ""

    def line(label: str, name: str, sign: str) -> str:
        return f"| {label} | {result[name]} | {sign} {bars[name]} | {'yes' if met[name] else 'no'} |"

    table = "\n".join(
        [
            line("bits per byte on held-out books", "bits_per_byte", "at most"),
            line(f"previous-token head (layer {previous['layer']}, head {previous['head']})", "best_previous_token",
                 "at least"),
            line(f"induction head (layer {induction['layer']}, head {induction['head']})", "best_induction",
                 "at least"),
            line("loss on the second copy over loss on the first", "second_over_first", "at most"),
        ]
    )
    held = "\n".join(
        f"| {book['title']} | {book['bytes']:,} | {book['bytes_scored']:,} | {book['bits_per_byte']} "
        f"| {book['bits_per_byte_with_reprints']} |"
        for book in result["held_out"]
    )
    return f"""---
license: apache-2.0
language: en
library_name: transformers
pipeline_tag: text-generation
---

# storyteller

A small language model of tales, made for looking inside. It is light enough for a whole class at once, and its heads
are real: a previous-token head and induction heads can be found in it, and the log shows when they were born.

- Architecture: Llama (`LlamaForCausalLM`): {plan.layers} layers, width {plan.width}, {plan.heads} query heads over
  {plan.kv_heads} key-value heads of {plan.head_width}, gated feed-forward {plan.feed_forward}, rotary positions,
  RMSNorm, tied embeddings, context {plan.context}. {result['parameters']:,} parameters.
- Tokenizer: byte-level BPE of {plan.vocabulary:,} tokens, digits one by one. No text is lost. `<|endoftext|>` (id 0)
  begins and ends a text; it is also the padding token. The tokenizer adds it only when asked.
- Weights: float16 safetensors. Load them with `from_pretrained(path, dtype=torch.float32)`.
- Licence: Apache-2.0. The training text is in the public domain.

## Training

{result['training_books']} public-domain books from Project Gutenberg, mostly tales and novels for the young
({result['training_bytes']:,} bytes, {result['training_tokens']:,} tokens). {result['minutes']:g} minutes on two
processor cores: {result['steps']:,} steps, {result['tokens_seen']:,} tokens seen, repeated rows included. Each step has
{plan.rows} rows of {plan.context} tokens. {plan.repeated_rows} of them are a stretch of {plan.shortest_repeat} to
{plan.longest_repeat} tokens that fills the row by repetition, {plan.natural_repeats:.0%} natural text and the rest
random tokens. Once the model copies well (a second copy costs at most {plan.copies_learned} of the first),
{plan.repeated_rows_once_learned} such row is enough; when it has not after {plan.late:.0%} of the minutes,
{plan.repeated_rows_when_late} are used until it has. The matrices are trained by Muon (learning rate
{plan.matrix_rate}), the embedding and norms by AdamW ({plan.embedding_rate}), with {plan.warm_up_steps} steps of
warm-up and a cosine to {plan.final_rate:.0%}.{note}

To make it again:

    python -m assets.recipes.storyteller --corpus ../shared/corpus/tales.txt.xz --minutes {result['minutes']:g}

## Measures

Of the shipped weights, loaded in float32. Layers and heads count from 0.

| measure | value | bar | met |
|---|---|---|---|
{table}

Loss on the first copy {result['first_copy_loss']} nats, on the second {result['second_copy_loss']}.
Head scores are mean attention on the stripe over {result['head_test']}.

Bits per byte: windows of {result['window']} tokens that move by {result['stride']}; every token is scored once, with at
least {result['window'] - result['stride']} tokens before it except at a book's start. The books were held out by their
place in the corpus alone, before the vocabulary was learned. Some prove to be other editions of training books, so a
paragraph of which ten words in a row occur in a training book is read as context and not scored:
{result['tokens_scored']:,} tokens, {result['bytes_scored']:,} bytes are scored. With those paragraphs it would be
{result['bits_per_byte_with_reprints']}.

| held-out book | bytes | bytes scored | bits per byte | with reprints |
|---|---|---|---|---|
{held}

`evaluation.json` has the same figures for a program.

## The log

`training.jsonl` has a row for about every minute of training:

| field | meaning |
|---|---|
| `minutes`, `step`, `tokens` | training time used, steps taken, tokens seen (natural and repeated) |
| `loss` | mean training loss in nats since the last row, repeated rows included |
| `bits_per_byte` | on a small fixed sample of the held-out books; the table above is the full measure |
| `best_induction`, `best_previous_token` | highest head score in the model |
| `first_copy_loss`, `second_copy_loss` | loss in nats on the two copies of the random sequences |

The sample is {plan.log_windows} windows, whose second halves are scored in bfloat16.

`head_scores.jsonl` has, at the same moments, the score of every head: `induction`, `previous` and `duplicate`
(attention to the same token in the first copy), each [layer][head].

`untrained_embedding.safetensors` is the embedding before the first step (float16), to set beside the trained one.

## What it cannot do

It continues stories in an old-fashioned English, sentence by sentence. It knows no facts worth trusting, follows no
instructions, and loses the thread after a few sentences. Its books are from the nineteenth and early twentieth
century and show what their authors took for granted; passages unfit for a classroom were removed by a word list, which
is never perfect. Use it to study how such a model works, not for answers.
"""
