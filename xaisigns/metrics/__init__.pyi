# The public names, each with the module that it comes from.

from .catalogue import METRICS as METRICS
from .complexity import entropy as entropy
from .complexity import sparseness as sparseness
from .faithfulness import deletion as deletion
from .faithfulness import flipping_area as flipping_area
from .faithfulness import infidelity as infidelity
from .faithfulness import insertion as insertion
from .faithfulness import pixel_flipping as pixel_flipping
from .intervals import bootstrap_interval as bootstrap_interval
from .localisation import area_share as area_share
from .localisation import grown as grown
from .localisation import localisation_auc as localisation_auc
from .localisation import pointing_game as pointing_game
from .localisation import relevance_mass as relevance_mass
from .localisation import relevance_rank as relevance_rank
from .randomisation import cascading_randomisation as cascading_randomisation
from .randomisation import random_logit as random_logit
from .robustness import max_sensitivity as max_sensitivity
from .similarity import spearman as spearman
from .similarity import ssim as ssim
