"""The neural network: tensors and flat values in, tensors out; imports nothing else of nomina.

Importing this room registers the tagger with transformers, so that ``AutoModelForTokenClassification.from_pretrained``
opens a model folder.
"""

from nomina.model.config import TaggerConfig
from nomina.model.cpu_kernels import cpu_attention, cpu_kernels
from nomina.model.gpu_attention import SDPA_WITHOUT_WAITING
from nomina.model.heads import CRFHead
from nomina.model.quiet import quiet_transformers
from nomina.model.tagger import Tagger
from nomina.model.used_rows import used_rows

__all__ = [
    "SDPA_WITHOUT_WAITING",
    "CRFHead",
    "Tagger",
    "TaggerConfig",
    "cpu_attention",
    "cpu_kernels",
    "quiet_transformers",
    "used_rows",
]
