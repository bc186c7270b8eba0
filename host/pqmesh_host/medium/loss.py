# SPDX-License-Identifier: MIT OR Apache-2.0
"""Which receptions fail although nothing collided: independently, or in bursts.

Every pair of nodes is a path of its own, with its own state and its own random stream, so what
happens on one path does not depend on how busy another one is.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Protocol


class LossModel(Protocol):
    """Answers, per reception on one path, whether it fails."""

    def path(self, source: random.Random) -> PathLoss:
        """A fresh path, drawing from ``source``."""
        ...


class PathLoss(Protocol):
    """The loss process of one path."""

    def lost(self) -> bool:
        """Whether the next reception fails. Each call is one frame."""
        ...


@dataclass(frozen=True)
class Independent:
    """Every reception fails with ``probability`` (0..1), whatever happened before."""

    probability: float = 0.0

    def __post_init__(self) -> None:
        _check("probability", self.probability)

    def path(self, source: random.Random) -> PathLoss:
        return _IndependentPath(self.probability, source)


@dataclass(frozen=True)
class GilbertElliott:
    """Loss in bursts: a good and a bad state, each with its own loss (Gilbert 1960, Elliott 1963).

    ``to_bad`` and ``to_good`` are the chances, per frame, of changing state; the mean burst lasts
    ``1 / to_good`` frames and the long-run share of bad frames is ``to_bad / (to_bad + to_good)``.
    """

    to_bad: float
    to_good: float
    loss_good: float = 0.0
    loss_bad: float = 1.0

    def __post_init__(self) -> None:
        for name in ("to_bad", "to_good", "loss_good", "loss_bad"):
            _check(name, getattr(self, name))

    @property
    def mean_loss(self) -> float:
        """The share of frames lost in the long run."""
        total = self.to_bad + self.to_good
        bad = self.to_bad / total if total else 0.0
        return bad * self.loss_bad + (1 - bad) * self.loss_good

    def path(self, source: random.Random) -> PathLoss:
        return _GilbertElliottPath(self, source)


class _IndependentPath:
    def __init__(self, probability: float, source: random.Random) -> None:
        self._probability = probability
        self._random = source

    def lost(self) -> bool:
        return self._random.random() < self._probability


class _GilbertElliottPath:
    def __init__(self, model: GilbertElliott, source: random.Random) -> None:
        self._model = model
        self._random = source
        self._bad = False

    def lost(self) -> bool:
        leave = self._model.to_good if self._bad else self._model.to_bad
        if self._random.random() < leave:
            self._bad = not self._bad
        loss = self._model.loss_bad if self._bad else self._model.loss_good
        return self._random.random() < loss


def _check(name: str, value: float) -> None:
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{name} is a probability, 0..1, not {value}")
