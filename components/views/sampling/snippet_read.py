"""The panel "Read a text" with public libraries only."""

from __future__ import annotations

from components.views.snippets import folder_line


def snippet_read(model: str, text: str, *, window: int | None = None, with_begin: bool = False) -> str:
    """Python source that binds `surprises` (nats, for every token but those that cannot be scored), `ranks`,
    `perplexity` and `bits_per_byte`, as the panel shows them."""
    lines = [
        folder_line(model),
        "import math",
        "import torch",
        "from transformers import AutoModelForCausalLM, AutoTokenizer",
        "",
        "tokenizer = AutoTokenizer.from_pretrained(folder)",
        "model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)",
        "",
        f"text = {text!r}",
        'encoded = tokenizer(text, return_offsets_mapping=True, add_special_tokens=False)',
        "ids = encoded.input_ids",
    ]
    if with_begin:
        lines += ["ids = [model.config.bos_token_id] + ids  # so that the first token of the text is scored too"]
    lines += [
        "",
        f"window = {'model.config.max_position_embeddings' if window is None else window}",
        "stride = max(1, window // 2)  # the windows overlap by half, only what is new in each is scored",
        "surprises, ranks, done = [], [], 1",
        "for begin in range(0, len(ids), stride):",
        "    end = min(begin + window, len(ids))",
        "    with torch.inference_mode():",
        "        logits = model(torch.tensor([ids[begin:end]])).logits[0]",
        "    for place in range(max(done, begin + 1), end):",
        "        row = logits[place - 1 - begin]",
        "        surprises.append(-torch.log_softmax(row, -1)[ids[place]].item())",
        "        ranks.append(int((row > row[ids[place]]).sum()) + 1)",
        "    done = end",
        "    if end == len(ids):",
        "        break",
        "",
        "perplexity = math.exp(sum(surprises) / len(surprises))",
    ]
    if with_begin:
        lines += ['scored_bytes = len(text.encode("utf-8"))']
    else:
        lines += ["# The first token is not scored, so its bytes do not count.",
                  "first = len(text[: encoded.offset_mapping[0][1]].encode('utf-8'))",
                  "scored_bytes = len(text.encode('utf-8')) - first"]
    lines += [
        "bits_per_byte = sum(surprises) / math.log(2) / scored_bytes",
        "for token, surprise, rank in zip(ids[len(ids) - len(surprises) :], surprises, ranks):",
        '    print(f"{tokenizer.decode([token])!r:16} {surprise:7.3f} nats  rank {rank}")',
        'print(f"perplexity {perplexity:.2f}, {bits_per_byte:.3f} bits per byte")',
    ]
    return "\n".join(lines) + "\n"
