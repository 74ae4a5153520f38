"""Published ways to find a planted class, each a function from a model of the bench and its images to a `Judged`.

Activation clustering and spectral relevance analysis look at the training images and name those that they suspect;
Neural Cleanse and NeuronInspect look at the model with plain test images. A class's score is the higher, the more it
is suspected. ``benchmarks.audit_tables`` runs them and tells how good they are. Where a paper leaves something open,
or takes more steps than two cores can, the function says what is done here.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.decomposition import FastICA
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import silhouette_score
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.audit_models import Trained
from xaisigns.attribution.canonize import canonize
from xaisigns.attribution.methods import find_method
from xaisigns.base.devices import computes_bfloat16
from xaisigns.data.tensors import normalise

_BATCH = 256
_COMPONENTS = 10  # of activations, as published
_SMALLER = 0.35  # of a class: a cluster with more images is no suspect
_SILHOUETTE = 0.10  # from which on the paper suspects a class; 0.10 to 0.15
_INDEX = 2.0  # from which on an outlier is one, in median absolute deviations
_EIGENVALUES = 32
_MOST_CLUSTERS = 9
_STEPS, _IMAGES = 100, 16  # of a trigger's inversion: steps, and images of each class in one
_WANTED = 0.95  # share of images that a trigger has to turn
_POOL = 512  # plain test images
_EXPLAINED = 48  # of them, whose heatmaps are compared


@dataclass(frozen=True)
class Judged:
    """A ``score`` and whether the class is ``flagged`` by the paper's own threshold, ``(classes,)`` each.

    ``suspects`` ``(N,)`` are the training images in the smaller cluster of their class, None where none are named;
    ``flagged`` is None where the paper has no threshold.
    """

    score: NDArray[np.float64]
    flagged: NDArray[np.bool_] | None
    suspects: NDArray[np.bool_] | None = None


def activation_clustering(trained: Trained) -> Judged:
    """Activations before the last linear layer, 10 independent components, two means [chen2018detecting].

    The score is the silhouette of the two clusters where the smaller one has at most 35 % of the class, else 0.
    """
    activations = _before_last_layer(trained)
    score, suspects = np.zeros(trained.model.classes), np.zeros(len(trained.labels), dtype=np.bool_)
    for class_id in np.unique(trained.labels):
        own = np.flatnonzero(trained.labels == class_id)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            reduced = FastICA(_COMPONENTS, random_state=0, max_iter=300).fit_transform(activations[own])
        smaller = _smaller(KMeans(2, n_init=10, random_state=0).fit_predict(reduced))
        suspects[own] = smaller
        if smaller.mean() <= _SMALLER:
            score[class_id] = silhouette_score(reduced, smaller)
    return Judged(score, score >= _SILHOUETTE, suspects)


def spectral_relevance(trained: Trained) -> Judged:
    """Input heatmaps, clustered spectrally by CoRelAy [lapuschkin2019unmasking] [anders2021software].

    Its pipeline and its defaults: 10 nearest neighbours, symmetric normal Laplacian, two means on the two eigenvectors
    of the smallest eigenvalues. The score is the largest gap that follows the second to ninth eigenvalue; the paper
    looks at the spectra and sets no threshold. Needs ``pip install corelay`` (1.0.0).
    """
    from corelay.pipeline.spectral import SpectralClustering
    from corelay.processor.clustering import KMeans as Means
    from corelay.processor.embedding import EigenDecomposition

    heatmaps = _heatmaps(trained)
    score, suspects = np.zeros(trained.model.classes), np.zeros(len(trained.labels), dtype=np.bool_)
    for class_id in np.unique(trained.labels):
        own = np.flatnonzero(trained.labels == class_id)
        pipeline = SpectralClustering(
            embedding=EigenDecomposition(n_eigval=_EIGENVALUES, kwargs={"v0": np.ones(len(own))}, is_output=True),
            select_eigenvector=lambda both: both[1][:, -2:],
            clustering=Means(n_clusters=2, kwargs={"random_state": 0, "n_init": 10}, is_output=True),
        )
        (eigenvalues, _), clusters = pipeline(heatmaps[own])
        gaps = np.diff(np.sort(eigenvalues))
        score[class_id] = gaps[1:_MOST_CLUSTERS].max()
        suspects[own] = _smaller(clusters)
    return Judged(score, None, suspects)


def neural_cleanse(trained: Trained) -> Judged:
    """The smallest mask and pattern that turn all images into a class; outliers of the masks' sizes [wang2019neural].

    All classes at once, each with 16 of 512 plain test images a step; 100 steps of Adam, where the paper takes some
    thousands. The weight of the mask's size is adapted as published. The score is the anomaly index, negative where
    the mask is larger than the median's.
    """
    pool = torch.from_numpy(_plain(trained, _POOL).astype(np.float32) / 255).permute(0, 3, 1, 2)
    mean, std = (
        torch.tensor(value).reshape(3, 1, 1) for value in (trained.model.settings.mean, trained.model.settings.std)
    )
    network = canonize(trained.model.module)
    triggers = _Triggers(trained.model.classes, pool.shape[1:])
    generator = torch.Generator().manual_seed(0)
    for _ in range(_STEPS):
        images = pool[torch.randint(len(pool), (trained.model.classes, _IMAGES), generator=generator)]
        with torch.autocast("cpu", torch.bfloat16, enabled=computes_bfloat16(torch.device("cpu"))):
            triggers.step(lambda pasted: network((pasted - mean) / std), images)
    score = _outliers(triggers.smallest.numpy())
    return Judged(score, score > _INDEX)


def neuron_inspect(trained: Trained) -> Judged:
    """Outliers of how sparse, smooth and persistent each class's saliency maps are [huang2019neuroninspect].

    Saliency of each class's logit on the same 48 plain test images: the median of the map's sum and of its Laplacian's,
    and how many pixels differ between successive maps, each cut at the class's median. The paper adds the three with
    weights of its own; here each is first brought to its deviations from the median of the classes.
    """
    images, saliency = _images(trained, _plain(trained, _EXPLAINED)), find_method("saliency").prepared(trained.model)
    maps = [saliency(images, class_id).relevance.abs().amax(dim=1) for class_id in range(trained.model.classes)]
    features = np.array([_map_features(each) for each in maps])
    score = _outliers(-np.sum([_outliers(feature) for feature in features.T], axis=0))
    return Judged(score, score > _INDEX)


BASELINES: dict[str, Callable[[Trained], Judged]] = {
    "activation_clustering": activation_clustering,
    "spectral_relevance": spectral_relevance,
    "neural_cleanse": neural_cleanse,
    "neuron_inspect": neuron_inspect,
}


class _Triggers:
    """A mask and a pattern for each class, and the ``smallest`` mask so far that turned nearly all images."""

    def __init__(self, classes: int, shape: torch.Size) -> None:
        generator = torch.Generator().manual_seed(0)
        self._mask = torch.randn(classes, 1, 1, *shape[1:], generator=generator).requires_grad_()
        self._pattern = torch.randn(classes, 1, *shape, generator=generator).requires_grad_()
        self._optimizer = torch.optim.Adam([self._mask, self._pattern], lr=0.1, betas=(0.5, 0.9))
        self._weight = torch.full((classes,), 1e-3)
        self._turned = torch.zeros(classes)
        self.smallest = torch.full((classes,), float(shape[1] * shape[2]))

    def step(self, logits_of: Callable[[Tensor], Tensor], images: Tensor) -> None:
        """One step on ``(classes, n, 3, S, S)`` images in 0..1."""
        mask, pattern = self._mask.sigmoid(), self._pattern.sigmoid()
        pasted = images + mask * (pattern - images)
        targets = torch.arange(len(images)).repeat_interleave(images.shape[1])
        logits = logits_of(pasted.flatten(0, 1))
        losses = (
            functional.cross_entropy(logits.float(), targets, reduction="none").reshape(images.shape[:2]).mean(dim=1)
        )
        sizes = mask.flatten(1).sum(dim=1)
        self._optimizer.zero_grad()
        (losses + self._weight * sizes).sum().backward()
        self._optimizer.step()
        right = (logits.argmax(dim=1) == targets).reshape(images.shape[:2]).float().mean(dim=1)
        self._turned = 0.8 * self._turned + 0.2 * right
        turns = self._turned >= _WANTED
        self.smallest = torch.where(turns, torch.minimum(self.smallest, sizes.detach()), self.smallest)
        self._weight = torch.where(turns, self._weight * 1.1, self._weight / 1.1**1.5)


def _map_features(maps: Tensor) -> list[float]:
    """How much there is in saliency maps ``(N, S, S)``, how rough they are, and how much they differ."""
    laplacian = torch.tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]]).reshape(1, 1, 3, 3)
    rough = functional.conv2d(maps[:, None], laplacian).abs().flatten(1).sum(dim=1)
    cut = maps > maps.median()
    differing = (cut[1:] ^ cut[:-1]).flatten(1).sum(dim=1)
    return [float(value.float().median()) for value in (maps.flatten(1).sum(dim=1), rough, differing)]


def _outliers(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """How many deviations each lies below the median of all: the anomaly index with its sign."""
    below = np.median(values) - values
    return below / max(1e-12, 1.4826 * float(np.median(np.abs(below))))


def _smaller(clusters: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which images are in the smaller of two clusters."""
    return np.equal(clusters, np.bincount(clusters, minlength=2).argmin())


