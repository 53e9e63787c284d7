"""python run_talkingface.py --model=HyperLipsBase --dataset=demo

Prepare, train, evaluate, dub: all in one command. `--help` lists the other commands.
"""

import sys

from talkingface.cli import main

if __name__ == "__main__":
    sys.exit(main())
