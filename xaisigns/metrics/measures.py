"""The package's own metrics, as the catalogue names them: from an explanation to a score of each image, ``(N,)``."""

from torch import Tensor

from xaisigns.metrics import complexity, faithfulness, localisation, robustness
from xaisigns.metrics.explanation import Explanation

SENSITIVITY_SAMPLES = 10


def relevance_mass(explanation: Explanation) -> Tensor:
    """Share of the positive relevance inside the mask."""
    return localisation.relevance_mass(explanation.relevance, explanation.masks)


def relevance_rank(explanation: Explanation) -> Tensor:
    """Share of the K most relevant pixels inside the mask of K pixels."""
    return localisation.relevance_rank(explanation.relevance, explanation.masks)


def pointing_game(explanation: Explanation) -> Tensor:
    """1 where the most relevant pixel lies inside the mask."""
    return localisation.pointing_game(explanation.relevance, explanation.masks)


def localisation_auc(explanation: Explanation) -> Tensor:
    """How likely a pixel inside the mask is more relevant than one outside."""
    return localisation.localisation_auc(explanation.relevance, explanation.masks)


def relevance_mass_grown(explanation: Explanation) -> Tensor:
    """``relevance_mass`` with the mask grown by 2 pixels."""
    return localisation.relevance_mass(explanation.relevance, explanation.grown_masks)


def relevance_rank_grown(explanation: Explanation) -> Tensor:
    """``relevance_rank`` with the mask grown by 2 pixels."""
    return localisation.relevance_rank(explanation.relevance, explanation.grown_masks)


def pointing_game_grown(explanation: Explanation) -> Tensor:
    """``pointing_game`` with the mask grown by 2 pixels."""
    return localisation.pointing_game(explanation.relevance, explanation.grown_masks)


def localisation_auc_grown(explanation: Explanation) -> Tensor:
    """``localisation_auc`` with the mask grown by 2 pixels."""
    return localisation.localisation_auc(explanation.relevance, explanation.grown_masks)


def sparseness(explanation: Explanation) -> Tensor:
    """Gini index of the heatmap's magnitudes."""
    return complexity.sparseness(explanation.relevance)


def entropy(explanation: Explanation) -> Tensor:
    """Entropy of the heatmap's magnitudes."""
    return complexity.entropy(explanation.relevance)


def flipping_area(explanation: Explanation) -> Tensor:
    """Area between the two curves of pixel flipping."""
    return faithfulness.flipping_area(explanation.most_relevant_flipped, explanation.least_relevant_flipped)


def deletion(explanation: Explanation) -> Tensor:
    """Area under the curve of flipping the most relevant pixels first."""
    return faithfulness.deletion(explanation.most_relevant_flipped)


def insertion(explanation: Explanation) -> Tensor:
    """Area under the curve of putting in the most relevant pixels first."""
    return faithfulness.insertion(explanation.least_relevant_flipped)


def infidelity(explanation: Explanation) -> Tensor:
    """How far the relevance is from foretelling what small changes do to the logit."""
    return faithfulness.infidelity(
        explanation.model, explanation.images, explanation.relevance, explanation.target, seed=explanation.seed
    )


def max_sensitivity(explanation: Explanation) -> Tensor:
    """Largest change of the heatmap under small noise."""
    return robustness.max_sensitivity(
        explanation.attribute,
        explanation.model,
        explanation.images,
        explanation.target,
        samples=SENSITIVITY_SAMPLES,
        seed=explanation.seed,
        precision=explanation.precision,
    )


def cascading_randomisation_spearman(explanation: Explanation) -> Tensor:
    """Rank correlation with the original heatmap, on average over the layers that have lost their weights."""
    return explanation.randomised_layers.spearman.nanmean(dim=0)


def cascading_randomisation_ssim(explanation: Explanation) -> Tensor:
    """Structural similarity to the original heatmap, on average over the layers that have lost their weights."""
    return explanation.randomised_layers.ssim.nanmean(dim=0)


def random_logit_spearman(explanation: Explanation) -> Tensor:
    """Rank correlation with the heatmap of another class."""
    return explanation.another_class.spearman


def random_logit_ssim(explanation: Explanation) -> Tensor:
    """Structural similarity to the heatmap of another class."""
    return explanation.another_class.ssim
