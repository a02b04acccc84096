"""The model card of datewriter, written from its measures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assets.recipes import dates

if TYPE_CHECKING:
    from assets.recipes.datewriter import Plan


def _rows(table: list[dict[str, Any]]) -> str:
    return "\n".join(f"| `{row['phrasing']}` | {row['example']} | {row['texts']} | {row['exact']:.3f} |"
                     for row in table)


def _wrong(table: list[dict[str, Any]]) -> str:
    found = [one for row in table for one in row["wrong"]][:6]
    lines = "\n".join(f'- "{one["text"]}" became {one["wrote"]}, not {one["date"]}.' for one in found)
    return f"\nSome that came out wrong:\n\n{lines}\n" if lines else "\nNone came out wrong.\n"


def _looks(looks: dict[str, Any]) -> str:
    """The readable heads as a list, two texts followed by finger, and where each head looks most."""
    what = {"year": "the very digit of the year that it writes", "month": "the month, while its two digits are written",
            "day": "the day, while its two digits are written"}
    named = [f"- Layer {one['layer']}, head {one['head']} puts {one['share']:.0%} of its attention on "
             f"{what[one['part']]}." for one in looks["readable"]]
    means = ", ".join(f"{sum(row) / len(row):.0%} in layer {place}" for place, row in enumerate(looks["own_part"]))
    layer, head = looks["clearest"]
    followed = [f'- "{text}": ' + ", ".join(f"`{one['writes']}` {one['looks_at']} {one['share']:.2f}" for one in rows)
                for text, rows in looks["finger"].items()]
    table = ["| layer | head | " + " | ".join(looks["steps"]) + " |", "|" + "---|" * (len(looks["steps"]) + 2)]
    for place, heads in enumerate(looks["shares"]):
        for number, grid in enumerate(heads):
            best = [max(range(len(row)), key=row.__getitem__) for row in grid]
            most = [f"{looks['roles'][one]} {row[one]:.2f}" for one, row in zip(best, grid, strict=True)]
            table.append(f"| {place} | {number} | " + " | ".join(most) + " |")
    return "\n".join([
        *named, "",
        f"All heads together, attention on the part that is being written: {means}.",
        f"Start with layer {layer}, head {head}, which keeps {looks['own_part'][layer][head]:.0%} there.",
        "What it looks at most, as it writes:", "",
        *followed, "", "The part that each head looks at most, at each step, as a mean over many texts:", "", *table,
    ])


def datewriter(result: dict[str, Any], plan: Plan) -> str:
    """The card as Markdown. Every figure comes from `evaluation.json`."""
    bars, met, texts = result["bars"], result["met"], result["texts"]
    note = "\n\nOf this run: " + result["note"] if result["note"] else ""
    labels = {"held_out_dates": "held-out dates in the phrasings of the training",
              "held_out_phrasings": "held-out dates in held-out phrasings",
              "sloppy": "both, typed carelessly (capitals, spaces, long dashes)"}
    table = "\n".join(f"| {label} | {texts[name]:,} | {result[name]:.4f} | at least {bars[name]} "
                      f"| {'yes' if met[name] else 'no'} |" for name, label in labels.items())
    worst = result["known_phrasings"][:8]
    return f"""---
license: apache-2.0
language: en
library_name: transformers
pipeline_tag: text-generation
---

# datewriter

A small encoder-decoder that rewrites dates in English into ISO 8601: "the third of May 1998" becomes 1998-05-03. It is
made for looking inside: its tokens are whole words and single digits, so that its cross-attention can be read with a
finger, from each written digit to the words that it comes from.

