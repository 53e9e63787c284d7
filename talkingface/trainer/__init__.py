"""Training: the loop in loop.py, what a recipe is in trainer.py, one recipe a file, run folders."""
