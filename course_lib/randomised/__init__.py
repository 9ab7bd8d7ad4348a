"""Low-rank and randomised methods for attention: NumPy, float64, and each with its theorem, source and cost.

    random = np.random.default_rng(0)
    approximate = randomized_svd(M, k=10, oversampling=10, powers=1, random=random)

In the order of learning, with the modules that hold them:

1. Matrices of low rank. `low_rank`: factors, truncated SVD. `truncation`: keys and values by PCA or by SVD of weights.
   `scores`: queries and keys projected so that Q K^T changes least.
   `ranges`: range finder, randomised SVD. `range_bounds`: their errors (Halko, Martinsson, Tropp).
2. Psd matrices. `psd`: matrices read by columns. `cholesky`: random, greedy and uniform pivots. `cholesky_bounds`: the
   expected residual. `nystrom`: landmarks and sketches. `landmarks`: attention through landmarks.
3. Random features. `random_features`: features of the exponential. `feature_errors`: their mean squared errors.
   `feature_attention`: linear attention and its recurrent state. `sketches` and `sketch_errors`: CountSketch and
   TensorSketch, features of <q, k>^p.
4. Some keys only. `column_sampling`: approximate products, optimal probabilities. `self_normalised`: sampled keys
   without the exact normaliser. `poisson_sampling`: one coin for each key. `leverage`: leverage scores. `lsh`: hashing
   by hyperplanes. `sparse`: recall and error of attention to some pairs.
5. Causal masks. `hodlr`: blocks of low rank below the diagonal. `causality`: which methods leak from later tokens.
6. Costs. `matrix_costs` and `attention_costs`: FLOPs and bytes. They are not imported here, nor is what follows.
7. All methods side by side, on one block of attention. `estimates`: ten methods. `estimate_bounds`: what is known of
   their errors. `estimate_costs`: FLOPs and bytes. `error_curves`: all of this for many heads. `block_attention`:
   causal attention from estimated blocks. `order`: whether losses have the order of errors.
8. Trained models, with PyTorch. `swap`: replaces the layers of a model. `method_layer`: a NumPy method in place of its
   heads. `given_weights`: the heads on given texts, and the loss with other weights P in one layer.
   `approximate_weights`: such P. `feature_layer`: random features, by the sums of `feature_sums`, and with the cache of
   `state_cache`. `crossover`: from which length on an approximation is faster, by `timed_methods`.

Letters: k is the rank that is asked for, m a number of landmarks, features or samples, p a vector of probabilities or a
degree. `scale` multiplies scores; its default is d_QK^{-1/2}. `random` is a NumPy Generator, and there is no other
randomness. Arrays are of floating-point numbers, else a TypeError is raised.
"""

from course_lib.randomised.causality import leak
from course_lib.randomised.cholesky import (
    PivotedCholesky,
    greedy_pivot,
    pivoted_cholesky,
    proportional_pivot,
    randomly_pivoted_cholesky,
    uniform_pivot,
)
from course_lib.randomised.cholesky_bounds import expected_traces, pivots_needed
from course_lib.randomised.column_sampling import (
    expected_squared_error,
    optimal_probabilities,
    proportional_to,
    sampled_product,
    value_probabilities,
)
from course_lib.randomised.feature_attention import (
    RecurrentState,
    causal_linear_attention,
    feature_weights,
    linear_attention,
)
from course_lib.randomised.feature_errors import orthogonal_mse, positive_mse, trigonometric_mse
from course_lib.randomised.hodlr import Hodlr, to_hodlr
from course_lib.randomised.landmarks import (
    centred,
    landmark_attention,
    landmark_coefficients,
    landmark_error_bounds,
    landmark_kernel,
)
from course_lib.randomised.leverage import (
    column_bounds,
    extreme_query,
    heavy_keys,
    leverage_scores,
    prefix_leverage_scores,
    ridge_leverage_scores,
)
from course_lib.randomised.low_rank import LowRank, svd_within, tail_norms, truncated_svd
from course_lib.randomised.lsh import (
    augment_keys,
    augment_queries,
    colliding_pairs,
    collision_probability,
    hash_codes,
    hyperplanes,
    lsh_attention,
)
from course_lib.randomised.nystrom import column_nystrom, expected_sketch_trace, sketched_nystrom
from course_lib.randomised.order import order_correlation
from course_lib.randomised.poisson_sampling import (
    inclusion_probabilities,
    keep_columns,
    poisson_product,
    poisson_squared_error,
)
from course_lib.randomised.psd import PsdLowRank, PsdMatrix
from course_lib.randomised.random_features import (
    gaussian_directions,
    orthogonal_directions,
    positive_features,
    share_scale,
    trigonometric_features,
)
from course_lib.randomised.range_bounds import (
    Deviation,
    expected_frobenius_error,
    expected_spectral_error,
    frobenius_deviation,
    spectral_deviation,
)
from course_lib.randomised.ranges import randomized_svd, range_error, range_finder
from course_lib.randomised.scores import score_projector
from course_lib.randomised.self_normalised import bias_coefficient, error_coefficient, self_normalised_attention
from course_lib.randomised.sketch_errors import sketch_variance, sketch_variance_bound
from course_lib.randomised.sketches import CountSketch, TensorSketch
from course_lib.randomised.sparse import found_weight, recall_of_heaviest
from course_lib.randomised.truncation import TruncationErrors, truncation_errors

__all__ = [
    "CountSketch",
    "Deviation",
    "Hodlr",
    "LowRank",
    "PivotedCholesky",
    "PsdLowRank",
    "PsdMatrix",
    "RecurrentState",
    "TensorSketch",
    "TruncationErrors",
    "augment_keys",
    "augment_queries",
    "bias_coefficient",
    "causal_linear_attention",
    "centred",
    "colliding_pairs",
    "collision_probability",
    "column_bounds",
    "column_nystrom",
    "error_coefficient",
    "expected_frobenius_error",
    "expected_sketch_trace",
    "expected_spectral_error",
    "expected_squared_error",
    "expected_traces",
    "extreme_query",
    "feature_weights",
    "found_weight",
    "frobenius_deviation",
    "gaussian_directions",
    "greedy_pivot",
    "hash_codes",
    "heavy_keys",
    "hyperplanes",
    "inclusion_probabilities",
    "keep_columns",
    "landmark_attention",
    "landmark_coefficients",
    "landmark_error_bounds",
    "landmark_kernel",
    "leak",
    "leverage_scores",
    "linear_attention",
    "lsh_attention",
    "optimal_probabilities",
    "order_correlation",
    "orthogonal_directions",
    "orthogonal_mse",
    "pivoted_cholesky",
    "pivots_needed",
    "poisson_product",
    "poisson_squared_error",
    "positive_features",
    "positive_mse",
    "prefix_leverage_scores",
    "proportional_pivot",
    "proportional_to",
    "randomized_svd",
    "randomly_pivoted_cholesky",
    "range_error",
    "range_finder",
    "recall_of_heaviest",
    "ridge_leverage_scores",
    "sampled_product",
    "score_projector",
    "self_normalised_attention",
    "share_scale",
    "sketch_variance",
    "sketch_variance_bound",
    "sketched_nystrom",
    "spectral_deviation",
    "svd_within",
    "tail_norms",
    "to_hodlr",
    "trigonometric_features",
    "trigonometric_mse",
    "truncated_svd",
    "truncation_errors",
    "uniform_pivot",
    "value_probabilities",
]
