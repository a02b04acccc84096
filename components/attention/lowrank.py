"""One real weight matrix as a sum of few directions: its singular values, and its best approximation at each rank."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from components.attention.capture import library_model
from components.workshop import FORWARD

if TYPE_CHECKING:
    import torch

Floats = NDArray[np.float32]

#: Rows and columns of the part of a matrix that is drawn.
CROP = 96
SEED = 0


@dataclass(frozen=True)
class Matrix:
    """A weight matrix of a model.

    Attributes:
        name: the parameter's name in the library's model, such as "model.layers.3.self_attn.q_proj.weight".
        kind: its name within a block, such as "self_attn.q_proj", or "embedding".
        layer: the block, or None for the embedding.
        rows, columns: as a matrix that is multiplied with a vector, [rows, columns].
    """

    name: str
    kind: str
    layer: int | None
    rows: int
    columns: int


@dataclass(frozen=True)
class Spectrum:
    """A matrix taken apart: W = sum over i of values[i] * left[:, i] * right[i, :].

    Attributes:
        values: float32 [rank], singular values, largest first.
        random: float32 [rank], those of a matrix of random numbers of the same shape and the same norm.
        ranks: the ranks at which pictures and losses are made, smallest first; the last is the full rank.
        crop: float32 [row, column], the matrix's upper left part.
        approximations: float32 [rank, row, column], the same part of the best approximation at each of `ranks`.
    """

    values: Floats
    random: Floats
    ranks: tuple[int, ...]
    crop: Floats
    approximations: Floats

    @property
    def kept(self) -> NDArray[np.float64]:
        """[rank], the share of the squared norm that the first 1, 2, ... directions hold; the last is 1."""
        return shares(self.values)

    @property
    def random_kept(self) -> NDArray[np.float64]:
        """[rank], the same of the random matrix."""
        return shares(self.random)


def shares(values: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Running share of the squared norm, [rank]; a matrix of zeros has all of it at once."""
    squared = np.cumsum(np.asarray(values, dtype=np.float64) ** 2)
    whole = float(squared[-1]) if squared.size else 0.0
    return squared / whole if whole else np.ones_like(squared)


