from .cache import FeatureCache as FeatureCache, open_cache as open_cache
from .executors import (
    BatchExecutor as BatchExecutor,
    LocalExecutor as LocalExecutor,
    count_workers as count_workers,
    open_executor as open_executor,
)
from .failures import (
    Failure as Failure,
    catch_failure as catch_failure,
    describe_failure as describe_failure,
)
from .matrix import (
    MAX_SECONDS as MAX_SECONDS,
    Extraction as Extraction,
    Transform as Transform,
    compute_each as compute_each,
    extract as extract,
)
from .streaming import (
    FeatureVector as FeatureVector,
    iter_features as iter_features,
    iter_results as iter_results,
)
