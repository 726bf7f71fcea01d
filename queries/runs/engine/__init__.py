"""What moves runs forward. The rows are the truth, and the queue only rings the bell.

    bell ─▶ tasks ─▶ pump     one leased task; one remote call per due run, in threads
                     fetching one task per run whose job is done: its rows, as one stream
                     sweep    idempotent; finds what a crash or a lost wake-up left behind
    web process ───▶ direct   a small pool; a keeper renews its leases and watches for cancels

Every step is the same: claim (one conditional UPDATE that writes a lease token), one remote
call outside any transaction, one UPDATE guarded by the token. Who lost the lease throws the
outcome away.
"""

from __future__ import annotations
