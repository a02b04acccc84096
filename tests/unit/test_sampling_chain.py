"""The chain equals the library's, and each stage's numbers are what they say."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from components.sampling import KNOBS, Settings, fold
from tests.unit.tiny_decoders import tiny

SETTINGS = [
    Settings(),
    Settings(temperature=0.8, top_k=50, top_p=0.9, min_p=0.05, repetition_penalty=1.3),
    Settings(temperature=1.7, top_p=0.35),
    Settings(top_k=3, min_p=0.4),
    Settings(repetition_penalty=0.7, temperature=0.2),
    Settings(top_k=100_000, top_p=0.0),
    Settings(min_p=1.0),
    Settings(temperature=0, repetition_penalty=1.5, top_k=5),
    Settings(do_sample=False, temperature=0.3),
]


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
@pytest.mark.parametrize("settings", SETTINGS, ids=range(len(SETTINGS)))
def test_last_stage_is_what_generate_samples_from(kind: str, settings: Settings) -> None:
    model = tiny(kind)
    prompt = [5, 9, 9, 42, 7]
    torch.manual_seed(3)
    made = model.generate(torch.tensor([prompt]), max_new_tokens=6, output_scores=True, output_logits=True,
                          return_dict_in_generate=True, **settings.generate_arguments())
    ids = made.sequences[0].tolist()
    for step, (logits, scores) in enumerate(zip(made.logits, made.scores, strict=True)):
        stages = fold(logits[0], ids[: len(prompt) + step], settings, model=model)
        assert torch.equal(torch.from_numpy(stages[-1].scores.copy()), scores[0])
        np.testing.assert_allclose(stages[0].probabilities, torch.softmax(logits[0], -1).numpy(), atol=1e-7)
        np.testing.assert_array_equal(stages[-1].probabilities, torch.softmax(scores[0], -1).numpy())


def test_order_and_off_rows() -> None:
    names = ["logits", *KNOBS]
    logits = np.linspace(-3, 3, 40)
    for settings in SETTINGS:
        assert [stage.name for stage in fold(logits, [1], settings)] == names
    stages = {stage.name: stage for stage in fold(logits, [1], Settings(top_k=4))}
    assert [stages[name].on for name in KNOBS] == [False, False, True, False, False]
    assert stages["min_p"].probabilities is stages["top_k"].probabilities


def test_numbers_of_a_worked_example() -> None:
    p = np.array([0.45, 0.25, 0.15, 0.1, 0.05])
    stages = {stage.name: stage for stage in fold(np.log(p), [0], Settings(temperature=2.0, top_p=0.8))}
    assert stages["logits"].survivors == 5
    entropy = -(p * np.log(p)).sum()
    assert stages["logits"].entropy == pytest.approx(entropy, abs=1e-6)
    assert stages["logits"].effective == pytest.approx(np.exp(entropy), abs=1e-5)
    assert stages["temperature"].removed == 0
    warm = np.sqrt(p) / np.sqrt(p).sum()
    assert stages["top_p"].survivors == 4
    assert stages["top_p"].removed == pytest.approx(warm[4], abs=1e-6)
    np.testing.assert_allclose(stages["top_p"].probabilities, [0.358, 0.267, 0.207, 0.169, 0], atol=6e-4)


def test_ties_survive_top_k_and_the_higher_index_survives_top_p() -> None:
    assert fold(np.array([3.0, 2, 2, 2, 1]), [0], Settings(top_k=2))[-1].survivors == 4
    kept = np.flatnonzero(fold(np.zeros(5), [0], Settings(top_p=0.5))[-1].probabilities)
    assert kept.tolist() == [2, 3, 4]


def test_the_repetition_penalty_depends_on_where_zero_lies() -> None:
    plain = np.array([2.0, 1.0, -1.0])
    low, high = (fold(plain + shift, [0], Settings(repetition_penalty=1.3))[1] for shift in (0, 10))
    assert low.probabilities[0] == pytest.approx(0.601, abs=1e-3)
    assert high.probabilities[0] == pytest.approx(0.131, abs=1e-3)


def test_minus_infinity_is_a_token_that_cannot_come() -> None:
    stages = fold(np.array([1.0, -np.inf, 0.0]), [0], Settings(temperature=0.5, top_p=0.99))
    assert [stage.survivors for stage in stages] == [2] * 6
    only = fold(np.array([-np.inf, 4.0, -np.inf]), [0], Settings(temperature=0.5, top_k=3, top_p=0.1, min_p=1.0))
    assert only[-1].probabilities.tolist() == [0, 1, 0]
    assert only[-1].entropy == 0


def test_results_cannot_be_written_to_and_the_caller_s_logits_stay() -> None:
    logits = np.linspace(0, 4, 12).astype(np.float32)
    before = logits.copy()
    stages = fold(logits, [3, 3], Settings(repetition_penalty=2.0, temperature=0.5, top_k=2))
    np.testing.assert_array_equal(logits, before)
    with pytest.raises(ValueError, match="read-only"):
        stages[-1].probabilities[0] = 1


@pytest.mark.parametrize(
    ("logits", "words"),
    [
        ([np.nan, 1.0], "no numbers"),
        ([np.inf, 1.0], "no numbers"),
        ([-np.inf, -np.inf], "banned"),
        ([[1.0, 2.0]], "one row"),
        ([], "one row"),
    ],
)
def test_unusable_logits_are_a_sentence(logits: list, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        fold(np.array(logits), [0], Settings())


def test_a_models_own_generation_config_counts() -> None:
    model = tiny()
    model.generation_config.no_repeat_ngram_size = 1
    stages = fold(np.linspace(0, 3, 503), [7, 8], Settings(top_k=5), model=model)
    names = [stage.name for stage in stages]
    assert "no_repeat_ngram_size" in names
    banned = stages[names.index("no_repeat_ngram_size")]
    assert banned.survivors == 501
    assert banned.removed > 0


@pytest.mark.parametrize(
    "values",
    [
        {"temperature": -1}, {"temperature": float("nan")}, {"temperature": 1e-38}, {"temperature": "hot"},
        {"top_k": -1}, {"top_k": 2.5}, {"top_k": True}, {"top_p": 1.01}, {"min_p": -0.1},
        {"repetition_penalty": 0}, {"repetition_penalty": float("inf")}, {"seed": -1}, {"seed": 2**60},
        {"do_sample": "yes"}, {"max_new_tokens": 0}, {"max_new_tokens": 100_000}, {"heat": 1},
    ],
)
def test_forged_settings_are_a_sentence_naming_the_knob(values: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(values))) as caught:
        Settings.of(values)
    assert str(caught.value).endswith(".")
