"""The client against real engines: llama.cpp's server with storyteller in it, and `transformers serve`."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components import addresses, remote, sampling
from components.models.open import open_model
from components.remote import Question, Server
from components.sampling import Settings
from tests.conftest import free_port
from tests.llama_cpp_here import STORYTELLER, llama_server, storyteller_gguf

MISSING = "the engine is not installed: python -m pip install -r tests/requirements.txt (some platforms have no wheel)"
TEXT = "The old miller had a cat. One day in 1923 she said: 'naïve 🐢"


# ----------------------------------------------------------------------------------------------------------- llama.cpp


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    pytest.importorskip("xllamacpp", reason=MISSING, exc_type=ImportError)
    path = tmp_path_factory.mktemp("llama") / "storyteller.gguf"
    storyteller_gguf(path)
    with llama_server(path) as address:
        yield Server(addresses.parse(address))


@pytest.fixture(scope="module")
def ours() -> Any:
    return open_model("storyteller")


def own_logprobs(model: Any, ids: list[int]) -> np.ndarray:
    logits = sampling.next_logits(model, tuple(ids)).astype(np.float64)
    return logits - logits.max() - math.log(np.exp(logits - logits.max()).sum())


def test_it_names_its_model_and_the_size_of_its_vocabulary(llama: Server) -> None:
    assert remote.models(llama) == (remote.ModelThere("storyteller", 4096),)


@pytest.mark.parametrize("chat", [False, True])
def test_its_log_probabilities_are_the_models_own(llama: Server, ours: Any, chat: bool) -> None:
    """Another engine with the same weights: the likeliest tokens, their order, their chances and the unseen rest."""
    question = Question("storyteller", TEXT, chat=chat, max_tokens=8, top=12, extras={"temperature": 1.0, "seed": 3})
    answer = remote.ask(llama, question)
    ids = list(ours.tokenizer.library_object.encode(TEXT).ids)
    assert len(answer.steps) == 8
    assert answer.ended == "length"
    # llama.cpp holds back the first half of a two-token character, and never sends its probabilities.
    untold = [step for step in answer.steps if not step.top]
    assert [step.bytes for step in untold] == ([b"\xc3"] if "\xe6" in answer.text else [])
    assert len(answer.says) == len(untold)
    for step in answer.steps:
        if not step.top:
            ids.append(ours.tokenizer.library_object.token_to_id("\u00c3"))  # byte-level BPE's letter for byte C3
            continue
        logprobs = own_logprobs(ours, ids)
        top = np.argsort(-logprobs)[:12]
        assert [one.id for one in step.top] == top.tolist()
        np.testing.assert_allclose([one.logprob for one in step.top], logprobs[top], atol=2e-4)
        assert step.unseen == pytest.approx(1 - np.exp(logprobs[top]).sum(), abs=2e-4)
        assert step.logprob == pytest.approx(logprobs[step.id], abs=2e-4)
        assert step.whole
        ids.append(step.id)
    written = b"".join(step.bytes or b"" for step in answer.steps)
    assert answer.text == written.decode("utf-8")


def test_its_own_chain_keeps_within_what_is_replayed(llama: Server) -> None:
    """What its samplers leave (`post_sampling_probs`) is what the replay calls exact, from the raw list alone."""
    base = {"prompt": TEXT, "n_predict": 1, "seed": 3, "temperature": 0.8, "top_k": 0, "top_p": 1.0, "min_p": 0.05,
            "samplers": ["temperature", "min_p"], "n_probs": 60, "post_sampling_probs": True}
    request = urllib.request.Request(f"{llama.base.url}/completion", json.dumps(base).encode(),
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        after = {one["id"]: one["prob"] for one in json.load(answer)["completion_probabilities"][0]["top_probs"]}
    step = remote.ask(llama, Question("storyteller", TEXT, max_tokens=1, top=60)).steps[0]
    last = sampling.replay_remote([one.logprob for one in step.top], Settings(temperature=0.8, min_p=0.05),
                                  vocabulary=4096)[-1]
    assert last.exact
    assert len(after) == last.survivors[0]
    for one, chance in zip(step.top, last.low.tolist(), strict=True):
        assert chance == pytest.approx(after.get(one.id, 0), abs=2e-4)


def test_halves_of_a_character_arrive_as_bytes(llama: Server) -> None:
    """After a turtle's first bytes the next ones are likely; as text all of them are replacement signs."""
    answer = remote.ask(llama, Question("storyteller", TEXT, max_tokens=12, top=40,
                                        extras={"temperature": 5.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0, "seed": 8}))
    halves = [one for step in answer.steps for one in step.top if "\ufffd" in one.text]
    assert halves
    assert all(one.bytes and one.bytes.decode("utf-8", "replace") != one.bytes.decode("utf-8", "ignore")
               for one in halves)
    assert all(step.whole for step in answer.steps)


