"""The measures of datewriter: how many dates it writes exactly, phrasing by phrasing, and where its heads look."""

from __future__ import annotations

import hashlib
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from assets.recipes import dates
from assets.recipes.datewriter import END, WRITTEN, Plan, padded, target_ids

#: Shares of held-out dates that are written exactly.
BARS = {"held_out_dates": 0.99, "held_out_phrasings": 0.99, "sloppy": 0.99}
#: Texts a phrasing, for the two tables.
EACH_KNOWN, EACH_NEW, EACH_READ = 40, 200, 20
#: Texts whose reading the card shows.
FOLLOWED = ("on the third of May 1998", "the twenty-first of June nineteen ninety-eight")
#: What is written at each step, and the parts of a source text that a head may look at.
STEPS = ("year 1", "year 2", "year 3", "year 4", "-", "month 1", "month 2", "-", "day 1", "day 2", "end")
ROLES = ("year 1", "year 2", "year 3", "year 4", "year in words", "month", "day", "other words and signs", "end")


def sample(random: Random, phrasings: tuple[str, ...], each: int) -> list[tuple[str, str, str]]:
    """(phrasing, text, ISO date) of held-out dates, so many a phrasing."""
    return [(phrasing, *dates.example(random, phrasing, held_out=True)) for phrasing in phrasings for _ in range(each)]


def sloppy(text: str, random: Random) -> str:
    """The same text typed carelessly: capitals, no capitals, spaces doubled or left out around signs."""
    text = random.choice([str.upper, str.lower, str.swapcase, str.title])(text)
    text = random.choice([text.replace(" ", "  "), f"\t{text} ", text.replace(", ", ","), text.replace(",", " , ")])
    return text.replace("-", random.choice("-–"))


def written(model: Any, words: Any, texts: list[str], rows: int = 200) -> list[str]:
    """What the model writes for each text, greedily."""
    import torch

    said: list[str] = []
    for first in range(0, len(texts), rows):
        sources, mask = padded(words, texts[first : first + rows])
        with torch.inference_mode():
            ids = model.generate(input_ids=sources, attention_mask=mask, max_new_tokens=WRITTEN + 3, do_sample=False)
        said += words.decode_batch(ids.tolist())
    return said


def exact(model: Any, words: Any, rows: list[tuple[str, str, str]]) -> list[bool]:
    """Whether each date is written exactly."""
    said = written(model, words, [text for _, text, _ in rows])
    return [one == iso for one, (_, _, iso) in zip(said, rows, strict=True)]


def by_phrasing(model: Any, words: Any, rows: list[tuple[str, str, str]]) -> dict[str, Any]:
    """Share of exact dates, in all and for each phrasing, with up to two texts that came out wrong."""
    said = written(model, words, [text for _, text, _ in rows])
    table: dict[str, dict[str, Any]] = {}
    for answer, (phrasing, text, iso) in zip(said, rows, strict=True):
        row = table.setdefault(phrasing, {"phrasing": phrasing, "texts": 0, "right": 0, "example": text, "wrong": []})
        row["texts"] += 1
        row["right"] += answer == iso
        if answer != iso and len(row["wrong"]) < 2:
            row["wrong"].append({"text": text, "wrote": answer, "date": iso})
    for row in table.values():
        row["exact"] = round(row["right"] / row["texts"], 4)
    right = sum(row["right"] for row in table.values())
    return {"texts": len(rows), "exact": round(right / len(rows), 4),
            "phrasings": sorted(table.values(), key=lambda row: row["exact"])}


def roles(words: Any, pieces: list[tuple[str, str]]) -> tuple[list[int], np.ndarray]:
    """The ids of a text, and for each of them its place in `ROLES`."""
    text = "".join(piece for _, piece in pieces)
    slots = [slot for slot, piece in pieces for _ in piece]
    coded = words.encode(text)
    found, digit = [], 0
    for token, (start, stop) in zip(coded.tokens, coded.offsets, strict=True):
        slot = slots[start] if stop > start else ""
        if slot == "y":
            found.append(digit)
            digit += 1
        else:
            name = {"yw": "year in words", "m": "month", "month": "month", "d": "day", "dth": "day", "ord": "day"}
            found.append(ROLES.index("end" if token == END else name.get(slot, "other words and signs")))
    return coded.ids, np.array(found)


def looks(model: Any, words: Any, random: Random) -> np.ndarray:
    """Where cross-attention goes on held-out dates, the year in digits: mean share [layer, head, step, role]."""
    import torch

    total, count = 0.0, 0
    ids = words.get_vocab()
    for phrasing in [*dates.TRAINING, *dates.TEST]:
        for _ in range(EACH_READ if phrasing in dates.TEST else 2):
            if "{y}" not in phrasing:
                continue
            day = dates.draw_date(random, held_out=True)
            source, place = roles(words, dates.parts(day, phrasing, random))
            with torch.inference_mode():
                seen = model(input_ids=torch.tensor([source]), labels=torch.tensor([target_ids(ids, day.isoformat())]),
                             output_attentions=True, use_cache=False).cross_attentions
            shares = np.stack([layer[0].numpy() for layer in seen])
            total = total + np.stack([shares[..., place == role].sum(-1) for role in range(len(ROLES))], axis=-1)
            count += 1
    return np.asarray(total) / count


