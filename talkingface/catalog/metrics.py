"""The metrics, one row each, in the order of the report: a new one is a class in its family's file and a row here."""

from __future__ import annotations

METRICS = (
    "talkingface.evaluator.metrics.sync:SyncConfidence",
    "talkingface.evaluator.metrics.sync:SyncOffset",
    "talkingface.evaluator.metrics.sync:SyncDistance",
    "talkingface.evaluator.metrics.lse:LseD",
    "talkingface.evaluator.metrics.lse:LseC",
    "talkingface.evaluator.metrics.lse:LseOffset",
    "talkingface.evaluator.metrics.lse:LseDUnbiased",
    "talkingface.evaluator.metrics.lse:LseCUnbiased",
    "talkingface.evaluator.metrics.lse:LseOffsetUnbiased",
    "talkingface.evaluator.metrics.opening:OpeningCorrelation",
    "talkingface.evaluator.metrics.opening:OpeningAmplitude",
    "talkingface.evaluator.metrics.opening:OpeningLag",
    "talkingface.evaluator.metrics.image:PSNR",
    "talkingface.evaluator.metrics.image:PSNRMouth",
    "talkingface.evaluator.metrics.image:SSIM",
    "talkingface.evaluator.metrics.image:SSIMMouth",
    "talkingface.evaluator.metrics.image:LPIPS",
    "talkingface.evaluator.metrics.image:LPIPSMouth",
    "talkingface.evaluator.metrics.fid:FID",
    "talkingface.evaluator.metrics.fid:FIDMouth",
    "talkingface.evaluator.metrics.image:Sharpness",
    "talkingface.evaluator.metrics.no_reference:BlurEffect",
    "talkingface.evaluator.metrics.no_reference:CPBD",
    "talkingface.evaluator.metrics.no_reference:CPBDMouth",
    "talkingface.evaluator.metrics.landmarks:LMD",
    "talkingface.evaluator.metrics.landmarks:LMDNormalised",
    "talkingface.evaluator.metrics.landmarks:Jitter",
    "talkingface.evaluator.metrics.landmarks:JitterRatio",
    "talkingface.evaluator.metrics.identity:CSIM",
    "talkingface.evaluator.metrics.opening:Leakage",
)
"""Subclasses of `evaluator.metrics.base.Metric`, written `module:Name`."""
