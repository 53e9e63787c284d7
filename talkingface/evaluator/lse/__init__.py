"""LSE-D, LSE-C and offset by the published sync network, SyncNet v2 (Chung and Zisserman 2016; Prajwal et al. 2020).

network.py is the network, sound.py and crop.py make what it reads, score.py turns embeddings into numbers.
"""
