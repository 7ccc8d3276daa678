"""The neural network: tensors and flat values in, tensors out; imports nothing else of nomina.

Importing this room registers the tagger with transformers, so that ``AutoModelForTokenClassification.from_pretrained``
opens a model folder.
"""

from nomina.model.config import TaggerConfig
from nomina.model.quiet import quiet_transformers
from nomina.model.tagger import Tagger

__all__ = ["Tagger", "TaggerConfig", "quiet_transformers"]
