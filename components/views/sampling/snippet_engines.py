"""The same question with the `openai` client."""

from __future__ import annotations

from components.views.sampling.engines_ask import Ask, extras

# What the client itself has a name for; the rest goes into extra_body.
NAMED = ("temperature", "top_p", "seed", "presence_penalty", "frequency_penalty")


def snippet_engines(ask: Ask, model: str) -> str:
    """Python source that puts the question and prints each token with its list; the key comes from the environment.

    `tokens`, `likeliest` (lists of (text, probability)) and `unseen` hold what the picture shows.
    """
    every = extras(ask.engine, ask.settings)
    named = {name: value for name, value in every.items() if name in NAMED}
    body = {name: value for name, value in every.items() if name not in NAMED}
    base = ask.address if ask.address.endswith("/v1") else f"{ask.address}/v1"
    knobs = "".join(f"    {name}={value!r},\n" for name, value in named.items())
    knobs += f"    extra_body={body!r},\n" if body else ""
    if ask.chat:
        system = f'{{"role": "system", "content": {ask.system!r}}}, ' if ask.system.strip() else ""
        asks = f"    messages=[{system}{{\"role\": \"user\", \"content\": text}}],\n"
        wants = f"    logprobs=True,\n    top_logprobs={ask.top},\n" if ask.top else ""
        call = "client.chat.completions.create"
    else:
        asks = "    prompt=text,\n"
        wants = f"    logprobs={ask.top},\n" if ask.top else ""
        call = "client.completions.create"
    return f"""# python -m pip install openai
import math
import os

from openai import OpenAI

client = OpenAI(base_url={base!r}, api_key=os.environ.get("ENGINE_KEY", "none"))
text = {ask.text!r}
answer = {call}(
    model={model!r},
{asks}{knobs}    max_tokens={ask.max_tokens},
{wants}).choices[0]
given = answer.logprobs.model_dump() if answer.logprobs else {{}}

tokens, likeliest = [], []
for one in given.get("content") or []:  # a list with bytes: chats, and llama.cpp always
    tokens.append(one["token"])
    likeliest.append([(other["token"], math.exp(other["logprob"])) for other in one["top_logprobs"]])
if given.get("tokens"):  # the older shape: by text, so that equal texts overwrite each other
    tokens = given["tokens"]
    for found in given["top_logprobs"]:
        best = sorted(found.items(), key=lambda item: -item[1])[:{ask.top}]
        likeliest.append([(token, math.exp(logprob)) for token, logprob in best])
unseen = [1 - sum(chance for _, chance in found) for found in likeliest]

print(answer.{"message.content" if ask.chat else "text"})
for token, found, rest in zip(tokens, likeliest, unseen):
    print(f"{{token!r:12}}", *(f"{{other!r}} {{chance:.3f}}" for other, chance in found[:5]), f"unseen {{rest:.3f}}")
"""
