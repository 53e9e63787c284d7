"""Judge a model: dub clips with their own and with other clips' sound, measure the written files, report.

registry.py lists the metrics; base.py says what a metric is.
"""

from talkingface.evaluator.clip import ClipResult, EvalClip
from talkingface.evaluator.evaluator import Evaluator, evaluate
from talkingface.evaluator.outcome import Evaluation

__all__ = ["ClipResult", "EvalClip", "Evaluation", "Evaluator", "evaluate"]
