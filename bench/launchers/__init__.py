"""Where jobs run: in this process, in worker processes beside it, or on the machines of a Ray cluster.

Whatever the place, bench.launch.run_job brings a job to its end, under the lock of its run folder; so what is
finished is not done again, what was cut short goes on from its checkpoint, and no run has two writers.
"""

from bench.launchers.start import Launcher, launch, run_jobs

__all__ = ["Launcher", "launch", "run_jobs"]
