"""The metrics, one row each, in the order of the report: a new one is a class in its family's file and a row here."""

from __future__ import annotations

from difflib import get_close_matches

from talkingface.evaluator.base import Given, Metric
from talkingface.evaluator.fid import FID, FIDMouth
from talkingface.evaluator.identity import CSIM
from talkingface.evaluator.image import PSNR, SSIM, PSNRMouth, Sharpness, SSIMMouth
from talkingface.evaluator.jitter import Jitter, JitterRatio
from talkingface.evaluator.landmarks import LMD, LMDNormalised
from talkingface.evaluator.leakage import Leakage
from talkingface.evaluator.lse.metrics import LseC, LseCUnbiased, LseD, LseDUnbiased, LseOffset, LseOffsetUnbiased
from talkingface.evaluator.noreference import CPBD, BlurEffect, CPBDMouth
from talkingface.evaluator.opening import OpeningAmplitude, OpeningCorrelation, OpeningLag
from talkingface.evaluator.perceptual import LPIPS, LPIPSMouth
from talkingface.evaluator.sync import SyncConfidence, SyncDistance, SyncOffset
from talkingface.utils.errors import UserError

METRICS: tuple[type[Metric], ...] = (
    SyncConfidence,
    SyncOffset,
    SyncDistance,
    LseD,
    LseC,
    LseOffset,
    LseDUnbiased,
    LseCUnbiased,
    LseOffsetUnbiased,
    OpeningCorrelation,
    OpeningAmplitude,
    OpeningLag,
    PSNR,
    PSNRMouth,
    SSIM,
    SSIMMouth,
    LPIPS,
    LPIPSMouth,
    FID,
    FIDMouth,
    Sharpness,
    BlurEffect,
    CPBD,
    CPBDMouth,
    LMD,
    LMDNormalised,
    Jitter,
    JitterRatio,
    CSIM,
    Leakage,
)


def make_metrics(names: tuple[str, ...] | None = None) -> list[Metric]:
    """Return the named metrics, all by default.

    Raises:
        UserError: A name that no metric has.
    """
    known = {one.name: one for one in METRICS}
    if len(known) != len(METRICS):
        raise AssertionError("two metrics have one name")
    unknown = [name for name in names or () if name not in known]
    if unknown:
        near = get_close_matches(unknown[0], known, n=1)
        hint = f"; did you mean {near[0]}?" if near else "."
        raise UserError(f"metrics: {', '.join(unknown)} unknown{hint} Known are {', '.join(known)}")
    return [known[name]() for name in (names or known)]


def unmeasured(metrics: list[Metric], given: Given) -> dict[str, str]:
    """Return why metrics cannot be taken: their titles, joined where the reason is the same, to the reason."""
    titles: dict[str, list[str]] = {}
    for one in metrics:
        if (reason := one.not_measured(given)) is not None:
            titles.setdefault(reason, []).append(one.title)
    return {", ".join(names): reason for reason, names in titles.items()}