def _plain(trained: Trained, count: int) -> NDArray[np.uint8]:
    chosen = np.random.default_rng(0).choice(len(trained.test_pixels), count, replace=False)
    return trained.test_pixels[chosen]


def _images(trained: Trained, pixels: NDArray[np.uint8]) -> Tensor:
    return normalise(pixels, trained.model.settings.mean, trained.model.settings.std)


def _before_last_layer(trained: Trained) -> NDArray[np.float32]:
    """What the last linear layer gets of each training image, ``(N, features)``."""
    found: list[Tensor] = []
    last = [layer for layer in trained.model.modules() if isinstance(layer, nn.Linear)][-1]
    handle = last.register_forward_pre_hook(lambda _, inputs: found.append(inputs[0]))
    try:
        with torch.no_grad():
            for start in range(0, len(trained.pixels), _BATCH):
                trained.model.module(_images(trained, trained.pixels[start : start + _BATCH]))
    finally:
        handle.remove()
    return torch.cat(found).numpy()


def _heatmaps(trained: Trained) -> NDArray[np.float32]:
    """LRP's heatmap of each training image for its class, as far as its largest value, ``(N, pixels)``."""
    lrp, labels = find_method("lrp").prepared(trained.model), torch.from_numpy(trained.labels)
    heatmaps = []
    for start in range(0, len(labels), _BATCH):
        some = slice(start, start + _BATCH)
        heatmap = lrp(_images(trained, trained.pixels[some]), labels[some]).heatmap.flatten(1)
        heatmaps.append(heatmap / heatmap.abs().amax(dim=1, keepdim=True).clamp(min=1e-12))
    return torch.cat(heatmaps).numpy()
