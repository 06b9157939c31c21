/*! A daemon process: native worker threads that take requests from the process's connections and run them in this interpreter.

| file | what |
|---|---|
| `process` | from the first message to the end |
| `state` | what the threads share |
| `workers/` | the worker threads, how many of them run at a time, what each is doing, and the process's slot in its group's table |
| `channel/` | the process's connections, the frames of one of them, and the memory that it shares with the child |
| `limits/` | time limits, dead locks, stacks in the log, why the process ends |
| `reload/` | changed scripts |
| `control`, `descriptors` | the supervisor's messages, and which descriptors are the engine's own |
| `subscribers`, `scoreboard` | what applications may hear: signals, and what httpd does |

*Runs in: daemon.* */

mod channel;
mod control;
mod descriptors;
mod limits;
mod process;
mod reload;
mod scoreboard;
mod state;
mod subscribers;
mod workers;

pub use process::{Inherited, serve};
