"""The panel "Logit lens": what the model would answer after each layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from components.attention import HeadMap, Lens, logit_lens
from components.attention.sentence import spell
from components.models import catalog, loaders
from components.payload import pack
from components.views import frame
from components.views.component import mount
from components.views.footer import reproduce
from components.workshop import Job


def draw(name: str, heads: HeadMap) -> None:
    """The lens over the last tokens of the page's text."""

    def work(job: Job) -> bytes:
        job.report(None, "opening the model" if not loaders.loaded(name) else "one answer a layer")
        opened = loaders.model(name)
        job.report(None, "one answer a layer")
        seen = logit_lens(opened, heads.ids, check=job.check)
        return payload(seen, heads, catalog.entry(name).title, lambda ids: spell(opened.tokenizer, ids))

    picture = frame.compute("attention-lens", (name, heads.ids.tobytes()), work, label="Reading every layer's answer")
    mount("attention_lens", picture, key="attention_lens_picture")
    reproduce("attention_lens", lambda: snippet(name, heads))


def payload(seen: Lens, heads: HeadMap, title: str, spelled: Any) -> bytes:
    """The picture's buffer: top answers [layer + 1, column, choice] as places in a list of the texts that occur."""
    every, places = np.unique(np.concatenate([seen.top_ids.ravel(), seen.answer_ids]), return_inverse=True)
    columns = seen.answer_ids.shape[0]
    header = {
        "model": title,
        "pieces": list(heads.pieces[seen.start :]),
        "start": seen.start,
        "causal": heads.causal,
        "texts": list(spelled([int(one) for one in every])),
        "decided": [seen.decided(column) for column in range(columns)],
    }
    arrays = {
        "top": places[:-columns].reshape(seen.top_ids.shape).astype(np.int32),
        "shares": seen.top_probabilities,
        "answers": places[-columns:].astype(np.int32),
        "rank": seen.answer_rank,
        "chance": seen.answer_probability,
        "bits": seen.divergence,
    }
    return pack(header, arrays)


_BODY = '''{folder}
import torch
from transformers import AutoModelForCausalLM

ids = torch.tensor([{ids}])
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
with torch.inference_mode():
    out = model(ids, output_hidden_states=True)
    answer = out.logits[0, -1].argmax()
    ranks, chances = [], []
    for layer, stream in enumerate(out.hidden_states):
        # The library has normed the last stream already; norming it again would change the answer.
        last = layer == len(out.hidden_states) - 1
        scores = model.lm_head(stream if last else {norm}(stream))[0, -1].log_softmax(-1)
        ranks.append(int((scores > scores[answer]).sum()) + 1)
        chances.append(float(scores[answer].exp()))
print(ranks)
print([round(chance, 4) for chance in chances])'''


def snippet(name: str, heads: HeadMap) -> str:
    """The answer's rank and probability after each layer, with public libraries alone."""
    from components.views.snippets import folder_line

    entry = catalog.entry(name)
    if not heads.causal:
        raise ValueError("The snippet is written for models that read from left to right; choose a decoder.")
    norm = {"gpt2": "model.transformer.ln_f", "distilgpt2": "model.transformer.ln_f",
            "pythia-70m": "model.gpt_neox.final_layer_norm"}.get(entry.id, "model.model.norm")
    head = "model.embed_out" if entry.id == "pythia-70m" else "model.lm_head"
    body = _BODY.replace("model.lm_head", head)
    return body.format(folder=folder_line(name), ids=heads.ids.tolist(), norm=norm)
