"""Search sessions: shown results, clicks, and a ranking of what was shown.

    MRR@k        1 / rank of the first clicked note, 0 behind k
    mAP@k        sum of precisions at clicks within k, over min(clicked, k)
    Recall@k     clicked within k, over clicked
    P@k          clicked within k, over k

The released evaluation of Qilin passes over a request that the run does not answer, which rewards leaving hard ones
out; here such a request counts 0 unless ``missing="skip"`` asks for the original.

References:
    Chen et al. 2025, "Qilin: A Multimodal Information Retrieval Dataset with APP-level User Sessions", section 5.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from openitr.evaluate.judging import Missing, Ties
from openitr.evaluate.qrels import Qrels
from openitr.evaluate.run import Run
from openitr.evaluate.scores import Groups, Scores, evaluate_run


@dataclass(frozen=True)
class SessionEvaluator:
    """The four metrics at several cutoffs.

    Args:
        ks: The cutoffs.
        missing: "zero" counts a request without answer as found nothing, "skip" leaves it out as the original does.
        ties: As in :func:`openitr.evaluate.evaluate_run`; "given" is the original's.

    >>> run, clicks = Run({"r1": {"a": 2, "b": 1}}), {"r1": ["b"], "r2": ["a"]}
    >>> [SessionEvaluator((2,), policy).evaluate(run, clicks)["MRR@2"] for policy in ("zero", "skip")]
    [25.0, 50.0]
    """

    ks: Sequence[int] = (1, 5, 10)
    missing: Missing = "zero"
    ties: Ties = "against"

    def evaluate(self, run: Run, clicks: Mapping[str, Iterable[str]] | Qrels, groups: Groups | None = None) -> Scores:
        """Measure a run.

        Args:
            run: Request id to the notes as ranked.
            clicks: Request id to the notes that were clicked; a request without a click is left out and counted.
            groups: As in :func:`openitr.evaluate.evaluate_run`.
        """
        qrels = clicks if isinstance(clicks, Qrels) else Qrels.of_sets(clicks)
        names = [f"{family}@{k}" for k in self.ks for family in ("MRR", "mAP", "Recall", "P")]
        return evaluate_run(run, qrels, names, ties=self.ties, missing=self.missing, groups=groups)
