"""Training: the loop in trainer.py, one recipe a file, checkpoints and run folders."""
