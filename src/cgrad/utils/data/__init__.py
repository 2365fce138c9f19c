"""Datasets, samplers and loaders."""
from cgrad.utils.data.dataloader import DataLoader, default_collate
from cgrad.utils.data.dataset import Dataset, Subset, TensorDataset, random_split
from cgrad.utils.data.sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
)

__all__ = [
    "BatchSampler", "DataLoader", "Dataset", "RandomSampler", "Sampler", "SequentialSampler",
    "Subset", "TensorDataset", "default_collate", "random_split",
]  # fmt: skip
