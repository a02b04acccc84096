"""Our chain in llama.cpp's order gives llama.cpp's own probabilities: held against llama.cpp itself.

It runs in this process with a tiny random model. It says its raw log-probabilities of all tokens, and the
probabilities that its chain leaves; ours is folded over the first and compared with the second.
"""

from __future__ import annotations

import gc
import json
import socket
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from components.sampling import ORDERS, Chain, Settings
from tests.conftest import ROOT, free_port
from tests.unit.tiny_gguf import ALSO_ZERO, VOCABULARY, ZERO, write

HOW = "the engine is not installed: python -m pip install -r tests/requirements.txt (some platforms have no wheel)"
PROMPT = (1, 5, 9, 9, 42, 7, 5, 9)
ENGINES = json.loads((ROOT / "assets" / "copy" / "sampling_knobs.json").read_text("utf-8"))["engines"]

# Our knob -> llama.cpp's, where the names differ.
NAMES = {"repetition_penalty": "repeat_penalty", "penalty_last_n": "repeat_last_n"}
NEUTRAL = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0}


class Llama:
    """llama.cpp's server with the tiny model."""

    def __init__(self, address: str) -> None:
        self.address = address

    def ask(self, prompt: tuple[int, ...], **values: Any) -> list[dict[str, Any]]:
        body = {**NEUTRAL, "prompt": list(prompt), "n_predict": 1, "n_probs": VOCABULARY, "seed": 3,
                "cache_prompt": False, **values}
        request = urllib.request.Request(f"{self.address}/completion", json.dumps(body).encode(),
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            found: list[dict[str, Any]] = json.load(answer)["completion_probabilities"]
        return found

    def logits(self, prompt: tuple[int, ...]) -> np.ndarray:
        """The model's raw logits [vocab]: log-probabilities, shifted so that the token with logit 0 is at 0."""
        found = np.full(VOCABULARY, -np.inf, dtype=np.float64)
        for token in self.ask(prompt)[0]["top_logprobs"]:
            found[token["id"]] = token["logprob"]
        return (found - found[ZERO]).astype(np.float32)

    def after(self, prompt: tuple[int, ...], values: dict[str, Any]) -> np.ndarray:
        """The probabilities [vocab] that its chain leaves with these knobs of ours."""
        return probabilities(self.ask(prompt, post_sampling_probs=True, **theirs(values))[0])


def theirs(values: dict[str, Any]) -> dict[str, Any]:
    found = {NAMES.get(name, name): value for name, value in values.items()}
    if "sequence_bias" in found:
        found["logit_bias"] = [[word[0], bias] for word, bias in found.pop("sequence_bias")]
    if "dry_breakers" in found:
        found["dry_sequence_breakers"] = [f"w{token:03d}" for token in found.pop("dry_breakers")]
    return found


def probabilities(step: dict[str, Any]) -> np.ndarray:
    found = np.zeros(VOCABULARY)
    for token in step["top_probs"]:
        found[token["id"]] = token["prob"]
    return found


def ours(logits: np.ndarray, prompt: tuple[int, ...], values: dict[str, Any], engine: str = "llama.cpp") -> np.ndarray:
    chain = Chain(Settings(order=ORDERS[engine], **values), prompt_ids=prompt, vocabulary=len(logits))
    return chain.fold(logits, prompt)[-1].probabilities


def same(left: np.ndarray, right: np.ndarray) -> None:
    assert np.flatnonzero(left).tolist() == np.flatnonzero(right).tolist()
    np.testing.assert_allclose(left, right, atol=1e-6)


def listens(port: int) -> bool:
    with socket.socket() as found:
        return not found.connect_ex(("127.0.0.1", port))


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Llama]:
    engine = pytest.importorskip("xllamacpp", reason=HOW, exc_type=ImportError)
    path = tmp_path_factory.mktemp("llama") / "tiny.gguf"
    write(path)
    said = engine.CommonParams()
    said.model.path = str(path)
    said.port = free_port()
    said.n_ctx, said.n_parallel, said.n_gpu_layers = 512, 1, 0
    said.cpuparams.n_threads = said.cpuparams_batch.n_threads = 1
    said.warmup = said.fit_params = False
    said.verbosity = -1
    server = engine.Server(said)
    try:
        yield Llama(server.listening_address)
    finally:
        del server
        gc.collect()
        until = time.monotonic() + 30
        while listens(said.port):
            assert time.monotonic() < until, "llama.cpp's server did not end"
            time.sleep(0.05)