- Architecture: T5 (`T5ForConditionalGeneration`): {plan.layers} layers of encoder and {plan.layers} of decoder, width
  {plan.width}, {plan.heads} heads of {plan.width // plan.heads}, feed-forward {plan.feed_forward} (ReLU), relative
  position biases, one tied table of embeddings. {result['parameters']:,} parameters.
- Tokenizer: {result['vocabulary']} tokens: ten digits, eight signs, st nd rd th, the names of months and days and
  their short forms, ordinals ("twenty-first" is one token), number words ("ninety-eight" is three, so that each word
  stands for a digit) and {len(dates.SMALL_WORDS)} small words. Text is lower-cased; spaces only part words; every other
  word is `<unk>`. `</s>` ends source and target, and the decoder starts with `<pad>`.
- Weights: float16 safetensors. Load them with `from_pretrained(path, dtype=torch.float32)`.
- Licence: Apache-2.0. The training texts are written by the recipe.

## What it reads

Dates from 1000-01-01 to 2099-12-31, by the rules of the Gregorian calendar throughout. The year has four digits or is
in words ("nineteen ninety-eight", "nineteen hundred and five", "two thousand and six", "twenty oh six"). Numbers alone
are read day first: 3/5/1998 is the third of May. A four-digit number in front is a year: 1998-05-03. A few words may
stand around the date.

## Training

{result['steps']:,} steps of {plan.rows} texts ({result['texts_seen']:,}), {result['minutes']:g} minutes on one thread
of a processor that was shared with other work. The texts are drawn from the grammar in `assets/recipes/dates.py`:
{len(dates.TRAINING)} phrasings, each slot spelled anew every time, half of the texts with a few words around the date.
{dates.LOOSE:.0%} of the texts join the parts in a random order with random joining words. The matrices are trained by
Muon (learning rate {plan.matrix_rate}, weight decay {plan.matrix_decay}), tables and norms by AdamW
({plan.embedding_rate}), with {plan.warm_up_steps} steps of warm-up and a cosine to {plan.final_rate:.0%}. No
dropout.{note}

To make it again:

    python -m assets.recipes.datewriter

## Measures

Of the shipped weights, loaded in float32; greedy writing; a date counts when every character is right. One date in ten
is held out, by a hash of its ISO form; training sees none of them in any phrasing. A held-out phrasing is never seen
either: not with other commas, not in the texts of random order. They are other orders, other joining words, or parts
that never stand together in training; they were chosen before the first training, and nothing was tuned on them.

| measure | texts | exact | bar | met |
|---|---|---|---|---|
{table}
| every held-out 29 February, in two phrasings | {texts['leap_days']} | {result['leap_days']:.4f} | | |
| eight more held-out phrasings, on which the recipe was tuned | {texts['development_phrasings']:,} \
| {result['development_phrasings']:.4f} | | |

### Held-out phrasings

`{{d}}` 3 or 03, `{{dth}}` 3rd, `{{ord}}` third, `{{month}}` May or Jan., `{{m}}` 5 or 05, `{{y}}` 1998, `{{yw}}` in
words, `{{w}}` Sunday or Sun. The worst first, with one text of each.

| phrasing | a text | texts | exact |
|---|---|---|---|
{_rows(result['new_phrasings'])}
{_wrong(result['new_phrasings'])}
The eight on which the recipe was tuned:

| phrasing | a text | texts | exact |
|---|---|---|---|
{_rows(result['tuned_phrasings'])}

### Phrasings of the training

The eight worst of {len(result['known_phrasings'])}, on held-out dates; `evaluation.json` has all.

| phrasing | a text | texts | exact |
|---|---|---|---|
{_rows(worst)}
{_wrong(result['known_phrasings'])}
## Reading its cross-attention

Layers and heads count from 0. A row of cross-attention belongs to the character that is about to be written. Means
over held-out dates with the year in digits:

{_looks(result['looks'])}

Encoder layers have carried what a word says to its neighbours before the decoder looks, so a look at a comma or at the
end is not empty: it may hold the date's shape. To know whether a head matters, turn it off.

## The log

`training.jsonl` has a row for every {plan.log_every} steps: `minutes`, `step`, `texts` seen, mean training `loss` in
nats since the last row, and `development`, the share of exact dates on a small fixed sample of the eight phrasings.

## What it cannot do

Where a day stands right before a year and no sign parts them ("March 31 2078"), it is least sure: spaces vanish in its
tokenizer, so that it has to count the digits.

It writes a date whatever it reads, so a text without a date gets an invented one, and a text with two gets one of them
or a mixture. It does not know 30 February to be wrong, reads no year before 1000 or after 2099, no years of two digits,
no "next Tuesday", no month first between slashes, and no other language. It does not check the day of the week.
"""
