"""The branches again with public libraries only."""

from __future__ import annotations

from collections.abc import Sequence

from components.sampling import Settings
from components.views.sampling.snippet import _prompt, _wrapped
from components.views.sampling.snippet_chain import chain_lines
from components.views.snippets import folder_line

# What these do at a step depends on what happened at the steps before, beyond the text itself.
REMEMBERS = {
    "mirostat": "mirostat", "xtc_probability": "XTC", "watermark": "the watermark", "guidance_scale": "guidance_scale",
}

_WALK = """

def chances(ids):
    \"\"\"Of the next token, as the model gives them and after the chain.\"\"\"
    with torch.inference_mode():
        logits = model(ids).logits[0, -1]
        scores = logits[None].clone()
        for stage in chain:
            scores = stage(ids, scores)
    return torch.softmax(logits, -1), torch.softmax(scores[0], -1)


now = chances(ids)[1]
firsts = [token for token in torch.topk(now, 5).indices.tolist() if now[token] > 0]
ends = model.generation_config.eos_token_id
ends = set(ends) if isinstance(ends, list) else {ends}
branches, probabilities, surprises = [], [], []
for token in firsts:
    whole, branch, after, surprise = ids, [], [], []
    while True:
        given, now = chances(whole)
        token = int(now.argmax()) if branch else token
        branch.append(token)
        after.append(now[token].item())
        surprise.append(-given[token].log().item())
        if len(branch) == count or token in ends or whole.shape[1] + 1 >= model.config.max_position_embeddings:
            break
        whole = torch.cat([whole, torch.tensor([[token]])], dim=-1)
    branches.append(branch)
    probabilities.append(after)
    surprises.append(surprise)
    print(f"{after[0]:7.1%}  {sum(surprise) / len(surprise):5.2f} nats a token  {tokenizer.decode(branch)!r}")
"""


def snippet_branches(
    model: str, text: str, settings: Settings, count: int, *, written: Sequence[int] = (), chat: bool = False,
    system: str = "",
) -> str:
    """Python source that writes the likeliest next tokens on, `count` tokens each, each time with the likeliest one.

    It binds `branches`, `probabilities` (after the chain) and `surprises` (nats), lists by branch and token.

    Raises:
        ValueError: a knob is on whose step depends on more than the text before it.
    """
    usual = Settings()
    for name, words in REMEMBERS.items():
        if getattr(settings, name) != getattr(usual, name):
            raise ValueError(f"With {words} a step depends on more than the text before it, and this short program "
                             "does not follow that; switch it off to reproduce the branches.")
    imports, chain = chain_lines(settings, len(written), 0, ())
    names = ", ".join(sorted(set(imports)))
    lines = [
        folder_line(model),
        "import torch",
        "from transformers import AutoModelForCausalLM, AutoTokenizer",
        *([f"from transformers import {names}"] if names and len(names) < 90 else _wrapped(names)),
        "",
        "tokenizer = AutoTokenizer.from_pretrained(folder)",
        "model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()",
        f"text, count = {text!r}, {count}",
        *_prompt(chat, system),
        f"ids = torch.cat([prompt, torch.tensor([{list(written)!r}])], dim=-1)  # what was written since" if written
        else "ids = prompt",
        "",
        "# The stages in their order: the library's own processors, and what it lacks.",
        *chain,
    ]
    return "\n".join(lines) + _WALK
