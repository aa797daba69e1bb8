from .base import (
    EMOTIONS as EMOTIONS,
    Corpus as Corpus,
    Download as Download,
    Utterance as Utterance,
    compile_names as compile_names,
    expand_template as expand_template,
    map_sexes as map_sexes,
)
from .download import download as download
from .folders import find_root as find_root
from .labels import map_labels as map_labels
from .own_table import parse_columns as parse_columns
from .registry import (
    CORPORA as CORPORA,
    OWN_DATA as OWN_DATA,
    get_corpus as get_corpus,
    split_own_name as split_own_name,
)
from .scanning import (
    ReadOptions as ReadOptions,
    parse_name as parse_name,
    read_corpora as read_corpora,
    read_corpus as read_corpus,
    scan_corpus as scan_corpus,
)
from .tables import read_labels as read_labels
from .vocabulary import find_emotion as find_emotion
