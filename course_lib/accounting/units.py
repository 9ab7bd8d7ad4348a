"""Bytes of one number, and sizes as text: one formatter for KiB (1024 bytes), one for kB (1000 bytes).

Sizes are integers everywhere in `course_lib.accounting`; only these formatters round.
"""

from course_lib.config import is_whole, require

ITEMSIZE = {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2, "float8": 1, "int8": 1}  # bytes


def itemsize(dtype: str) -> int:
    """Bytes of one number of the named dtype. Raises ValueError for an unknown name."""
    require(dtype in ITEMSIZE, f"dtype must be one of {', '.join(ITEMSIZE)}, got {dtype!r}")
    return ITEMSIZE[dtype]


def require_count(name: str, value: int, least: int = 0) -> None:
    """Raise ValueError unless `value` is an integer (no bool, no float) of at least `least`."""
    require(is_whole(value, least), f"{name} must be an integer of at least {least}, got {value!r}")


def in_binary_units(size: int) -> str:
    """`size` bytes in powers of 1024: 69,120 is '67.5 KiB'."""
    return _in_units(size, 1024, ("B", "KiB", "MiB", "GiB", "TiB", "PiB"))


def in_decimal_units(size: int) -> str:
    """`size` bytes in powers of 1000: 69,120 is '69.1 kB'."""
    return _in_units(size, 1000, ("B", "kB", "MB", "GB", "TB", "PB"))


def _in_units(size: int, base: int, names: tuple[str, ...]) -> str:
    """`size` in the largest unit in which it is at least 1 after rounding, with one decimal unless that is 0."""
    require_count("size", size)
    power = 0
    while power + 1 < len(names) and round(size / base**power, 1) >= base:
        power += 1
    return f"{size / base**power:,.1f}".removesuffix(".0") + f" {names[power]}"
