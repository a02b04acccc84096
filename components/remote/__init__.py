"""Another engine as a source of tokens and probabilities: any OpenAI-compatible server that the operator allows.

    where = remote.server("http://127.0.0.1:8080/v1", settings.get())
    answer = remote.ask(where, remote.Question("tiny", "The mill stood", top=10))
    answer.steps[0].top  # the ten likeliest first tokens with their log-probabilities
    answer.steps[0].unseen  # what all others have together

Plain Python. Asked from this server only; the key goes to the one server it belongs to and nowhere else.
"""

from __future__ import annotations

from components.remote.answer import MAX_TOP, Candidate, RemoteStep, certain_bytes
from components.remote.client import MAX_TOKENS, ModelThere, Question, RemoteAnswer, ask, models, server
from components.remote.limits import BOUNDS, Bounds, Server, Stopped

__all__ = [
    "BOUNDS", "MAX_TOKENS", "MAX_TOP", "Bounds", "Candidate", "ModelThere", "Question", "RemoteAnswer", "RemoteStep",
    "Server", "Stopped", "ask", "certain_bytes", "models", "server",
]