def ranks_of(full: int) -> tuple[int, ...]:
    """The ranks to try: 1, 2, 4 and on, three quarters, all; of a large matrix only every other small one."""
    large = full > 300
    powers = [2**power for power in range(20) if 2**power < full and not (large and 2**power < 64 and power % 2)]
    return tuple(sorted({*powers, *([full * 3 // 4] if full >= 8 else []), full}))


def matrices(model: Any) -> tuple[Matrix, ...]:
    """Every weight matrix of a model's blocks, and its embedding first, whatever the architecture.

    Weights that two places share (a tied head) are listed once.
    """
    library = library_model(model)
    found: list[Matrix] = []
    table = library.get_input_embeddings().weight
    blocks = _block_names(library)
    for name, parameter in library.named_parameters():
        if parameter is table:
            found.insert(0, Matrix(name, "embedding", None, int(parameter.shape[0]), int(parameter.shape[1])))
            continue
        block = next((at for at in blocks if name.startswith(at)), None)
        if parameter.ndim != 2 or block is None or not name.endswith(".weight") or min(parameter.shape) < 2:
            continue
        index, kind = int(block.rstrip(".").rsplit(".", 1)[1]), name[len(block) : -len(".weight")]
        rows, columns = int(parameter.shape[0]), int(parameter.shape[1])
        found.append(Matrix(name, kind, index, rows, columns))
    return tuple(found)


def _block_names(library: Any) -> list[str]:
    """The prefixes of the blocks' parameters: "model.layers.0.", "model.layers.1." and so on."""
    from torch import nn

    layers = int(library.config.num_hidden_layers)
    for name, module in library.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == layers:
            return [f"{name}.{index}." for index in range(layers)]
    raise ValueError(f"The blocks of {type(library).__name__} were not found; choose another model.")


def find_matrix(model: Any, kind: str, layer: int | None) -> Matrix:
    """The matrix of that kind in that layer; ValueError where the model has none."""
    every = matrices(model)
    for one in every:
        if one.kind == kind and (one.layer == layer or one.layer is None):
            return one
    kinds = ", ".join(dict.fromkeys(one.kind for one in every))
    raise ValueError(f"This model has no matrix {kind!r} in layer {layer}; choose one of {kinds}.")


def weight_of(library: Any, matrix: Matrix) -> torch.Tensor:
    import torch

    weight = library.get_parameter(matrix.name).detach().float()
    if not torch.isfinite(weight).all():
        raise ValueError(f"{matrix.name} holds values that are no numbers, so its file is damaged; fetch it again.")
    return weight


def svd_of(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """U [row, rank], S [rank], V^T [rank, column]. A tall matrix goes through QR first, which is much faster."""
    import torch

    if weight.shape[0] > 4 * weight.shape[1]:
        orthogonal, small = torch.linalg.qr(weight)
        left, values, right = torch.linalg.svd(small, full_matrices=False)
        return orthogonal @ left, values, right
    left, values, right = torch.linalg.svd(weight, full_matrices=False)
    return left, values, right


def spectrum(model: Any, matrix: Matrix, *, check: Callable[[], None] = lambda: None) -> Spectrum:
    """Singular values, those of a random matrix of the same norm, and the pictures at each rank.

    Args:
        model: what `open_model` returns, or a transformers model.
        matrix: one of `matrices(model)`.
        check: called between steps; raise in it to stop.

    Raises:
        ValueError: the weights are damaged.

    Source: torch.linalg.svd. The best approximation of a rank keeps the largest values (Eckart and Young, 1936).
    """
    import torch

    weight = weight_of(library_model(model), matrix)
    with FORWARD, torch.inference_mode():
        left, values, right = svd_of(weight)
        check()
        noise = torch.randn(weight.shape, generator=torch.Generator().manual_seed(SEED))
        noise *= weight.norm() / noise.norm()
        # The values of a tall matrix are the roots of the small product's, which spares most of the work.
        tall = noise if noise.shape[0] >= noise.shape[1] else noise.T
        random = torch.linalg.eigvalsh(tall.T.double() @ tall.double()).clamp(min=0).sqrt().flip(0)
        check()
        ranks = ranks_of(int(values.numel()))
        scaled = left[:CROP] * values
        crops = [scaled[:, :rank] @ right[:rank, :CROP] for rank in ranks]
        made = Spectrum(
            values=values.numpy().copy(),
            random=random.float().numpy().copy(),
            ranks=ranks,
            crop=weight[:CROP, :CROP].numpy().copy(),
            approximations=torch.stack(crops).numpy().copy(),
        )
    for array in (made.values, made.random, made.crop, made.approximations):
        array.setflags(write=False)
    return made


def lora_parameters(every: Iterable[Matrix], rank: int) -> int:
    """What LoRA trains: beside each matrix [m, n] two small ones, [m, r] and [r, n], so r (m + n) numbers.

    Source: Hu and others, LoRA (2021); `peft.LoraConfig(r=rank, target_modules=...)` makes the same two a matrix.

    Raises ValueError for a rank below 1.
    """
    if rank < 1:
        raise ValueError("A rank is 1 or more; choose a larger one.")
    return sum(rank * (one.rows + one.columns) for one in every)


def adapter_parameters(layers: int, width: int, bottleneck: int, places: int = 2) -> int:
    """What bottleneck adapters train: in `places` places a layer, down to `bottleneck` and up again, with biases.

    Source: Houlsby and others, Parameter-Efficient Transfer Learning (2019): one after attention, one after the
    feed-forward network: 2 x width x bottleneck + bottleneck + width numbers each.
    """
    if bottleneck < 1:
        raise ValueError("A bottleneck is 1 or wider; choose a larger one.")
    return layers * places * (2 * width * bottleneck + bottleneck + width)
