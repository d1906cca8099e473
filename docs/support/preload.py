"""What every block would import slowly; processes for blocks are copies of one that has."""

import os
from pathlib import Path

os.environ["MPLBACKEND"] = "agg"
os.environ["MATPLOTLIBRC"] = str(Path(__file__).parents[1] / "figures" / "matplotlibrc")
# Not where other programs of this machine keep theirs.
os.environ["MPLCONFIGDIR"] = str(Path(__file__).parents[2] / ".cache" / "matplotlib")
os.environ["KERAS_HOME"] = str(Path(__file__).parents[2] / ".cache" / "keras")
os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_PLATFORMS"] = "cpu"

import matplotlib.pyplot  # noqa: F401
import seaborn  # noqa: F401
import torch

# Labs run beside the blocks, and threads that wait for each other get nowhere while others have the cores.
torch.set_num_threads(1)
