"""Read config.json key by key: each error names the key, its value and the rule.

No key is passed over. A key that a family reads is noted when it is read. Keys without effect are listed beside the
family's rules. Any other key is refused by name, since it may change what the model computes.
"""

import math
from collections.abc import Mapping

from course_lib.config import is_whole, require


class Settings:
    """The values of a config.json, or of an object in it. A value of null counts as missing, except for `is_null`.

    A default of None means that the key must be there. `where` names the object in messages and ends with a point.
    """

    def __init__(self, values: Mapping, where: str = ""):
        self.where = where
        self.values = {key: value for key, value in values.items() if value is not None}
        self.nulls = values.keys() - self.values.keys()
        self.known: set[str] = set()  # keys that were read, and those without effect

    def fill(self, defaults: Mapping) -> None:
        """Give values to keys that are missing. Of a key with the value null, `is_null` stays true."""
        self.values = dict(defaults) | self.values

    def find(self, key: str, default=None):
        """The value, or the default when it is missing."""
        self.known.add(key)
        return self.values.get(key, default)

    def get(self, key: str, default=None):
        """The value. Raises ValueError when it is missing and has no default."""
        value = self.find(key, default)
        require(value is not None, f"config.json must have the key {self.where}{key}")
        return value

    def is_null(self, key: str) -> bool:
        """Whether the key is there with the value null. For some keys this does not mean the default."""
        return key in self.nulls

    def integer(self, key: str, default: int | None = None, least: int = 1) -> int:
        """The value, which must be a whole number and at least `least`."""
        value = self.get(key, default)
        rule = "a positive integer" if least == 1 else f"an integer of at least {least}"
        require(is_whole(value, least), f"{self.where}{key} in config.json must be {rule}, got {value!r}")
        return value

    def number(self, key: str, default: float | None = None, above: float = -math.inf) -> float:
        """The value as a float, which must be finite and larger than `above`."""
        value = self.get(key, default)
        good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        require(good, f"{self.where}{key} in config.json must be a finite number, got {value!r}")
        require(value > above, f"{self.where}{key} in config.json must be larger than {above}, got {value!r}")
        return float(value)

    def numbers(self, key: str, above: float = -math.inf) -> tuple[float, ...]:
        """The value, which must be a list of numbers as `number` asks for."""
        values = self.get(key)
        require(isinstance(values, list), f"{self.where}{key} in config.json must be a list of numbers, got {values!r}")
        each = Settings({f"{key}[{i}]": value for i, value in enumerate(values)}, self.where)
        return tuple(each.number(name, above=above) for name in each.values)

    def flag(self, key: str, default: bool) -> bool:
        """The value, which must be true or false."""
        value = self.get(key, default)
        require(isinstance(value, bool), f"{self.where}{key} in config.json must be true or false, got {value!r}")
        return value

    def choice(self, key: str, meanings: Mapping[str, str], default: str | None = None) -> str:
        """The entry of `meanings` for the value. Raises ValueError when there is none."""
        value = self.get(key, default)
        known = isinstance(value, str) and value in meanings
        require(known, f"{self.where}{key} in config.json must be one of {', '.join(meanings)}, got {value!r}")
        return meanings[value]

    def must_be(self, key: str, wanted, why: str) -> None:
        """Raises ValueError for a value other than `wanted`, which the models compute. The key may be missing."""
        value = self.find(key, wanted)
        require(value == wanted, f"{self.where}{key} in config.json must be {wanted!r}, got {value!r}: {why}")

    def ignore(self, *tables: str) -> None:
        """Note the keys in tables of words, which have no effect on the logits."""
        self.known.update(key for table in tables for key in table.split())

    def require_known(self) -> None:
        """Raises ValueError for a key that was neither read nor ignored; a leading underscore marks a remark."""
        unknown = [key for key in self.values if key not in self.known and not key.startswith("_")]
        require(
            not unknown,
            lambda: (
                f"config.json has the key {self.where}{unknown[0]} = {self.values[unknown[0]]!r:.60}, which is not "
                "known here and may change what the model computes; take it out if it has no effect"
            ),
        )
