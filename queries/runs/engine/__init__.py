"""The engine: executes runs. The database rows decide; the queue only wakes the worker.

    queue -> tasks -> scheduler   one leased task; one HTTP call per due run, in threads
                      fetching    one task per finished job: its rows, as one stream
                      recovery    idempotent; finds what a crash or a lost wake-up left behind
    web process ----> executor    a small pool; the lease keeper renews leases and sees cancels

Every step is the same: claim (one conditional UPDATE that writes a lease token), one HTTP call
outside any transaction, one UPDATE guarded by the token. If the lease was lost, the outcome is
discarded.
"""

from __future__ import annotations
