"""An answer of the panel Chat with public libraries only."""

from __future__ import annotations

from collections.abc import Sequence

from components.sampling import Settings, Turn
from components.views.snippets import folder_line


def snippet_chat(model: str, turns: Sequence[Turn], settings: Settings, stops: Sequence[str]) -> str:
    """Python source that binds `answer`, `new` (ids) and `prompt` (text). Greedy, so that it can be compared; the
    page draws with random numbers of its own, as its main snippet shows."""
    messages = [{"role": turn.role, "content": turn.text} for turn in turns]
    asked = settings.max_new_tokens
    lines = [
        folder_line(model),
        "import torch",
        "from transformers import AutoModelForCausalLM, AutoTokenizer",
        "",
        "tokenizer = AutoTokenizer.from_pretrained(folder)",
        "model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)",
        "",
        "messages = [",
        *(f"    {message!r}," for message in messages),
        "]",
        "prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)",
        'ids = tokenizer(prompt, return_tensors="pt", add_special_tokens=False).input_ids',
        f"stops = {list(stops)!r}",
        "with torch.inference_mode():",
        f"    out = model.generate(ids, do_sample=False, max_new_tokens={asked},",
        "                         attention_mask=torch.ones_like(ids),",
        "                         **({'stop_strings': stops, 'tokenizer': tokenizer} if stops else {}))",
        "new = out[0, ids.shape[1]:].tolist()",
        "answer = tokenizer.decode(new, skip_special_tokens=True)",
        "# generate() leaves the stop string in the text; cut it where it begins.",
        "answer = answer[: min([answer.find(stop) for stop in stops if stop in answer], default=len(answer))]",
        'print(prompt + "\\n---\\n" + answer)',
    ]
    return "\n".join(lines) + "\n"