def test_its_refusal_is_a_sentence(llama: Server) -> None:
    with pytest.raises(ValueError, match=r"does not take this question \(400\), it says: .*temperature"):
        remote.ask(llama, Question("storyteller", TEXT, extras={"temperature": "warm"}))


# --------------------------------------------------------------------------------------------------- transformers serve


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    """`transformers serve`, offline, and the id of a tiny random model: the folder that it lies in."""
    if any(find_spec(name) is None for name in ("openai", "fastapi", "uvicorn", "accelerate")):
        pytest.skip(MISSING)
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("serve")
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(STORYTELLER / "tokenizer.json"))
    tokenizer.chat_template = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
    tokenizer.save_pretrained(folder / "tiny")
    torch.manual_seed(0)
    LlamaForCausalLM(LlamaConfig(
        vocab_size=4096, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=4, max_position_embeddings=256, bos_token_id=0, eos_token_id=None, pad_token_id=0,
    )).save_pretrained(folder / "tiny")
    port = free_port()
    command = Path(sys.executable).with_name("transformers")
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            [command, "serve", str(folder / "tiny"), "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"],
            env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "home"), "OMP_NUM_THREADS": "1"},
            stdout=log, stderr=subprocess.STDOUT,
        )
        try:
            _wait(process, f"http://127.0.0.1:{port}/health", folder / "log.txt")
            yield Server(addresses.parse(f"http://127.0.0.1:{port}/v1")), str(folder / "tiny")
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


def _wait(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    until = time.monotonic() + 180
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"transformers serve ended at once: {log.read_text('utf-8')[-2000:]}")
        try:
            urllib.request.urlopen(address, timeout=2).close()
        except urllib.error.HTTPError:
            return  # it answers, though not to this
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"transformers serve did not answer: {log.read_text('utf-8')[-2000:]}")


@pytest.mark.parametrize("chat", [False, True])
def test_it_answers_without_probabilities_and_that_is_said(serve: tuple[Server, str], chat: bool) -> None:
    where, model = serve
    answer = remote.ask(where, Question(model, "The old", chat=chat, max_tokens=6, top=5))
    assert answer.text
    assert answer.ended == "length"
    assert all(step.logprob is None and not step.top and step.unseen == 1 for step in answer.steps)
    assert "".join(step.text for step in answer.steps) == answer.text
    assert answer.says == (
        "This engine gives no probabilities: it answered with text alone, though they were asked for.",
    )


def test_knobs_reach_it_in_a_generation_config_and_nowhere_else(serve: tuple[Server, str]) -> None:
    where, model = serve

    def text(**knobs: Any) -> str:
        extras = {"seed": 5, "generation_config": json.dumps({"do_sample": True, **knobs})}
        return remote.ask(where, Question(model, "The old", max_tokens=6, top=0, extras=extras)).text

    assert text(temperature=2.0, top_k=0) == text(temperature=2.0, top_k=0)
    assert text(temperature=2.0, top_k=0) != text(temperature=2.0, top_k=1) == text(temperature=0.5, top_k=1)
    with pytest.raises(ValueError, match=r"does not take this question \(422\), it says: .*top_k"):
        remote.ask(where, Question(model, "The old", chat=True, extras={"top_k": 3}))


def test_its_list_of_models_fails_offline_and_the_model_id_still_serves(serve: tuple[Server, str]) -> None:
    where, _ = serve
    with pytest.raises(ValueError, match=r"failed by itself \(500\)"):
        remote.models(where)
