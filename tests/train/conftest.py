"""Torch on one thread: on a busy machine two wait for each other most of the time."""

import torch

torch.set_num_threads(1)
