"""Muon: momentum whose direction is made orthogonal before each step (Jordan et al., 2024).

A plain gradient moves a matrix mostly along a few strong directions. Muon replaces the gradient by the nearest matrix
whose directions are all equally strong, found with five Newton-Schulz iterations that need only products of matrices.
"""

from __future__ import annotations

from collections import defaultdict

import torch
from torch import Tensor


def orthogonalise(matrices: Tensor, iterations: int = 5) -> Tensor:
    """Nearest matrices with all singular values about one. `matrices` is [n, rows, columns]."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrices.bfloat16()
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.transpose(-1, -2).contiguous()
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(iterations):
        gram = torch.bmm(x, x.transpose(-1, -2))
        # baddbmm(s, p, q, beta, alpha) is beta * s + alpha * p @ q in one pass over memory.
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    if tall:
        x = x.transpose(-1, -2)
    return x.float()


class Muon(torch.optim.Optimizer):
    """Muon for two-dimensional parameters. Matrices of one shape are treated together, which is faster."""

    def __init__(self, matrices: list[Tensor], lr: float, momentum: float = 0.95, weight_decay: float = 0.0) -> None:
        super().__init__(matrices, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One update from the gradients that are there."""
        for group in self.param_groups:
            alike: dict[tuple[int, ...], list[Tensor]] = defaultdict(list)
            for matrix in group["params"]:
                if matrix.grad is not None:
                    alike[tuple(matrix.shape)].append(matrix)
            for (rows, columns), matrices in alike.items():
                directions = []
                for matrix in matrices:
                    state = self.state[matrix]
                    if "momentum" not in state:
                        state["momentum"] = torch.zeros_like(matrix)
                    state["momentum"].lerp_(matrix.grad, 1 - group["momentum"])
                    directions.append(matrix.grad.lerp(state["momentum"], group["momentum"]))
                scale = group["lr"] * max(1.0, rows / columns) ** 0.5
                for matrix, update in zip(matrices, orthogonalise(torch.stack(directions)), strict=True):
                    matrix.mul_(1 - group["lr"] * group["weight_decay"])
                    matrix.add_(update, alpha=-scale)
