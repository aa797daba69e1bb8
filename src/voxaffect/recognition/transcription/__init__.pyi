from .base import TranscriptionConfig as TranscriptionConfig
from .finding import find_sentences as find_sentences, transcribe as transcribe
