"""A trained model of the product as files in a folder: the rankers, and which list each split of customers gets."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from jobs.recommendations.blend import Blend, blended
from jobs.recommendations.candidates import CandidateParams
from jobs.recommendations.ranker import Ranker

MODEL = "model"
# Gate → the one that decided for it in models of before 29 November 2026, which shops may have in force.
OLDER = {"personal": "all", "again": "all", "cold by country": "cold"}


@dataclass(frozen=True)
class Gate:
    """What a split of customers is shown, ``model`` or the name of a baseline, and the sentence that says why."""

    split: str
    publishes: str
    reason: str
    ours: float | None = None
    baseline: float | None = None
    low: float | None = None
    high: float | None = None
    customers: int = 0
    chance: float | None = None


@dataclass(frozen=True)
class Model:
    """Rankers by kind of list (``all``, ``discovery``; none where history was too short) and the gates by split.

    ``blends`` says for each split how its two models, own frequency and popularity weigh, ``candidates`` what it was
    trained to order and is to be given.
    """

    rankers: dict[str, Ranker]
    gates: dict[str, Gate]
    blends: dict[str, Blend]
    trained_as_of: str
    candidates: CandidateParams = field(default_factory=CandidateParams)

    def publishes(self, split: str) -> bool:
        """Whether the model and not a baseline is shown to this split."""
        return self.gates[split].publishes == MODEL

    def model_score(self, ranker: str, features: pd.DataFrame, row: np.ndarray) -> np.ndarray:
        """The model's own score, whatever the gates say; higher is better."""
        return blended(self.rankers[ranker].shortlisted(features, row), features, row, self.blends[ranker])

    def save(self, folder: Path) -> None:
        """Writes the model's files; the same model gives the same bytes."""
        folder.mkdir(parents=True, exist_ok=True)
        for split, ranker in self.rankers.items():
            ranker.save(folder, split)
        about = {
            "splits": sorted(self.rankers),
            "gates": {split: asdict(gate) for split, gate in self.gates.items()},
            "blends": {split: asdict(blend) for split, blend in self.blends.items()},
            "trained_as_of": self.trained_as_of,
            "candidates": asdict(self.candidates),
        }
        (folder / "model.json").write_text(json.dumps(about, indent=1, sort_keys=True))

    @staticmethod
    def load(folder: Path) -> Model:
        """Reads what :meth:`save` wrote."""
        about = json.loads((folder / "model.json").read_text())
        gates = {split: Gate(**gate) for split, gate in about["gates"].items()}
        return Model(
            {split: Ranker.load(folder, split) for split in about["splits"]},
            {split: gates[older] for split, older in OLDER.items() if older in gates} | gates,
            {split: Blend(**blend) for split, blend in about["blends"].items()},
            about["trained_as_of"],
            CandidateParams(**about.get("candidates", {})),
        )
