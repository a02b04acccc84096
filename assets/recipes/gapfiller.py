"""The recipe of gapfiller, a small masked encoder of tales: it fills gaps, looking before and after.

    python -m assets.recipes.gapfiller --corpus ../shared/corpus/tales.txt.xz --minutes 60

Read it top to bottom: storyteller's vocabulary and books, training from storyteller's weights for a number of minutes,
an export in the ordinary Hugging Face layout, and the measures of what was exported. Stop it at any time; the same
command goes on from the last checkpoint. `--minutes` is the total over all resumes and fixes the schedule.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from assets.recipes.masked_plan import MaskedPlan
from assets.recipes.plan import Plan

MODELS = Path(__file__).resolve().parents[1] / "models"


def arguments(words: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m assets.recipes.gapfiller", description="Train gapfiller.")
    parser.add_argument("--corpus", type=Path, required=True, help="books: a paragraph a line, an empty line ends one")
    parser.add_argument("--minutes", type=float, required=True, help="training time in total, over all resumes")
    parser.add_argument("--work", type=Path, default=Path(".training-gapfiller"), help="folder for checkpoint and log")
    parser.add_argument("--start", type=Path, default=MODELS / "storyteller", help="storyteller's folder")
    parser.add_argument("--from-nothing", action="store_true", help="begin from random weights, which takes far longer")
    parser.add_argument("--out", type=Path, default=MODELS / "gapfiller", help="folder for the finished model")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 2, help="processor threads")
    parser.add_argument("--every", type=int, default=1, help="score each so-manieth row of the held-out books")
    parser.add_argument("--no-compile", action="store_true", help="do not let torch compile the model")
    parser.add_argument("--note", default="", help="what was particular about this run, for the model card")
    parser.add_argument("--export-now", action="store_true", help="train no more: export the last checkpoint, measure")
    return parser.parse_args(words)


def main(words: list[str] | None = None, plan: MaskedPlan | None = None, books: Plan | None = None) -> int:
    """Run the recipe; `books` says which books are held out. Returns 0 where every bar is met, 1 where one is not."""
    options, plan, books = arguments(words), plan or MaskedPlan(), books or Plan()
    if options.minutes <= 0:
        raise ValueError("--minutes must be more than 0.")
    # Threads that wait should sleep: spinning would take the processor from everyone else.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import torch

    from assets.recipes import corpus, masked_export, masked_training, training

    torch.set_num_threads(options.threads)
    options.work.mkdir(parents=True, exist_ok=True)
    start = None if options.from_nothing else options.start

    # 1. Books into ids, as storyteller's recipe does: the same books are held out, the same vocabulary is learned.
    prepared = corpus.prepare(options.corpus, options.work, books)
    if start is not None and corpus.Tokenizer.from_file(str(start / "tokenizer.json")).get_vocab() != (
        prepared.tokenizer.get_vocab()
    ):
        raise ValueError("These books do not give storyteller's vocabulary. Give its corpus, or use --from-nothing.")

    # 2. Train until the minutes are used.
    if not options.export_now:
        compiled = not options.no_compile and training.can_compile()
        weights = None if start is None else start / "model.safetensors"
        masked_training.train(prepared, options.work, options.minutes, plan, compiled, weights)

    # 3. Export, then measure the exported files as a reader would load them.
    masked_export.export(options.work, options.out, plan, prepared.tokenizer)
    flags = corpus.reprinted(*corpus.hold_out(corpus.read_books(options.corpus), books))
    return masked_export.evaluate(
        prepared, options.out, start, plan, options.minutes, flags, options.note, options.every
    )


if __name__ == "__main__":
    sys.exit(main())
