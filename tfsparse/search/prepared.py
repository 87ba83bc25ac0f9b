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
        plans: Dictionary from variants, see `METHODS`, to a `Plan`.
        dense: Float, the cost of the dense model as it runs now, in the table's unit.
        budget: Float, what the model may cost, or None.
        reference: Float, the metric of the dense model.
        seconds: Float, what the measurements took.
    """

    plans: dict[str, Plan]
    dense: float
    budget: float | None
    reference: float
    seconds: float

    def to_dict(self):
        """Returns what `from_dict` reads, with values of JSON only."""
        rest = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name != "plans"
        }
        plans = {
            name: {
                "table": json.loads(plan.table.to_json()),
                "sensitivity": json.loads(plan.sensitivity.to_json()),
                "correction": plan.correction,
            }
            for name, plan in self.plans.items()
        }
        return {"plans": plans, **rest}

    @classmethod
    def from_dict(cls, fields):
        """Returns what `to_dict` described."""
        plans = {
            name: Plan(
                CostTable.from_json(json.dumps(plan["table"])),
                Sensitivity.from_json(json.dumps(plan["sensitivity"])),
                plan["correction"],
            )
            for name, plan in fields["plans"].items()
        }
        return cls(**(fields | {"plans": plans}))


def key_of(model, **options):
    """A text that two searches have in common if what was measured for one serves the other."""
    digest = hashlib.sha256(json.dumps(options, sort_keys=True, default=str).encode())
    for array in model.get_weights():
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
