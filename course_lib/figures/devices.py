"""What one token leaves on each of several devices when the heads of a layer are split over them."""

from collections.abc import Sequence
from dataclasses import replace

from matplotlib.figure import Figure

from course_lib.config import GroupedConfig, LatentConfig, is_whole, require
from course_lib.figures.left_behind import method, strip


def on_each_device(config: GroupedConfig | LatentConfig, devices: int) -> GroupedConfig | LatentConfig:
    """The config of one device's cache: its share of the KV heads, at least one; a latent row stays whole."""
    if isinstance(config, LatentConfig):
        return config
    return replace(config, n_kv_heads=max(1, config.n_kv_heads // devices))


def split_over_devices(configs: Sequence[GroupedConfig | LatentConfig], devices: Sequence[int]) -> Figure:
    """Draw what a token leaves on one device, to scale, for each config and each number of devices.

    A latent row is drawn once, since it is the same on every device. Raises ValueError unless each number of devices
    divides the number of heads of each config.
    """
    rows = []
    for config in configs:
        name = method(config)
        good = all(is_whole(count) and config.n_heads % count == 0 for count in devices)
        require(good, f"devices must be numbers that divide {config.n_heads} heads, got {list(devices)}")
        if isinstance(config, LatentConfig):
            rows.append((f"{name} on any", name, config))
        else:
            rows += [(f"{name} on {count}", name, on_each_device(config, count)) for count in devices]
    return strip(rows)