SINGLE: list[dict[str, Any]] = [
    {},
    {"temperature": 0.6}, {"temperature": 1.9},
    {"top_k": 1}, {"top_k": 7}, {"top_k": VOCABULARY}, {"top_k": 100_000},
    {"top_p": 0.0}, {"top_p": 0.35}, {"top_p": 0.8}, {"top_p": 0.99},
    {"min_p": 0.02}, {"min_p": 0.3}, {"min_p": 1.0},
    {"typical_p": 0.2}, {"typical_p": 0.6}, {"typical_p": 0.95},
    {"top_n_sigma": 0.5}, {"top_n_sigma": 1.5}, {"top_n_sigma": 3.0},
    {"xtc_probability": 1.0}, {"xtc_probability": 1.0, "xtc_threshold": 0.02},
    {"xtc_probability": 1.0, "xtc_threshold": 0.0}, {"xtc_probability": 1.0, "xtc_threshold": 0.51},
    {"dynatemp_range": 0.5}, {"dynatemp_range": 0.8, "temperature": 1.2, "dynatemp_exponent": 2.0},
    {"dynatemp_range": 0.4, "temperature": 0.3, "dynatemp_exponent": 0.5},
    {"repetition_penalty": 1.4}, {"repetition_penalty": 0.7},
    {"presence_penalty": 0.9, "penalty_last_n": 64}, {"presence_penalty": -0.5, "penalty_last_n": 3},
    {"frequency_penalty": 0.6, "penalty_last_n": 64}, {"frequency_penalty": 0.6, "penalty_last_n": 4},
    {"dry_multiplier": 0.8}, {"dry_multiplier": 0.8, "dry_allowed_length": 1},
    {"dry_multiplier": 2.0, "dry_base": 1.0, "dry_allowed_length": 1},
    {"dry_multiplier": 0.8, "dry_allowed_length": 1, "dry_breakers": (5,)},
    {"dry_multiplier": 0.8, "dry_allowed_length": 1, "dry_breakers": (9,)},
    {"dry_multiplier": 0.8, "dry_allowed_length": 1, "dry_breakers": (42,)},
    {"dry_multiplier": 0.8, "dry_allowed_length": 1, "dry_penalty_last_n": 4},
    {"sequence_bias": (((8,), 3.0), ((21,), -2.0))},
    {"mirostat": 1, "mirostat_tau": 1.0}, {"mirostat": 1, "mirostat_tau": 2.5, "temperature": 1.5},
    {"mirostat": 2, "mirostat_tau": 1.0}, {"mirostat": 2, "mirostat_tau": 2.5, "temperature": 1.5},
]


@pytest.mark.parametrize("values", SINGLE, ids=lambda values: ",".join(f"{k}={v}" for k, v in values.items()) or "none")
def test_each_sampler_leaves_what_llama_cpp_leaves(llama: Llama, values: dict[str, Any]) -> None:
    same(ours(llama.logits(PROMPT), PROMPT, values), llama.after(PROMPT, values))


def test_many_samplers_together_leave_what_llama_cpp_leaves(llama: Llama) -> None:
    random = np.random.default_rng(5)
    choices: dict[str, list[Any]] = {
        "temperature": [0.5, 0.8, 1.3], "top_k": [4, 12, 40], "top_p": [0.7, 0.9, 0.97], "min_p": [0.01, 0.05],
        "typical_p": [0.5, 0.9], "xtc_probability": [1.0], "xtc_threshold": [0.02, 0.1], "dynatemp_range": [0.2, 0.6],
        "dynatemp_exponent": [0.7, 2.0], "repetition_penalty": [1.1, 1.5], "presence_penalty": [0.4],
        "frequency_penalty": [0.3], "dry_multiplier": [0.7], "dry_allowed_length": [1, 3],
        "sequence_bias": [(((8,), 2.0),), (((88,), -3.0), ((30,), 4.0))],
    }
    for _ in range(60):
        prompt = (1, *(int(token) for token in random.choice([5, 7, 9, 42, 60], size=int(random.integers(2, 40)))))
        chosen = [name for name in choices if random.random() < 0.45]
        values = {name: choices[name][int(random.integers(len(choices[name])))] for name in chosen}
        values["penalty_last_n"] = 64
        same(ours(llama.logits(prompt), prompt, values), llama.after(prompt, values))


@pytest.mark.parametrize("prompt", [
    (1, *[7] * 120), (1, *[5, 9, 42] * 40), (1, *[5, 9, 42] * 10, 60, *[5, 9, 42] * 9, 5),
], ids=["one token", "a loop", "a loop, once broken"])
def test_dry_on_long_repetitions(llama: Llama, prompt: tuple[int, ...]) -> None:
    for base, allowed in ((1.75, 2), (1.01, 20), (8.0, 1)):
        values = {"dry_multiplier": 0.05, "dry_base": base, "dry_allowed_length": allowed, "dry_penalty_last_n": 200}
        same(ours(llama.logits(prompt), prompt, values), llama.after(prompt, values))


