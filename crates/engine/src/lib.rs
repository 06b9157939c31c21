/*! The Python side of mod_wsgi_rs: one library for every CPython from 3.9.

| file | what |
|---|---|
| `entry/` | the doors: for an Apache child, for a daemon process |
| `daemon/` | a daemon process: workers, channel, supervisor's orders |
| `registry`, `interpreter` | the interpreters of the process and what each keeps |
| `serve`, `script`, `source`, `wsgi/` | one request: the script, the environ, the call, the body |
| `request`, `exchange`, `head` | a request's way back to its server |
| `python_module`, `set_up.py`, `stream` | the modules `mod_wsgi` and `apache`, the standard streams |
| `maker` | the thread on which sub-interpreters are made |
| `metrics/` | what applications may hear of requests, and ask about them and about httpd |
| `clock` | the time of day |
| `locks`, `turn` | what threads do one at a time |
| `logging`, `failure`, `panics` | what the error log is told |
| `capi/` | Python's C API as thin safe types |

Not linked to libpython, and without any symbol of Apache: whoever loads it brings Python, and hands over the
functions to answer with. *Runs in: Apache child, daemon.* */

mod capi;
mod clock;
mod daemon;
mod entry;
mod exchange;
mod failure;
mod head;
mod interpreter;
mod keys;
mod leave;
mod locks;
mod logging;
mod maker;
mod metrics;
mod panics;
mod python_module;
mod registry;
mod request;
mod script;
mod serve;
mod source;
mod stream;
mod turn;
mod wsgi;
