"""What attention stores, computes and moves through memory, in closed form from a config alone.

    from course_lib import accounting
    accounting.in_binary_units(accounting.model("DeepSeek-V2").bytes_per_token())  # '67.5 KiB'

`work` states the conventions for FLOPs and bytes.
"""

from course_lib.accounting.counts import Counts, count_call, dense_pairs, visible_pairs
from course_lib.accounting.forms import Form, absorbed, expanded, grouped
from course_lib.accounting.models import Model, model, models
from course_lib.accounting.paper import (
    crossover,
    factored_storage,
    grouped_storage,
    merged_storage,
    merged_storage_printed,
    merging_ratios,
)
from course_lib.accounting.parameters import Parameters, model_parameters
from course_lib.accounting.roofline import Machine
from course_lib.accounting.storage import cache_bytes, cache_floats, cache_rows, parameters, weights
from course_lib.accounting.transformer import model_decode, model_prefill
from course_lib.accounting.units import in_binary_units, in_decimal_units, itemsize
from course_lib.accounting.work import (
    Work,
    chunk,
    decode,
    generate_with_cache,
    generate_without_cache,
    prefill,
    work,
)

__all__ = [
    "Counts",
    "Form",
    "Machine",
    "Model",
    "Parameters",
    "Work",
    "absorbed",
    "cache_bytes",
    "cache_floats",
    "cache_rows",
    "chunk",
    "count_call",
    "crossover",
    "decode",
    "dense_pairs",
    "expanded",
    "factored_storage",
    "generate_with_cache",
    "generate_without_cache",
    "grouped",
    "grouped_storage",
    "in_binary_units",
    "in_decimal_units",
    "itemsize",
    "merged_storage",
    "merged_storage_printed",
    "merging_ratios",
    "model",
    "model_decode",
    "model_parameters",
    "model_prefill",
    "models",
    "parameters",
    "prefill",
    "visible_pairs",
    "weights",
    "work",
]
