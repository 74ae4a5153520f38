import inspect

from xaisigns.base.progress import Progress, silent


def test_silent_takes_whatever_a_progress_is_told():
    assert silent("decoding", 1, 3) is None
    assert silent("a.zip", 1, None) is None
    assert silent("training", 1, 3, loss=0.5, accuracy=0.9) is None
    heard = inspect.signature(Progress.__call__).parameters
    assert list(inspect.signature(silent).parameters.values()) == list(heard.values())[1:]
