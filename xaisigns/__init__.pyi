# The public names, each with the module that it comes from.

from . import metrics as metrics
from .attribution.canonize import canonize as canonize
from .attribution.composites import Rule as Rule
from .attribution.lrp import LRP as LRP
from .attribution.lrp import lrp as lrp
from .attribution.methods import attribute as attribute
from .attribution.methods import register_method as register_method
from .attribution.result import Result as Result
from .base.version import __version__ as __version__
from .data.drawn.examples import example_signs as example_signs
from .data.drawn.examples import gallery as gallery
from .data.drawn.sign import draw_sign as draw_sign
from .data.gtsrb import GTSRB as GTSRB
from .data.layouts import open_images as open_images
from .data.manipulation import Manipulation as Manipulation
from .data.stickers import Sticker as Sticker
from .data.stickers import apply_sticker as apply_sticker
from .errors import XaisignsError as XaisignsError
from .model.checkpoint import load_model as load_model
from .model.checkpoint import save_model as save_model
from .model.evaluation import predict as predict
from .model.experiment import train as train
from .model.foreign import Preprocessing as Preprocessing
from .pictures.comparison import compare as compare
from .pictures.figures import show as show
