from .catalog import (
    ENCODERS as ENCODERS,
    EncoderSource as EncoderSource,
    get_encoder as get_encoder,
)
from .huggingface import export_huggingface as export_huggingface
from .opening import open_encoder as open_encoder
from .store import (
    ENCODERS_VARIABLE as ENCODERS_VARIABLE,
    download_encoder as download_encoder,
    find_encoder as find_encoder,
    get_encoder_folder as get_encoder_folder,
)
from .weights import EncoderWeights as EncoderWeights, load_weights as load_weights
