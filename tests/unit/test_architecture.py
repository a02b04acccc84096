"""Who may import whom (the house's one rule), read from every import in the source."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {
    "torch", "transformers", "sentence_transformers", "sklearn", "umap", "hdbscan", "bertopic", "faiss", "pandas",
    "altair", "plotly", "scipy", "numba",
}
DOMAINS = ("tokenization", "attention", "sampling", "search", "topics")
#: Which other domains a domain may use, through their `__init__` only.
USES = {
    "tokenization": set(),
    "sampling": {"tokenization"},
    "attention": {"tokenization", "sampling"},
    "search": {"tokenization", "sampling"},
    "topics": {"tokenization", "sampling"},
}
#: The layers, bottom first; a module imports its own layer or a lower one.
LAYERS = [
    {"components.workshop", "components.settings", "components.payload", "components.records"}
    | {"components.addresses"}
    | {"components.models.catalog", "components.models.places"},
    {"components.models"},
    {"components.models.open", "components.models.convert", "components.encoding", "components.corpora"}
    | {"components.first_views", "components.remote", "components.models.__main__"},
    {f"components.{domain}" for domain in DOMAINS},
    {"components.caching", "components.models.loaders", "components.views"},
    {"pages", "app"},
]


def modules() -> dict[str, Path]:
    files = [ROOT / "app.py", *(ROOT / "pages").glob("*.py"), *(ROOT / "components").rglob("*.py")]
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in files}


MODULES = modules()
FRONT_DOORS = {f"components.{domain}" for domain in DOMAINS}


def runs_later(node: ast.AST) -> bool:
    """Whether importing the module leaves this part alone: a function's body, or what only a type checker reads."""
    if isinstance(node, ast.If):
        return "TYPE_CHECKING" in ast.unparse(node.test)
    return isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))


def imports(path: Path, *, top_only: bool = False) -> set[str]:
    """Every imported module of a file; `top_only` leaves out those inside functions and under TYPE_CHECKING."""
    own = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    found: set[str] = set()

    def walk(node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                found.update(alias.name for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                start = own.split(".")[: -child.level] if child.level else []
                source = ".".join([*start, *([child.module] if child.module else [])])
                deeper = {f"{source}.{alias.name}" for alias in child.names}
                # `from package import module` is an import of the module, unless the package offers that name itself.
                front_door = source in FRONT_DOORS
                submodules = set() if front_door else {name for name in deeper if name in MODULES}
                found.update(submodules)
                if len(submodules) < len(deeper):
                    found.add(source)
            elif top_only and runs_later(child):
                continue
            walk(child)

    walk(ast.parse(path.read_text("utf-8")))
    return found


def layer(module: str) -> int | None:
    best: tuple[int, int] | None = None
    for index, names in enumerate(LAYERS):
        for name in names:
            if (module == name or module.startswith(name + ".")) and (best is None or len(name) > best[1]):
                best = (index, len(name))
    return None if best is None else best[0]




@pytest.mark.parametrize("module", sorted(MODULES))
def test_streamlit_stays_where_it_belongs(module: str) -> None:
    allowed = module in {"app", "components.caching", "components.models.loaders"} or module.startswith(
        ("pages.", "components.views")
    )
    uses = any(name == "streamlit" or name.startswith("streamlit.") for name in imports(MODULES[module]))
    assert allowed or not uses, f"{module} imports streamlit"


@pytest.mark.parametrize("module", sorted(MODULES))
def test_heavy_libraries_are_imported_inside_functions(module: str) -> None:
    heavy = {name.split(".")[0] for name in imports(MODULES[module], top_only=True)} & HEAVY
    assert not heavy, f"{module} imports {heavy} at its top"


@pytest.mark.parametrize("module", sorted(name for name in MODULES if name.startswith("components.views")))
def test_views_know_no_models(module: str) -> None:
    known = {"torch", "transformers", "bertopic", "umap", "hdbscan"}
    heavy = {name.split(".")[0] for name in imports(MODULES[module])} & known
    assert not heavy, f"{module} imports {heavy}"


@pytest.mark.parametrize("module", sorted(MODULES))
def test_layers_point_down(module: str) -> None:
    own = layer(module)
    if own is None:
        assert module == "components", f"{module} has no place in the house; give it one in LAYERS"
        return
    for name in imports(MODULES[module]):
        if name.startswith(("components.", "pages.")) and (other := layer(name)) is not None:
            assert other <= own, f"{module} imports {name}, which stands above it"


@pytest.mark.parametrize("module", sorted(MODULES))
def test_domains_meet_through_their_front_door(module: str) -> None:
    own = next((domain for domain in DOMAINS if module.startswith(f"components.{domain}")), None)
    for name in imports(MODULES[module]):
        for other in DOMAINS:
            if other == own or not name.startswith(f"components.{other}"):
                continue
            if own is not None:
                assert other in USES[own], f"{module} may not use {other}"
                assert name == f"components.{other}", f"{module} reaches into {name}"
