"""The Python that writes the compared texts again, with public libraries only."""

from __future__ import annotations

from collections.abc import Sequence

from components.sampling import Settings
from components.views.sampling.compare_settings import Prompted
from components.views.snippets import folder_line

# Knobs that `transformers` has under the same name; the others have no public library to run.
_OWN = ("presence_penalty", "frequency_penalty", "dry_multiplier", "xtc_probability", "mirostat", "top_n_sigma",
        "top_a", "tfs_z", "dynatemp_range", "smoothing_factor", "order", "watermark", "guidance_scale")


def unsupported(settings: Settings) -> str | None:
    """The first knob that the library's own `generate` lacks, or that it runs in another way."""
    plain = Settings()
    return next((name for name in _OWN if getattr(settings, name) != getattr(plain, name)), None)


def snippet_compare(prompted: Prompted, settings: Sequence[Settings]) -> str:
    """A program that writes every text by `generate`, with the noise as a last processor: greedy decoding over
    log-probabilities plus Gumbel noise is a draw.

    Raises:
        ValueError: no setting that `generate` could run.
    """
    usable = [one for one in settings if unsupported(one) is None]
    if not usable:
        raise ValueError("These settings use samplers that transformers lacks; add one that it has.")
    left_out = len(settings) - len(usable)
    entries = "\n".join(f"    ({one.seed}, {_arguments(one)!r})," for one in usable)
    tokens = usable[0].max_new_tokens
    note = f"# {left_out} of the page's settings use samplers that transformers lacks.\n" if left_out else ""
    return f"""{folder_line(prompted.model)}
import numpy
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LogitsProcessor, LogitsProcessorList

tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)

text = {prompted.text!r}
{_prompt(prompted)}
new_tokens = {tokens}
{note}settings = [  # seed, arguments of generate()
{entries}
]


class Noise(LogitsProcessor):
    # The largest log p + g is a token drawn with probability p (g: Gumbel noise, one number for every token).
    def __init__(self, seed, start):
        self.seed, self.start = seed, start

    def __call__(self, input_ids, scores):
        random = numpy.random.default_rng([self.seed, input_ids.shape[1] - self.start, 0, 2])
        noise = -numpy.log(random.standard_exponential(scores.shape[1]))
        drawn = int(numpy.argmax(torch.log_softmax(scores[0].double(), -1).numpy() + noise))
        only = torch.full_like(scores, -torch.inf)
        only[0, drawn] = scores[0, drawn]
        return only


def chain(arguments):
    # generate() puts a processor of one's own before temperature; so its list is taken out, and ours goes last.
    config, _ = model._prepare_generation_config(None, **arguments)
    config.max_length = ids.shape[1] + new_tokens
    model._prepare_special_tokens(config, True, device="cpu", batch_size=1)
    return list(model._get_logits_processor(
        generation_config=config, input_ids_seq_length=ids.shape[1], encoder_input_ids=ids, device="cpu",
        model_kwargs={{}}, logits_processor=LogitsProcessorList()))


texts, written, surprises = [], [], []
for seed, arguments in settings:
    processors = chain(arguments)
    if arguments["do_sample"]:
        processors.append(Noise(seed, ids.shape[1]))
    made = model.generate(
        ids, do_sample=False, max_new_tokens=new_tokens, logits_processor=LogitsProcessorList(processors),
        output_logits=True, return_dict_in_generate=True)
    new = made.sequences[0, ids.shape[1]:].tolist()
    raw = [torch.log_softmax(step[0].float(), -1)[token].item() for step, token in zip(made.logits, new)]
    written.append(new)
    texts.append(tokenizer.decode(new))
    surprises.append(-sum(raw) / len(raw))  # mean surprise in nats, by the model's own distribution
for one, surprise in zip(texts, surprises):
    print(f"{{surprise:.2f}} nats a token: {{one!r}}")
"""


def _arguments(settings: Settings) -> dict[str, object]:
    """The knobs for `generate`, those that are off left out where it leaves them off by itself."""
    found = settings.generate_arguments()
    return {name: value for name, value in found.items() if value is not None}


def _prompt(prompted: Prompted) -> str:
    if not prompted.chat:
        return 'ids = tokenizer(text, return_tensors="pt").input_ids'
    messages = '[{"role": "user", "content": text}]'
    if prompted.system.strip():
        messages = f'[{{"role": "system", "content": {prompted.system!r}}}, {{"role": "user", "content": text}}]'
    return (f"messages = {messages}\n"
            "prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)\n"
            'ids = tokenizer(prompt, return_tensors="pt", add_special_tokens=False).input_ids')
