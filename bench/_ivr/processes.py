"""CPU and memory of the platform's processes, from /proc."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """What one role has used so far: the process and every descendant."""

    cpu_s: float
    rss_mb: float
    "Proportional set size: memory shared between processes is counted once."


def _stat(pid: int) -> tuple[int, float] | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None
    # Children that were waited for are counted with their parent (fields 16, 17), so none gets lost.
    return int(fields[1]), sum(int(fields[i]) for i in (11, 12, 13, 14)) / TICKS


def _pss_mb(pid: int) -> float:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0


def usage(roles: Mapping[str, int]) -> dict[str, Usage]:
    """Usage by role. `roles` are pids; a descendant that has a role of its own counts there only."""
    stats = {int(d.name): s for d in Path("/proc").iterdir() if d.name.isdigit() and (s := _stat(int(d.name)))}
    owner = {pid: role for role, pid in roles.items()}

    def role_of(pid: int) -> str | None:
        while pid in stats:
            if pid in owner:
                return owner[pid]
            pid = stats[pid][0]
        return None

    total: dict[str, tuple[float, float]] = dict.fromkeys(roles, (0.0, 0.0))
    for pid, (_, cpu_s) in stats.items():
        role = role_of(pid)
        if role is not None:
            cpu, memory = total[role]
            total[role] = (cpu + cpu_s, memory + _pss_mb(pid))
    return {role: Usage(cpu, memory) for role, (cpu, memory) in total.items()}
