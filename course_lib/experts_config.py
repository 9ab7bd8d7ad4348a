"""Sizes of a mixture of experts, as frozen dataclasses: a class for each way in which a router scores experts."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import inf

from course_lib.fields import from_fields, is_whole, require, require_flags, require_positive


@dataclass(frozen=True, kw_only=True)
class ExpertsConfig:
    """Abstract: a router sends each token to `chosen` of `routed` small feed-forward networks, the experts.

    Experts stand in `groups` of equal size; a token's experts come from the `chosen_groups` groups that score highest.
    """

    routed: int  # experts among which the router chooses
    chosen: int  # experts that a token passes
    d_ff: int  # width of an expert
    shared: int = 0  # experts that every token passes; they are computed as one of `shared` times the width
    first: int = 0  # so many layers at the beginning have no experts, but one wide network
    groups: int = 1
    chosen_groups: int = 1
    scale: float = 1.0  # the sum of the chosen experts is multiplied by it

    def __post_init__(self):
        require_positive(self, "routed", "chosen", "d_ff", "groups", "chosen_groups")
        for name in ("shared", "first"):
            value = getattr(self, name)
            require(is_whole(value, 0), f"{name} must be a whole number, not negative, got {value!r}")
        size, left = divmod(self.routed, self.groups)
        require(left == 0, f"routed must be a multiple of groups = {self.groups}, got {self.routed}")
        require(
            self.chosen_groups <= self.groups,
            f"chosen_groups must be at most groups = {self.groups}, got {self.chosen_groups}",
        )
        most = self.chosen_groups * size
        good = self.chosen <= most
        require(good, f"chosen must be at most {most}, the experts of the chosen groups, got {self.chosen}")
        require(0 < self.scale < inf, f"scale must be a positive finite number, got {self.scale}")

    @property
    def in_group(self) -> int:
        """Experts in a group."""
        return self.routed // self.groups


@dataclass(frozen=True, kw_only=True)
class SoftmaxExperts(ExpertsConfig):
    """Scores are a softmax over experts, and a group's score is its largest (DeepSeek-V2, arXiv 2405.04434, 2.2)."""


@dataclass(frozen=True, kw_only=True)
class SigmoidExperts(ExpertsConfig):
    """Scores are sigmoids (DeepSeek-V3, arXiv 2412.19437, 2.1.2).

    A bias b_R for each expert is added where experts and groups are chosen, but not to the weights. A group's score is
    the sum of its two largest.
    """

    normalised: bool = True  # the weights of the chosen experts are divided by their sum

    def __post_init__(self):
        super().__post_init__()
        require_flags(self, "normalised")
        require(self.in_group > 1, f"groups must have two experts at least, got {self.groups} groups of {self.routed}")


ROUTING = {"softmax": SoftmaxExperts, "sigmoid": SigmoidExperts}


def require_experts(config, n_layers: int, feedforward: str) -> None:
    """Raises ValueError unless `config` describes experts of a model with so many layers and such networks."""
    kind = type(config)
    require(kind in ROUTING.values(), f"experts must be SoftmaxExperts, SigmoidExperts or None, got {kind.__name__}")
    require(feedforward == "swiglu", f"feedforward must be swiglu, which experts are, got {feedforward!r}")
    require(config.first < n_layers, f"first of experts must be smaller than n_layers = {n_layers}, got {config.first}")


def experts_as_dict(config: ExpertsConfig | None) -> dict | None:
    """Plain values for JSON."""
    return config and {"kind": next(name for name, kind in ROUTING.items() if kind is type(config))} | asdict(config)


def experts_from_dict(values: Mapping | None) -> ExpertsConfig | None:
    """The inverse of `experts_as_dict`. Raises ValueError for keys that are unknown or missing."""
    if values is None:
        return None
    require(isinstance(values, Mapping), f"experts must be an object with its fields, got {values!r}")
    kind = values.get("kind")
    known = isinstance(kind, str) and kind in ROUTING
    require(known, f"experts' kind must be one of {', '.join(ROUTING)}, got {kind!r}")
    return from_fields(ROUTING[kind], {name: value for name, value in values.items() if name != "kind"})
