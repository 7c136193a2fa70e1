"""What training leaves behind, as files in a folder: who serves which segment, corrections, and what models learnt."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from jobs.demand import methods, totals
from jobs.demand.boosted import Boosted
from jobs.demand.choosing import BASELINES, Gate, plain
from jobs.demand.forecasts import LEVELS, Forecast
from jobs.demand.history import History
from jobs.demand.launches import Library
from jobs.demand.methods import Learnt
from jobs.demand.networks import Networks
from jobs.demand.segments import SEGMENTS, segments

DAYS = "days"


@dataclass(frozen=True)
class Model:
    """``gates`` by segment. ``corrections``: segment → what they correct (:data:`DAYS` or the days of a total as text)
    → a factor per level. ``correlations`` of items' errors by :mod:`jobs.demand.together`'s levels."""

    gates: dict[str, Gate]
    corrections: dict[str, dict[str, list[float]]]
    learnt: Learnt
    trained_as_of: str
    correlations: dict[str, float] = field(default_factory=dict)

    def forecast(self, history: History) -> tuple[Forecast, np.ndarray, np.ndarray]:
        """The served forecast of each item with corrected quantiles, its method and its segment."""
        segment = segments(history)
        choice = {name: gate.serves for name, gate in self.gates.items()}
        found, method = methods.by_segment(history, self.learnt, segment, choice)
        factors = (
            np.stack([self.factors(name, DAYS) for name in segment]) if len(segment) else np.ones((0, len(LEVELS)))
        )
        return Forecast(totals.corrected(found.quantiles, factors[:, None, :]), found.mean), method, segment

    def factors(self, segment: str, of: str) -> np.ndarray:
        """The correction of a segment's quantiles; 1 where nothing was learnt. A horizon that was not judged takes
        the nearest that was."""
        told = self.corrections.get(segment, {})
        if of != DAYS and of not in told:
            judged = [days for days in told if days != DAYS]
            of = min(judged, key=lambda days: (abs(int(days) - int(of)), days)) if judged else of
        return np.array(told.get(of, np.ones(len(LEVELS))))

    def save(self, folder: Path) -> None:
        """Writes the model's files; the same model gives the same bytes."""
        folder.mkdir(parents=True, exist_ok=True)
        parts = {"boosted": self.learnt.boosted, "networks": self.learnt.networks}
        for name, part in parts.items():
            if part is not None:
                part.save(folder / name)
        if self.learnt.library is not None:
            self.learnt.library.save(folder / "launches.parquet")
        about = {
            "gates": plain(self.gates),
            "corrections": self.corrections,
            "correlations": self.correlations,
            "parts": sorted(name for name, part in parts.items() if part is not None),
            "trained_as_of": self.trained_as_of,
        }
        (folder / "model.json").write_text(json.dumps(about, indent=1, sort_keys=True))

    @staticmethod
    def load(folder: Path) -> Model:
        """Reads what :meth:`save` wrote."""
        about = json.loads((folder / "model.json").read_text())
        parts, launched = about["parts"], folder / "launches.parquet"
        learnt = Learnt(
            Boosted.load(folder / "boosted") if "boosted" in parts else None,
            Library.load(launched) if launched.is_file() else None,
            Networks.load(folder / "networks") if "networks" in parts else None,
        )
        # A champion from before a kind of item was told apart serves it by its baseline.
        unknown = Model.without("not told apart when it was trained", about["trained_as_of"]).gates
        gates = unknown | {segment: Gate(**gate) for segment, gate in about["gates"].items()}
        return Model(gates, about["corrections"], learnt, about["trained_as_of"], about.get("correlations", {}))

    @staticmethod
    def without(reason: str, as_of: str) -> Model:
        """Baselines everywhere, and why."""
        return Model({name: Gate(name, BASELINES[name], reason) for name in SEGMENTS}, {}, Learnt(), as_of)
