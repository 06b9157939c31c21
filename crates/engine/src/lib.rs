/*! The Python side of mod_wsgi_rs: one library for every CPython from 3.9.

| file | what |
|---|---|
| `entry/` | the doors: for an Apache child, for a daemon process |
| `daemon/` | a daemon process: workers, channel, limits, changed scripts |
| `gateway/` | one request: the script, the environ, the call, the body; the modules `mod_wsgi` and `apache` |
| `metrics/` | what applications may hear of requests, and ask about them and about httpd |
| `request/` | a request's way back to its server |
| `interpreter/` | the interpreters of the process and what each keeps, the thread on which they are made, their end |
| `capi/` | Python's C API as thin safe types, and the process that Python runs in |
| `logging/` | lines for the error log |
| `sync/` | locks, turns, the time of day |

Not linked to libpython, and without any symbol of Apache: whoever loads it brings Python, and hands over the
functions to answer with. *Runs in: Apache child, daemon.* */

mod capi;
mod daemon;
mod entry;
mod gateway;
mod interpreter;
mod logging;
mod metrics;
mod request;
mod sync;
