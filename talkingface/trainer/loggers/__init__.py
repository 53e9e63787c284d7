"""Where the course of a training is shown: one backend a file, chosen by the key `logger`."""