@pytest.mark.parametrize("version", [1, 2])
def test_mirostat_takes_llama_cpp_s_way_token_by_token(llama: Llama, version: int) -> None:
    values = {"mirostat": version, "mirostat_tau": 2.0, "mirostat_eta": 0.4}
    steps = llama.ask(PROMPT, n_predict=12, post_sampling_probs=True, **theirs(values))
    assert len(steps) == 12
    chain = Chain(Settings(order=ORDERS["llama.cpp"], **values), prompt_ids=PROMPT)
    text, chances, kept = PROMPT, [], set()
    for step in steps:
        left = chain.fold(llama.logits(text), text, chances=chances)[-1].probabilities
        same(left, probabilities(step))
        kept.add(np.count_nonzero(left))
        text, chances = (*text, step["id"]), [*chances, float(left[step["id"]])]
    assert len(kept) > 2


def test_temperature_0_leaves_the_likeliest(llama: Llama) -> None:
    logits = llama.logits(PROMPT)
    for values in ({"temperature": 0}, {"temperature": 0, "sequence_bias": (((55,), -30.0),)}):
        best = int(np.argmax(ours(logits, PROMPT, values)))
        assert llama.after(PROMPT, values)[best] == 1
    assert best != np.argmax(logits)


# Where they truly differ. Each is said in the copy of the engine.


def test_llama_cpp_keeps_exactly_k_and_the_library_keeps_ties(llama: Llama) -> None:
    values = {"sequence_bias": (((ZERO,), 40.0), ((ALSO_ZERO,), 40.0)), "top_k": 1}
    assert np.count_nonzero(llama.after(PROMPT, values)) == 1
    assert np.flatnonzero(ours(llama.logits(PROMPT), PROMPT, values)).tolist() == [ZERO, ALSO_ZERO]
    assert "keeps exactly k" in ENGINES["llama.cpp"]["notes"]


def test_with_mirostat_llama_cpp_leaves_penalties_out(llama: Llama) -> None:
    values = {"mirostat": 2, "mirostat_tau": 4.0}
    penalties = {"presence_penalty": 3.0, "penalty_last_n": 64}
    plain = llama.after(PROMPT, values)
    same(llama.after(PROMPT, {**values, **penalties}), plain)
    held = ours(llama.logits(PROMPT), PROMPT, {**values, **penalties})
    assert held[list(PROMPT)].sum() < plain[list(PROMPT)].sum()
    assert "With mirostat" in ENGINES["llama.cpp"]["notes"]


def test_top_n_sigma_leaves_dead_tokens_in_llama_cpp_s_list(llama: Llama) -> None:
    """They are at minus infinity but counted by what follows: dynatemp's largest entropy is that of 96 tokens, and
    typical_p meets 0 times infinity and keeps all."""
    sigma, logits = {"top_n_sigma": 1.5}, llama.logits(PROMPT)
    alive = np.count_nonzero(ours(logits, PROMPT, sigma))
    assert 2 < alive < VOCABULARY
    same(llama.after(PROMPT, {**sigma, "typical_p": 0.2}), llama.after(PROMPT, sigma))
    assert np.count_nonzero(ours(logits, PROMPT, {**sigma, "typical_p": 0.2})) < alive
    left = ours(logits, PROMPT, sigma).astype(np.float64)
    entropy = -sum(p * np.log(p) for p in left if p)
    for counted, found in ((VOCABULARY, llama.after(PROMPT, {**sigma, "dynatemp_range": 0.5})),
                           (alive, ours(logits, PROMPT, {**sigma, "dynatemp_range": 0.5}))):
        warm = left ** (1 / (0.5 + 1.0 * entropy / np.log(counted)))
        np.testing.assert_allclose(found, warm / warm.sum(), atol=1e-6)
    assert "top_n_sigma" in ENGINES["llama.cpp"]["notes"]


def test_the_defaults_in_the_copy_are_llama_cpp_s_own() -> None:
    engine = pytest.importorskip("xllamacpp", reason=HOW, exc_type=ImportError)
    own = engine.CommonParams().sampling
    names = {"temperature": "temp", "repetition_penalty": "penalty_repeat", "typical_p": "typ_p"}
    for name, value in ENGINES["llama.cpp"]["defaults"].items():
        assert getattr(own, names.get(name, name)) == pytest.approx(value), name
    inside = {"penalties": ("repetition_penalty", "frequency_penalty", "presence_penalty"), "dry": ("dry_multiplier",),
              "typ_p": ("typical_p",), "xtc": ("xtc_probability",), "temperature": ("dynatemp_range", "temperature")}
    order = [name for one in own.samplers.split(";") for name in inside.get(one, (one,))]
    assert ["constraint", "sequence_bias", *order, "mirostat"] == list(ORDERS["llama.cpp"])
