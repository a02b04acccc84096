"""What the snippets of several pages begin with."""

from __future__ import annotations

# The models that ship with the app lie in its own folder; any other is fetched to one beside the snippet.
SHIPPED = ("gapfiller", "storyteller")


def folder_line(model: str) -> str:
    """A snippet's first line: where the model's files lie.

    Args:
        model: catalog id.
    """
    if model in SHIPPED:
        return f'folder = "assets/models/{model}"'
    return f'folder = "{model}"  # python -m components.models fetch {model} --to {model}'
