"""What is measured before the first trial, as it is kept in a study."""

import dataclasses
import hashlib
import json

import numpy as np

from tfsparse.prune.weights.sensitivity import Sensitivity
from tfsparse.search.cost_table import CostTable
from tfsparse.search.plan import Plan


@dataclasses.dataclass(frozen=True)
class Prepared:
    """What is measured before the first trial.

    Attributes:
        plan: `Plan`.
        dense: Float, the cost of the dense model as it runs now, in the table's unit.
        budget: Float, what the model may cost, or None.
        reference: Float, the metric of the dense model.
        seconds: Float, what the measurements took.
    """

    plan: Plan
    dense: float
    budget: float | None
    reference: float
    seconds: float

    def to_dict(self):
        """Returns what `from_dict` reads, with values of JSON only."""
        rest = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name != "plan"
        }
        return {
            "table": json.loads(self.plan.table.to_json()),
            "sensitivity": json.loads(self.plan.sensitivity.to_json()),
            "correction": self.plan.correction,
            **rest,
        }

    @classmethod
    def from_dict(cls, fields):
        """Returns what `to_dict` described."""
        fields = dict(fields)
        plan = Plan(
            CostTable.from_json(json.dumps(fields.pop("table"))),
            Sensitivity.from_json(json.dumps(fields.pop("sensitivity"))),
            fields.pop("correction"),
        )
        return cls(plan, **fields)


def key_of(model, **options):
    """A text that two searches have in common if what was measured for one serves the other."""
    digest = hashlib.sha256(json.dumps(options, sort_keys=True, default=str).encode())
    for array in model.get_weights():
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
