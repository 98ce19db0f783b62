"""What the measurements of the running daemon have in common."""
import os
import pathlib


def thread_cpu_s(pid, name):
    """Seconds of CPU that the threads of this name have taken, by /proc; in steps of a clock tick."""
    ticks = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text().strip() == name:
            fields = (task / "stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
