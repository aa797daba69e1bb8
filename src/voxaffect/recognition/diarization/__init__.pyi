from .base import DiarizationConfig as DiarizationConfig
from .finding import diarize as diarize, find_turns as find_turns
