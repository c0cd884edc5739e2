"""Why a picture matches a text: maps of what the score rests on, and how far to believe them.

Occlusion asks nothing of a model but scores, so it works for every encoder. The maps from gradients and attention need
a torch model (:class:`openitr.diagnose.towers.TowerEncoder`). A map is worth what its deletion and
insertion curves say.

Names are loaded when they are used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openitr.diagnose.explain.curves import Faithfulness, faithfulness
    from openitr.diagnose.explain.gradients import Attribution, gradient_times_input, integrated_gradients
    from openitr.diagnose.explain.inside import attention_rollout, maxsim_map
    from openitr.diagnose.explain.methods import agreement, explain, randomised
    from openitr.diagnose.explain.occlusion import occlusion_map

_HOMES = {
    "Attribution": "gradients",
    "Faithfulness": "curves",
    "agreement": "methods",
    "attention_rollout": "inside",
    "explain": "methods",
    "faithfulness": "curves",
    "gradient_times_input": "gradients",
    "integrated_gradients": "gradients",
    "maxsim_map": "inside",
    "occlusion_map": "occlusion",
    "randomised": "methods",
}

__all__ = [
    "Attribution",
    "Faithfulness",
    "agreement",
    "attention_rollout",
    "explain",
    "faithfulness",
    "gradient_times_input",
    "integrated_gradients",
    "maxsim_map",
    "occlusion_map",
    "randomised",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