def readable(shares: np.ndarray) -> list[dict[str, Any]]:
    """For each part of the date the head that looks at it most while it is written, and what share of its look."""
    parts = {"year": [(step, step) for step in range(4)], "month": [(5, 5), (6, 5)], "day": [(8, 6), (9, 6)]}
    found = []
    for part, pairs in parts.items():
        score = np.mean([shares[:, :, step, role] for step, role in pairs], axis=0)
        layer, head = divmod(int(score.argmax()), score.shape[1])
        found.append({"part": part, "layer": layer, "head": head, "share": round(float(score.max()), 3)})
    return found


def own_part(shares: np.ndarray) -> np.ndarray:
    """Mean share of attention on the part that is being written, year, month or day: [layer, head]."""
    own = [shares[:, :, step, :4].sum(-1) for step in range(4)] + [shares[:, :, step, 5] for step in (5, 6)]
    own += [shares[:, :, step, 6] for step in (8, 9)]
    return np.asarray(np.mean(own, axis=0))


def finger(model: Any, words: Any, layer: int, head: int, text: str) -> list[dict[str, Any]]:
    """What one head looks at most while each character of this text's date is written."""
    import torch

    coded = words.encode(text)
    with torch.inference_mode():
        ids = model.generate(input_ids=torch.tensor([coded.ids]), max_new_tokens=WRITTEN, do_sample=False)
        grid = model(input_ids=torch.tensor([coded.ids]), decoder_input_ids=ids[:, :-1], output_attentions=True,
                     use_cache=False).cross_attentions[layer][0, head].numpy()
    return [{"writes": words.id_to_token(one), "looks_at": coded.tokens[int(row.argmax())],
             "share": round(float(row.max()), 2)} for one, row in zip(ids[0, 1:].tolist(), grid, strict=True)]


def evaluate(out: Path, plan: Plan, facts: dict[str, Any], note: str = "") -> int:
    """Measure the exported files, write `evaluation.json` and the card. Returns 0 where every bar is met, else 1."""
    import torch
    from tokenizers import Tokenizer
    from transformers import T5ForConditionalGeneration

    from assets.recipes.datewriter_card import datewriter
    from assets.recipes.export import write_json

    model = T5ForConditionalGeneration.from_pretrained(out, dtype=torch.float32, attn_implementation="eager").eval()
    words = Tokenizer.from_file(str(out / "tokenizer.json"))
    known = by_phrasing(model, words, sample(Random(plan.seed + 2), dates.TRAINING, EACH_KNOWN))
    tuned = by_phrasing(model, words, sample(Random(plan.seed + 3), dates.DEVELOPMENT, EACH_NEW))
    new = by_phrasing(model, words, sample(Random(plan.seed + 4), dates.TEST, EACH_NEW))
    random = Random(plan.seed + 5)
    careless = by_phrasing(model, words, [(phrasing, sloppy(text, random), iso) for phrasing, text, iso in
                                          sample(random, (*dates.TRAINING, *dates.TEST), 10)])
    leap = by_phrasing(model, words, leap_days(Random(plan.seed + 6)))
    shares = looks(model, words, Random(plan.seed + 7))
    own = own_part(shares)
    clearest = [int(one) for one in np.unravel_index(own.argmax(), own.shape)]
    result = {
        "weights_sha256": hashlib.sha256((out / "model.safetensors").read_bytes()).hexdigest(),
        "loaded_as": "from_pretrained(path, dtype=torch.float32)",
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "vocabulary": words.get_vocab_size(),
        "note": note,
        **facts,
        "held_out_dates": known["exact"],
        "held_out_phrasings": new["exact"],
        "sloppy": careless["exact"],
        "leap_days": leap["exact"],
        "development_phrasings": tuned["exact"],
        "texts": {"held_out_dates": known["texts"], "held_out_phrasings": new["texts"], "sloppy": careless["texts"],
                  "leap_days": leap["texts"], "development_phrasings": tuned["texts"]},
        "new_phrasings": new["phrasings"],
        "tuned_phrasings": tuned["phrasings"],
        "known_phrasings": known["phrasings"],
        "looks": {"steps": STEPS, "roles": ROLES, "shares": shares.round(3).tolist(), "readable": readable(shares),
                  "own_part": own.round(3).tolist(), "clearest": clearest,
                  "finger": {text: finger(model, words, *clearest, text) for text in FOLLOWED}},
        "bars": BARS,
    }
    met = {name: result[name] >= bar for name, bar in BARS.items()}
    result["met"] = met
    write_json(out / "evaluation.json", result)
    (out / "README.md").write_text(datewriter(result, plan), encoding="utf-8")
    for name, passed in met.items():
        print(f"{'PASS' if passed else 'FAIL'} {name}: {result[name]} (bar {BARS[name]})", flush=True)
    return 0 if all(met.values()) else 1


def leap_days(random: Random) -> list[tuple[str, str, str]]:
    """Every held-out 29 February, each in two phrasings."""
    days = [day for year in range(1000, 2100) if (day := dates.leap_day(year)) and dates.is_held_out(day)]
    return [(phrasing, dates.write(day, phrasing, random), day.isoformat()) for day in days
            for phrasing in (dates.draw_phrasing(random), random.choice(dates.TEST))]
