import pytest
import torch

from tests.metrics.conftest import input_x_gradient
from xaisigns.metrics import complexity, faithfulness, localisation, measures, robustness
from xaisigns.metrics.catalogue import METRICS
from xaisigns.metrics.explanation import Explanation


@pytest.fixture
def explanation(tiny_vgg, images, relevance, target, mask):
    return Explanation(tiny_vgg, images, target, relevance, input_x_gradient, mask, steps=4, seed=3)


WANTED = {
    **{
        name: lambda asked, name=name: getattr(localisation, name)(asked.relevance, asked.masks)
        for name in ("relevance_mass", "relevance_rank", "pointing_game", "localisation_auc")
    },
    **{
        f"{name}_grown": lambda asked, name=name: getattr(localisation, name)(
            asked.relevance, localisation.grown(asked.masks)
        )
        for name in ("relevance_mass", "relevance_rank", "pointing_game", "localisation_auc")
    },
    "sparseness": lambda asked: complexity.sparseness(asked.relevance),
    "entropy": lambda asked: complexity.entropy(asked.relevance),
    "flipping_area": lambda asked: faithfulness.flipping_area(
        asked.most_relevant_flipped, asked.least_relevant_flipped
    ),
    "deletion": lambda asked: faithfulness.deletion(asked.most_relevant_flipped),
    "insertion": lambda asked: faithfulness.insertion(asked.least_relevant_flipped),
    "infidelity": lambda asked: faithfulness.infidelity(
        asked.model, asked.images, asked.relevance, asked.target, seed=3
    ),
    "max_sensitivity": lambda asked: robustness.max_sensitivity(
        input_x_gradient, asked.model, asked.images, asked.target, samples=10, seed=3
    ),
    "cascading_randomisation_spearman": lambda asked: asked.randomised_layers.spearman.nanmean(dim=0),
    "cascading_randomisation_ssim": lambda asked: asked.randomised_layers.ssim.nanmean(dim=0),
    "random_logit_spearman": lambda asked: asked.another_class.spearman,
    "random_logit_ssim": lambda asked: asked.another_class.ssim,
}


@pytest.mark.parametrize("name", METRICS)
def test_a_measure_is_the_metric_of_its_name(name, explanation):
    scores = METRICS[name].measure(explanation)
    assert scores.shape == (6,)
    assert torch.equal(scores, WANTED[name](explanation))
    assert METRICS[name].function == f"xaisigns.metrics.measures:{name}"
    assert getattr(measures, name)
    assert METRICS[name].known
