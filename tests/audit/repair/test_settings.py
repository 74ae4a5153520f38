"""What a fine-tuning is told, within its bounds."""

import pytest

from xaisigns.audit.repair.settings import FineTuning
from xaisigns.errors import ModelError


@pytest.mark.parametrize(("name", "value"), [("steps", 0), ("learning_rate", 0.0), ("of_class", 1.5), ("seed", -1)])
def test_settings_out_of_bounds_are_refused(name, value):
    with pytest.raises(ModelError, match=f"^{name}: wanted a"):
        FineTuning(**{name: value})
