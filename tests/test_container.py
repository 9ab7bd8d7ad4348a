"""course_lib.container on control groups as Linux shows them in containers, nested groups, and on plain machines."""

import pytest

from course_lib import container
from course_lib.container import Memory

MIB = 2**20


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """Write the groups of this process: the lines of /proc/self/cgroup, and files below /sys/fs/cgroup."""
    monkeypatch.setattr(container, "GROUPS", tmp_path / "lines")
    monkeypatch.setattr(container, "MOUNT", tmp_path / "mount")

    def write(lines: str, files: dict[str, object]) -> None:
        (tmp_path / "lines").write_text(lines)
        for name, content in files.items():
            path = tmp_path / "mount" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{content}\n")

    return write


def test_pages_of_files_count_as_free(groups):
    """A container of 4 GiB that has read much: 100 MiB are in use, and not 4 GiB."""
    stat = f"anon {90 * MIB}\nfile {3996 * MIB}\ninactive_file {3980 * MIB}\nactive_file {16 * MIB}"
    groups("0::/\n", {"memory.max": 4096 * MIB, "memory.current": 4080 * MIB, "memory.stat": stat})
    assert container.memory() == Memory(free=3996 * MIB, limit=4096 * MIB)


def test_the_group_that_leaves_least_decides(groups):
    upper = {"a/memory.max": 100 * MIB, "a/memory.current": 90 * MIB, "a/memory.stat": "inactive_file 0"}
    lower = {"a/b/memory.max": 80 * MIB, "a/b/memory.current": 10 * MIB, "a/b/memory.stat": "inactive_file 0"}
    groups("0::/a/b\n", upper | lower)
    assert container.memory() == Memory(10 * MIB, 100 * MIB)


def test_a_path_of_the_host_is_read_from_the_root_of_the_mount(groups):
    groups("0::/system.slice/docker-1.scope\n", {"memory.max": 100 * MIB, "memory.current": 30 * MIB})
    assert container.memory() == Memory(70 * MIB, 100 * MIB)


def test_version_1(groups):
    stat = f"inactive_file 1\ntotal_inactive_file {20 * MIB}"
    memory = {"memory.limit_in_bytes": 100 * MIB, "memory.usage_in_bytes": 50 * MIB, "memory.stat": stat}
    cpu = {"cpu.cfs_quota_us": 150_000, "cpu.cfs_period_us": 100_000}
    files = {f"memory/x/{name}": value for name, value in memory.items()}
    files |= {f"cpu,cpuacct/{name}": value for name, value in cpu.items()}
    groups("4:memory:/x\n2:cpu,cpuacct:/host/y\n1:name=systemd:/\n0::/\n", files)
    assert container.memory() == Memory(70 * MIB, 100 * MIB)
    assert container.cores() == 2


@pytest.mark.parametrize(
    "line, cores", [("200000 100000", 2), ("250000 100000", 3), ("5000 100000", 1), ("max 100000", None)]
)
def test_cores_are_quota_by_period_rounded_up(groups, line, cores):
    groups("0::/\n", {"cpu.max": line})
    assert container.cores() == cores


def test_without_limits_nothing_is_said(groups):
    groups("0::/\n", {"memory.max": "max", "memory.current": 5, "cpu.max": "max 100000"})
    assert container.memory() is None and container.cores() is None
    groups("2:cpu:/\n", {"cpu/cpu.cfs_quota_us": -1, "cpu/cpu.cfs_period_us": 100_000})
    assert container.cores() is None


def test_a_machine_without_control_groups(tmp_path, monkeypatch):
    monkeypatch.setattr(container, "GROUPS", tmp_path / "none")
    monkeypatch.setattr(container, "MOUNT", tmp_path / "none")
    assert container.memory() is None and container.cores() is None
