from .card import FORMAT_VERSION as FORMAT_VERSION, ModelCard as ModelCard, distances as distances
from .integrity import add_checksum as add_checksum
from .model import (
    DIMENSIONS_OUTPUT as DIMENSIONS_OUTPUT,
    INPUT_NAME as INPUT_NAME,
    MAX_MODEL_BYTES as MAX_MODEL_BYTES,
    METADATA_KEY as METADATA_KEY,
    OUTPUT_NAME as OUTPUT_NAME,
    Model as Model,
    get_model as get_model,
    load as load,
)
