"""Training of the lip-sync expert (Wav2Lip, equations 1 and 2)."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from talkingface.batch import FACE_WINDOW, IN_SYNC, MELS, Batch
from talkingface.model.losses import sync_loss
from talkingface.trainer.trainer import Trainer


class SyncNetTrainer(Trainer):
    """Cross entropy between the cosine of sound and face and whether they belong together."""

    def train_step(self, batch: Batch) -> dict[str, Tensor]:
        losses = self._losses(batch)
        self.optimize(self.optimizer, losses["loss"])
        return losses

    def valid_step(self, batch: Batch) -> dict[str, Tensor]:
        return self._losses(batch)

    def _losses(self, batch: Batch) -> dict[str, Tensor]:
        """`loss`, and `accuracy`: the share of pairs whose cosine is on the right side of 0.5."""
        with self.autocast():
            audio, face = self.model(batch[MELS], batch[FACE_WINDOW])
        audio, face = audio.float(), face.float()
        says_in_sync = F.cosine_similarity(audio.detach(), face.detach()) > 0.5
        accuracy = (says_in_sync == (batch[IN_SYNC][:, 0] > 0.5)).float().mean()
        return {"loss": sync_loss(audio, face, batch[IN_SYNC]), "accuracy": accuracy}
