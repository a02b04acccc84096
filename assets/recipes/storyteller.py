"""The recipe of storyteller, a small language model of tales.

    python -m assets.recipes.storyteller --corpus ../shared/corpus/tales.txt.xz --minutes 120

Read it top to bottom: a vocabulary and rows of ids from books, training for a number of minutes, an export in the
ordinary Hugging Face layout, and the measures of what was exported. Stop it at any time; the same command goes on from
the last checkpoint. `--minutes` is the total over all resumes and fixes the learning-rate schedule.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from assets.recipes.plan import Plan

HOME = Path(__file__).resolve().parents[1] / "models" / "storyteller"


def arguments(words: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m assets.recipes.storyteller", description="Train storyteller.")
    parser.add_argument("--corpus", type=Path, required=True, help="books: a paragraph a line, an empty line ends one")
    parser.add_argument("--minutes", type=float, required=True, help="training time in total, over all resumes")
    parser.add_argument("--work", type=Path, default=Path(".training"), help="folder for checkpoints and logs")
    parser.add_argument("--out", type=Path, default=HOME, help="folder for the finished model")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 2, help="processor threads")
    parser.add_argument("--no-compile", action="store_true", help="do not let torch compile the model")
    parser.add_argument("--note", default="", help="what was particular about this run, for the model card")
    parser.add_argument("--export-now", action="store_true", help="export the last checkpoint unmeasured, and stop")
    return parser.parse_args(words)


def main(words: list[str] | None = None, plan: Plan | None = None) -> int:
    """Run the recipe. Returns 0 where every bar is met, 1 where one is not."""
    options, plan = arguments(words), plan or Plan()
    if options.minutes <= 0:
        raise ValueError("--minutes must be more than 0.")
    # Threads that wait should sleep: spinning would take the processor from everyone else.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import torch

    from assets.recipes import corpus, export, training

    torch.set_num_threads(options.threads)
    options.work.mkdir(parents=True, exist_ok=True)
    if options.export_now:
        export.export(options.work, options.out, plan)
        return 0

    # 1. Books into ids. Whole books are held out; the vocabulary is learned from the others alone.
    prepared = corpus.prepare(options.corpus, options.work, plan)

    # 2. Train until the minutes are used.
    compiled = not options.no_compile and training.can_compile()
    training.train(prepared, options.work, options.minutes, plan, compiled)

    # 3. Export, then measure the exported files as a reader would load them.
    export.export(options.work, options.out, plan)
    flags = corpus.reprinted(*corpus.hold_out(corpus.read_books(options.corpus), plan))
    return export.evaluate(prepared, options.work, options.out, plan, options.minutes, flags, options.note)


if __name__ == "__main__":
    sys.exit(main())
