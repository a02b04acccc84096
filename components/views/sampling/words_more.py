"""What every stage beside the five main ones did to this step, in plain words with its numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from components.sampling import (
    Stage,
    changed,
    dry_passages,
    mirostat_path,
    moved,
    penalty_counts,
    temperature_now,
    xtc_branches,
)
from components.views.sampling.words import Scene, Sentence, below, nth, percent, tokens, went


def _together(stage: Stage, before: Stage, ids: Sequence[int]) -> str:
    """`together they had 3 % and now have 1 %`, over these tokens."""
    chosen = np.asarray(ids, dtype=np.int64)
    was, now = (float(one.probabilities[chosen].sum(dtype=np.float64)) for one in (before, stage))
    return (f"{'together they' if len(chosen) > 1 else 'it'} had {percent(was)} and now "
            f"{'have' if len(chosen) > 1 else 'has'} {percent(now)}")


def _best(stage: Stage, before: Stage, scene: Scene) -> str:
    best = int(np.argmax(before.probabilities))
    return (f"“{scene.label(best)}” goes from {percent(float(before.probabilities[best]))} "
            f"to {percent(float(stage.probabilities[best]))}")


def _quoted(ids: Sequence[int], scene: Scene, most: int = 3) -> str:
    named = ", ".join(f"“{scene.label(int(token))}”" for token in ids[:most])
    return named + (f" and {len(ids) - most:,} more" if len(ids) > most else "")


# ------------------------------------------------------------------------------------------ tokens that are cut off


def _typical(stage: Stage, before: Stage, scene: Scene) -> str:
    expected = f"{before.entropy:.3g} nats (the entropy)"
    words = (f"Those whose surprise lies nearest to the expected {expected} stay, until they hold "
             f"{percent(float(stage.value or 0))}: {tokens(stage.survivors)}. {went(stage, before)}")
    best = int(np.argmax(before.probabilities))
    if stage.probabilities[best] == 0:
        words += (f" The likeliest, “{scene.label(best)}” with {percent(float(before.probabilities[best]))}, goes as "
                  "well: it is too predictable.")
    return words


def _epsilon(stage: Stage, before: Stage, scene: Scene) -> str:
    bar = float(stage.value or 0)
    if before.probabilities.max() < bar:
        return f"The bar stands at {percent(bar)} and nothing reaches it, so the likeliest token stays alone."
    return f"The bar stands at {percent(bar)}, whatever the others have. {below(stage, before)}"


def _eta(stage: Stage, before: Stage, scene: Scene) -> str:
    eta = float(stage.value or 0)
    open_bar = math.sqrt(eta) * math.exp(-before.entropy)
    which = "the fixed one" if eta <= open_bar else "the one that sinks as the choice gets more open"
    return (f"Of two bars, {percent(eta)} and √{eta:g} × e^−entropy = {percent(open_bar)}, the lower counts, "
            f"{which}. {below(stage, before)}")


def _top_h(stage: Stage, before: Stage, scene: Scene) -> str:
    kept = min(100, before.survivors)
    words = (f"An entropy budget: from the top, tokens stay while the entropy they add keeps within "
             f"{percent(float(stage.value or 0))} of what the best {kept} have. {tokens(stage.survivors)} "
             f"{'stays' if stage.survivors == 1 else 'stay'}. {went(stage, before)}")
    if before.survivors > 100:
        words += " More than 100 never stay: the library looks no further."
    return words


def _top_n_sigma(stage: Stage, before: Stage, scene: Scene) -> str:
    alive = before.scores[before.scores > np.finfo(np.float32).min].astype(np.float64)
    sigma, best = float(alive.std()), float(alive.max())
    n = float(stage.value or 0)
    return (f"All scores spread by σ = {sigma:.3g}. The bar lies {n:g} σ below the best score of {best:.3g}, at "
            f"{best - n * sigma:.3g}; {tokens(stage.survivors)} reach{'es' if stage.survivors == 1 else ''} it. "
            + went(stage, before))


def _top_a(stage: Stage, before: Stage, scene: Scene) -> str:
    a, best = float(stage.value or 0), float(before.probabilities.max())
    return (f"The bar is {a:g} × the square of the best one's {percent(best)}, so {percent(a * best * best)}: strict "
            f"where the model is sure, lenient where it is not. {below(stage, before)}")


def _tfs(stage: Stage, before: Stage, scene: Scene) -> str:
    return (f"The curve of falling chances has done {percent(float(stage.value or 0))} of its bending by the "
            f"{nth(stage.survivors)} token; what follows is called the tail. {went(stage, before)}")


def _xtc(stage: Stage, before: Stage, scene: Scene) -> str:
    here = xtc_branches(before, scene.settings, scene.step, scene.redraw)
    chance = scene.settings.xtc_probability
    bar = percent(scene.settings.xtc_threshold)
    if here.kept is None:
        return f"Fewer than two tokens reach {bar}, so there is no top choice to exclude, whatever its number says."
    rule = (f"{len(here.targets) + 1} tokens reach {bar}. When XTC strikes, all of them but the least likely, "
            f"“{scene.label(here.kept)}”, go. ")
    verdict = "below" if here.strikes else "not below"
    outcome = "it strikes" if here.strikes else "it lets them be this time"
    return (rule + f"Its own random number at this step is {here.random:.3f}, {verdict} {chance:g}: {outcome}."
            + (f" {went(stage, before)}" if here.strikes else ""))


def _mirostat(stage: Stage, before: Stage, scene: Scene) -> str:
    settings = scene.settings
    path = mirostat_path(settings, scene.chances)
    words = f"It aims at a surprise of {settings.mirostat_tau:g} bits a token. mu is now {path[-1]:.3g} bits"
    if scene.chances:
        last = -math.log2(max(scene.chances[-1], 1e-38))
        way = "fell" if path[-1] < path[-2] else "rose"
        words += f"; it {way} from {path[-2]:.3g}, because the last token surprised by {last:.3g}. "
    else:
        words += ", twice the aim, where it starts. "
    if settings.mirostat == 1:
        words += f"From mu and the slope of the first 100 it works out how many may stay: {stage.survivors:,}. "
    else:
        words += "Whatever surprises by more than mu goes. "
    return words + went(stage, before)


def _constraint(stage: Stage, before: Stage, scene: Scene) -> str:
    forbidden = before.survivors - stage.survivors
    if not forbidden:
        return "Every token fits here, so nothing is forbidden."
    return (f"{tokens(stage.survivors)} {'fits' if stage.survivors == 1 else 'fit'} what may be written here. "
            f"{tokens(forbidden)} {'does' if forbidden == 1 else 'do'} not, {percent(stage.removed)} together; what "
            f"is left shares it.")


# ------------------------------------------------------------------------------------------------- scores that bend


def _dynatemp(stage: Stage, before: Stage, scene: Scene) -> str:
    heat = temperature_now(before, scene.settings)
    most = math.log(before.survivors) if before.survivors > 1 else 1.0
    return (f"The choice is {percent(min(1.0, before.entropy / most))} as open as it could be, so this step's "
            f"temperature is {heat:.3g}: {_best(stage, before, scene)}.")


def _smoothing(stage: Stage, before: Stage, scene: Scene) -> str:
    return (f"How far each score lies below the best is squared: those close behind come closer, those far behind "
            f"fall further. {_best(stage, before, scene)}.")


def _guidance(stage: Stage, before: Stage, scene: Scene) -> str:
    than = "after the negative prompt" if scene.settings.negative_prompt_ids else "after the prompt's last token alone"
    return (f"Scores move {scene.settings.guidance_scale:g} times as far away from what the model says {than}: "
            f"{_best(stage, before, scene)}, and {percent(moved(stage.probabilities, before.probabilities))} of the "
            "probability changes hands.")


def _renormalize(stage: Stage, before: Stage, scene: Scene) -> str:
    return "Scores become logarithms of probabilities again. No chance changes by that."


def _invalid(stage: Stage, before: Stage, scene: Scene) -> str:
    more = stage.survivors - before.survivors
    extra = f" {tokens(more)} that could not come may come again." if more > 0 else ""
    return f"Scores that are no numbers would be replaced; minus infinity becomes the smallest number there is.{extra}"


def _watermark(stage: Stage, before: Stage, scene: Scene) -> str:
    if scene.settings.watermark == "synthid":
        return (f"The last tokens and secret keys play {percent(moved(stage.probabilities, before.probabilities))} of "
                "the probability into other hands; on average over keys nothing changes, and who has the keys can "
                "test a text for it.")
    green = changed(stage, before)
    return (f"“{scene.label(scene.ids[-1])}” and a secret number make {tokens(len(green))} green, of the "
            f"{before.survivors:,} still there. Their scores gain {scene.settings.watermark_bias:g}: "
            f"{_together(stage, before, green.tolist())}. Who knows the number can count the green ones in a text.")


# -------------------------------------------------------------------------------------------- single tokens, by name


def _encoder_penalty(stage: Stage, before: Stage, scene: Scene) -> str:
    ids = [token for token in set(scene.ids[: scene.prompt_length]) if token < len(before.probabilities)]
    sense = "In favour of" if scene.settings.encoder_repetition_penalty > 1 else "Held against"
    return f"{sense} the {tokens(len(ids))} of the prompt: {_together(stage, before, ids)}."


def _counted(stage: Stage, before: Stage, scene: Scene) -> str:
    settings = scene.settings
    counts = penalty_counts(scene.ids, scene.prompt_length, settings)
    where = {0: "written so far", -1: "of the whole text"}.get(
        settings.penalty_last_n, f"among the last {settings.penalty_last_n:,}")
    if not counts:
        return f"Nothing to hold down yet: it counts the tokens {where}, and there are none."
    together = _together(stage, before, list(counts))
    if stage.name == "presence_penalty":
        return (f"{settings.presence_penalty:g} is taken off the score of each of the {len(counts):,} different "
                f"tokens {where}, once: {together}.")
    most = max(counts, key=lambda token: (counts[token], -token))
    times = f"{counts[most]} times" if counts[most] > 1 else "once"
    return (f"{settings.frequency_penalty:g} is taken off for every time that a token stands {where}; “"
            f"{scene.label(most)}” stands there {times}. Of the {len(counts):,} different ones, {together}.")


def _dry(stage: Stage, before: Stage, scene: Scene) -> str:
    least = scene.settings.dry_allowed_length
    found = dry_passages(scene.ids, scene.prompt_length, scene.settings)
    if not found:
        return f"No passage of {tokens(least)} or more at the end has come before, so nothing is held down."
    first = found[0]
    passage = scene.text(scene.ids[len(scene.ids) - first.length:]).strip()
    off = float(before.scores[first.token] - stage.scores[first.token])
    more = f" {tokens(len(found) - 1)} more would also prolong a repetition." if len(found) > 1 else ""
    return (f"“{passage}” ({tokens(first.length)}) has come before, and “{scene.label(first.token)}” followed. To say "
            f"it again costs {off:.3g} of its score: {_together(stage, before, [first.token])}.{more}")


def _ngram(stage: Stage, before: Stage, scene: Scene) -> str:
    size = int(stage.value or 0)
    where = "in the prompt" if stage.name.startswith("encoder") else "in the text"
    gone = changed(stage, before)
    if not len(gone):
        return f"No token would repeat {tokens(size)} in a row that stand {where} already."
    return (f"{_quoted(gone.tolist(), scene)} would repeat {tokens(size)} in a row that stand {where} already: banned, "
            f"{percent(stage.removed)} together.")


def _bias(stage: Stage, before: Stage, scene: Scene) -> str:
    ids = changed(stage, before)
    waiting = sum(len(word) > 1 for word, _ in scene.settings.sequence_bias)
    note = f" {waiting} of the sequences wait for the tokens in front of their last one." if waiting else ""
    if not len(ids):
        return f"No biased sequence could end here.{note}"
    return f"The scores of {_quoted(ids.tolist(), scene)} change: {_together(stage, before, ids.tolist())}.{note}"


def _banned(stage: Stage, before: Stage, scene: Scene) -> str:
    gone = changed(stage, before)
    if not len(gone):
        return "None of what is banned could come here."
    return f"Banned here: {_quoted(gone.tolist(), scene)}, {percent(stage.removed)} together."


def _begin(stage: Stage, before: Stage, scene: Scene) -> str:
    if scene.step:
        return "It speaks of the first new token only, and that is written."
    return _banned(stage, before, scene)


def _minimum(stage: Stage, before: Stage, scene: Scene) -> str:
    written = scene.step if stage.name == "min_new_tokens" else len(scene.ids)
    left = int(stage.value or 0) - written
    if left <= 0:
        return f"The least length is reached with {tokens(written)}; the model may end its text."
    return f"The end may not come before {left:,} more; its {percent(stage.removed)} go to the others."


def _forced(stage: Stage, before: Stage, scene: Scene) -> str:
    when = "right after a first token" if stage.name == "forced_bos_token_id" else "as the very last token"
    what = scene.label(int(stage.value)) if stage.value is not None else "the end"
    if stage.survivors == 1:
        return f"Here “{what}” is all that may come: {percent(stage.removed)} are forbidden."
    return f"“{what}” is forced only {when}, which is not here."


def _decay(stage: Stage, before: Stage, scene: Scene) -> str:
    start, factor = scene.settings.exponential_decay_length_penalty or (0, 1.0)
    ids = changed(stage, before)
    if not len(ids):
        return f"It begins after {tokens(start)}; {scene.step:,} are written."
    return (f"Since {tokens(start)} were written, the end gains by {factor:g} to the power of each further token: "
            f"{_together(stage, before, ids.tolist())}.")


SENTENCES: dict[str, Sentence] = {
    "typical_p": _typical, "epsilon_cutoff": _epsilon, "eta_cutoff": _eta, "top_h": _top_h,
    "top_n_sigma": _top_n_sigma, "top_a": _top_a, "tfs_z": _tfs, "xtc_probability": _xtc, "mirostat": _mirostat,
    "constraint": _constraint, "dynatemp_range": _dynatemp, "smoothing_factor": _smoothing,
    "guidance_scale": _guidance, "renormalize_logits": _renormalize, "remove_invalid_values": _invalid,
    "watermark": _watermark, "encoder_repetition_penalty": _encoder_penalty, "presence_penalty": _counted,
    "frequency_penalty": _counted, "dry_multiplier": _dry, "no_repeat_ngram_size": _ngram,
    "encoder_no_repeat_ngram_size": _ngram, "sequence_bias": _bias, "bad_words_ids": _banned,
    "suppress_tokens": _banned, "begin_suppress_tokens": _begin, "min_length": _minimum, "min_new_tokens": _minimum,
    "forced_bos_token_id": _forced, "forced_eos_token_id": _forced, "exponential_decay_length_penalty": _decay,
}
