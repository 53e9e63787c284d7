"""Training of the lip-sync expert (Wav2Lip, equations 1 and 2)."""

# B batch, K sounds that are off, M mel bins, S mel steps, E embedding values

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor
from torch.nn import functional as F

from talkingface.batch import FACE_WINDOW, IN_SYNC, MELS, OFF_MELS, Batch
from talkingface.model.audio_driven_talkingface.syncnet import SyncNet_color
from talkingface.model.losses import sync_loss
from talkingface.trainer.trainer import Trainer


class SyncNetTrainer(Trainer):
    """Cross entropy between the cosine of sound and face and whether they belong together."""

    def train_step(self, batch: Batch) -> dict[str, Tensor]:
        losses = self._of_faces(batch) if OFF_MELS in batch else self._of_pairs(batch)
        self.optimize(self.optimizer, losses["loss"])
        return losses

    def valid_step(self, batch: Batch) -> dict[str, Tensor]:
        return self._of_pairs(batch)

    def _of_pairs(self, batch: Batch) -> dict[str, Tensor]:
        """`loss`, and `accuracy`: the share of pairs whose cosine is on the right side of 0.5."""
        with self.autocast():
            audio, face = self.model(batch[MELS], batch[FACE_WINDOW])
        target = batch[IN_SYNC]
        return {"loss": sync_loss(audio, face, target), "accuracy": accuracy(audio, face, target)}

    def _of_faces(self, batch: Batch) -> dict[str, Tensor]:
        """Likewise, each face against its own sound and K others; both kinds of pairs count for half."""
        network = cast(SyncNet_color, self.model)
        count = batch[OFF_MELS].shape[1]
        with self.autocast():
            sounds = network.embed_audio(torch.cat([batch[MELS], batch[OFF_MELS].flatten(0, 1)[:, None]]))
            face = network.embed_face(batch[FACE_WINDOW])
        own, off = sounds.split([len(face), len(face) * count])
        faces = face.repeat_interleave(count, dim=0)
        loss = (sync_loss(own, face, 1.0) + sync_loss(off, faces, 0.0)) / 2
        right = (accuracy(own, face, 1.0) + accuracy(off, faces, 0.0)) / 2
        return {"loss": loss, "accuracy": right}


def accuracy(audio: Tensor, face: Tensor, target: Tensor | float) -> Tensor:
    """Share of pairs of embeddings, (B, E), whose cosine is on the right side of 0.5; target: (B, 1), 1 in sync."""
    says_in_sync = F.cosine_similarity(audio.detach().float(), face.detach().float()) > 0.5
    wanted = target[:, 0] > 0.5 if isinstance(target, Tensor) else target > 0.5
    return (says_in_sync == wanted).float().mean()
